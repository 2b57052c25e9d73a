import { z } from "zod";

import { djangoSettings } from "../django.ts";
import {
  absolutePath,
  flag,
  group,
  hostAddress,
  imageReference,
  logSettings,
  numericId,
  port,
  serviceSettings,
  text,
  timeZone,
  wholeNumber,
} from "../fields.ts";
import { postgresqlSettings } from "../postgresql.ts";
import type { Question } from "../question.ts";
import { copedRules } from "./rules.ts";

const copedGroup = group({
  name: text("1 to 40 lower-case letters, digits, - and _, with a letter or digit first", /^[a-z0-9][a-z0-9_-]{0,39}$/)
    .default("coped")
    .meta({
      description: "Prefix of the names of all containers, volumes and networks.",
      variable: "COMPOSE_PROJECT_NAME",
      question: { order: 10, ask: "What all names in Docker begin with" } satisfies Question,
      caution: "Cannot change once the stack is deployed: its volumes are protected, and would have to be replaced.",
    }),
  application: group({
    ...djangoSettings({ image: "images.web" }),
    workers: wholeNumber(1, 64, "processes").default(2).meta({
      description: "Gunicorn's processes (WEB_CONCURRENCY); without a meaning in dev.",
      unit: "processes",
    }),
  })
    .prefault({})
    .meta({ description: "The Django application, which is yours." }),
  userId: numericId().default(1000).meta({
    description: "User id of the application's processes; in dev the owner of `application.folder`.",
    caution: "0, the user root, is refused.",
  }),
  groupId: numericId()
    .optional()
    .meta({
      description: "Group id of the application's processes. Without it: the same number as `userId`.",
      examples: [1000],
    }),
  hostAddress: hostAddress().default("127.0.0.1").meta({
    description: "Address of the host on which nginx listens.",
    caution: "nginx speaks plain HTTP: beyond this host, put a web server with a certificate in front of it.",
  }),
  hostPort: port()
    .default(1337)
    .meta({
      description: "Port of the host on which nginx listens.",
      question: { order: 30, ask: "Port of the host on which nginx listens" } satisfies Question,
    }),
  bypass: group({
    hostAddress: hostAddress().default("127.0.0.1").meta({
      description: "Address of the host on which the application listens by itself.",
    }),
    hostPort: port()
      .default(8000)
      .meta({
        description: "Port of the host on which the application listens by itself.",
        question: {
          order: 31,
          ask: "Port of the host on which the application listens by itself, past nginx",
          suggestion: 8000,
          environments: ["dev"],
        } satisfies Question,
      }),
  })
    .optional()
    .meta({ description: "When this key is there, the application is also reached past nginx; only in dev." }),
  flushDatabase: flag()
    .default(false)
    .meta({
      description: "Whether a deployment that starts the application anew empties all tables first; only in dev.",
      question: {
        order: 60,
        ask: "Empty all tables of the database at each deployment that starts the application anew",
        environments: ["dev"],
      } satisfies Question,
      caution: "Destroys all data of the database.",
    }),
  database: group(postgresqlSettings("coped")).prefault({}).meta({ description: "The database, PostgreSQL." }),
  superuser: group({
    username: text("1 to 150 letters, digits, @, '.', +, - and _", /^[\w.@+-]{1,150}$/)
      .default("admin")
      .meta({
        description: "Name of the superuser that is created where there is none of that name.",
        question: { order: 80, ask: "Name of the first user" } satisfies Question,
        caution: "Another name creates one more superuser; the first one stays.",
      }),
  })
    .prefault({})
    .meta({ description: "The first user." }),
  elasticsearch: group({
    container: flag()
      .default(true)
      .meta({
        description: "Run Elasticsearch. With false, the application is told of no search engine.",
        question: { order: 50, ask: "Run Elasticsearch" } satisfies Question,
        caution: "Cannot become false once the stack is deployed: the volume of the indices is protected.",
      }),
  })
    .prefault({})
    .meta({ description: "The search engine." }),
  voila: group({
    container: flag()
      .default(true)
      .meta({
        description: "Run Voila, which shows notebooks as pages under /voila/.",
        question: { order: 55, ask: "Run Voila, which shows notebooks as pages" } satisfies Question,
      }),
    notebooks: absolutePath()
      .optional()
      .meta({
        description:
          "Folder of the host with the notebooks; only in dev. Without it, and elsewhere: those of the image, in /notebooks.",
        examples: ["/home/me/notebooks"],
      }),
    idleTimeoutSeconds: wholeNumber(10, 86_400, "seconds")
      .default(600)
      .meta({
        description:
          "How long a notebook's kernel may send nothing before it is ended, be it idle or busy, and whether or not somebody " +
          "has the page open.",
        unit: "seconds",
      }),
    cullIntervalSeconds: wholeNumber(1, 3600, "seconds").default(60).meta({
      description: "How often kernels are looked through for such.",
      unit: "seconds",
    }),
  })
    .prefault({})
    .meta({ description: "Voila." }),
  images: group({
    web: imageReference()
      .optional()
      .meta({
        description: "Image of the application.",
        examples: ["registry.example.org/coped/web:1.0"],
      }),
    nginx: imageReference()
      .optional()
      .meta({ description: "Image of nginx.", examples: ["docker.io/library/nginx:1.28.0"] }),
    db: imageReference()
      .optional()
      .meta({ description: "Image of PostgreSQL.", examples: ["docker.io/library/postgres:15.14"] }),
    elasticsearch: imageReference()
      .optional()
      .meta({
        description:
          "Image of Elasticsearch, 7 or 8. What dev builds is a reduced distribution, for development and tests only.",
        examples: ["docker.elastic.co/elasticsearch/elasticsearch:8.19.7"],
      }),
    voila: imageReference()
      .optional()
      .meta({ description: "Image of Voila with your notebooks.", examples: ["registry.example.org/coped/voila:1.0"] }),
  })
    .prefault({})
    .meta({
      description:
        "Images by reference. In dev, what is not set is built; staging asks for exact tags, prod for digests.",
    }),
  services: group({
    web: serviceSettings(512).meta({ description: "The application." }),
    nginx: serviceSettings(128).meta({ description: "nginx." }),
    db: serviceSettings(512).meta({ description: "The database." }),
    elasticsearch: serviceSettings(2048).meta({ description: "The search engine, whose heap is half of this." }),
    voila: serviceSettings(1024).meta({ description: "Voila with all kernels." }),
  })
    .prefault({})
    .meta({ description: "Limits of each service." }),
  logs: logSettings(),
  timeZone: timeZone()
    .default("UTC")
    .meta({ description: "Time zone of the containers.", examples: ["Europe/London"] }),
});

/** Everything that a user may say about COPED, except its secrets. */
export const copedSettings = copedGroup
  .superRefine(copedRules, { when: () => true })
  .transform((settings) => ({ ...settings, groupId: settings.groupId ?? settings.userId }));

/** The settings of COPED, with every default filled in. */
export type CopedSettings = z.output<typeof copedSettings>;
