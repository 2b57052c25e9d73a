import { z } from "zod";

import { djangoSettings } from "../django.ts";
import {
  absolutePath,
  flag,
  group,
  hostAddress,
  imageReference,
  list,
  logSettings,
  numericId,
  port,
  serviceSettings,
  text,
  timeZone,
} from "../fields.ts";
import { postgresqlSettings } from "../postgresql.ts";
import type { Question } from "../question.ts";

/** The image of TF Serving unless another is set: it is in no package registry, so it cannot be built here. */
export const tfServingImage = "docker.io/tensorflow/serving:2.18.0";

/**
 * Where a service listens on the host in dev.
 *
 * @param asked place of the question for the port, and when it is asked
 */
function devPublication(service: string, usualPort: number, asked: Pick<Question, "order" | "when">) {
  return {
    hostAddress: hostAddress()
      .default("127.0.0.1")
      .meta({ description: `Address of the host on which ${service} listens in dev; elsewhere it is not published.` }),
    hostPort: port()
      .default(usualPort)
      .meta({
        description: `Port of the host on which ${service} listens in dev.`,
        question: {
          ...asked,
          ask: `Port of the host on which ${service} listens`,
          environments: ["dev"],
        } satisfies Question,
      }),
  };
}

/** Everything that a user may say about Siddata, except its secrets. */
export const siddataSettings = group({
  name: text("1 to 40 lower-case letters, digits, - and _, with a letter or digit first", /^[a-z0-9][a-z0-9_-]{0,39}$/)
    .default("siddata")
    .meta({
      description: "Prefix of the names of all containers, volumes and networks.",
      variable: "COMPOSE_PROJECT_NAME",
      question: { order: 10, ask: "What all names in Docker begin with" } satisfies Question,
      caution: "Cannot change once the stack is deployed: its volumes are protected, and would have to be replaced.",
    }),
  documentedNames: flag()
    .default(false)
    .meta({
      description:
        "Name the containers as Siddata's own documentation does, such as siddata_server_backend_1, so that its commands " +
        "work as they stand there. Volumes and networks keep `name`.",
      question: {
        order: 11,
        ask: "Name the containers as Siddata's documentation does, such as siddata_server_backend_1",
      } satisfies Question,
      caution: "One stack on a host at a time. A change replaces the containers, not the data.",
    }),
  userId: numericId()
    .default(1000)
    .meta({
      description: "User id of the backend's processes: in dev the developer's, who owns the code.",
      variable: "COMPOSE_UID",
      question: { order: 15, ask: "User id of the backend's processes, in dev yours (id -u)" } satisfies Question,
    }),
  groupId: numericId()
    .optional()
    .meta({
      description: "Group id of the backend's processes. Without it: the same number as `userId`.",
      variable: "COMPOSE_GID",
      question: {
        order: 16,
        ask: "Group id of the backend's processes; without it the same number",
      } satisfies Question,
      examples: [1000],
    }),
  backend: group({
    ...djangoSettings({ image: "images.backend" }),
    migrate: flag()
      .optional()
      .meta({
        description:
          "Migrate the database and create the superuser at each deployment that changes the backend. Without it: in dev. " +
          "Otherwise by hand: `./slipway task run migrate`, then `./slipway task run superuser`.",
      }),
    dataFolders: list(absolutePath(), "a list of absolute paths in the container")
      .default([])
      .meta({
        description:
          "Folders of the container that are kept in volumes, such as that of uploads. The image has to have them, owned " +
          "by `userId`; all others but /tmp are read-only.",
        examples: [["/srv/media"]],
      }),
    ...devPublication("the backend", 8000, { order: 30 }),
  })
    .prefault({})
    .meta({ description: "The Django application." }),
  db: group({
    ...postgresqlSettings("siddata"),
    ...devPublication("the database", 5432, { order: 43 }),
  })
    .prefault({})
    .meta({ description: "The database, PostgreSQL." }),
  adminer: group({
    container: flag()
      .default(true)
      .meta({
        description: "Run Adminer in dev. Elsewhere there is none.",
        question: { order: 50, ask: "Run Adminer", environments: ["dev"] } satisfies Question,
      }),
    ...devPublication("Adminer", 8080, { order: 51, when: { "adminer.container": true } }),
  })
    .prefault({})
    .meta({ description: "Adminer, web pages to look after the database." }),
  tfServing: group({
    container: flag()
      .default(true)
      .meta({
        description: "Run TF Serving. Its image is in an image registry only: where none can be reached, leave it out.",
        question: { order: 55, ask: "Run TF Serving, whose image is in an image registry only" } satisfies Question,
      }),
    modelName: text("1 to 64 letters, digits, '.', - and _", /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/)
      .default("siddata")
      .meta({
        description: "Name of the model: the folder of that name among the models is served, in its latest version.",
        variable: "MODEL_NAME",
        question: { order: 56, ask: "Name of the model", when: { "tfServing.container": true } } satisfies Question,
      }),
    modelFolder: absolutePath()
      .optional()
      .meta({
        description:
          "Folder of the host with the models, as <model>/<version>/saved_model.pb. Without it: the volume <name>-models.",
        question: {
          order: 57,
          ask: "Folder of the host with the models; without it a volume",
          when: { "tfServing.container": true },
        } satisfies Question,
        examples: ["/srv/models"],
        caution: "TF Serving does not start before there is a model: a volume has to be filled first.",
      }),
    grpc: group(devPublication("TF Serving's gRPC", 8500, { order: 58, when: { "tfServing.container": true } }))
      .prefault({})
      .meta({ description: "TF Serving's gRPC." }),
    rest: group(devPublication("TF Serving's REST", 8501, { order: 59, when: { "tfServing.container": true } }))
      .prefault({})
      .meta({ description: "TF Serving's REST." }),
  })
    .prefault({})
    .meta({ description: "TF Serving, which runs the trained models." }),
  proxy: group({
    hostAddress: hostAddress().default("0.0.0.0").meta({
      description: "Address of the host on which nginx listens in staging and prod; dev has no nginx.",
      caution:
        "nginx speaks plain HTTP: with 127.0.0.1 only a web server with a certificate in front of it reaches it.",
    }),
    hostPort: port()
      .default(80)
      .meta({
        description: "Port of the host on which nginx listens.",
        question: {
          order: 60,
          ask: "Port of the host on which nginx listens",
          environments: ["staging", "prod"],
        } satisfies Question,
      }),
  })
    .prefault({})
    .meta({ description: "nginx, in front of the backend." }),
  superuser: group({
    username: text("1 to 150 letters, digits and @ . + - _", /^[A-Za-z0-9@.+_-]{1,150}$/)
      .default("admin")
      .meta({
        description: "Name of the superuser, who is created where there is none of that name.",
        question: { order: 80, ask: "Name of the first user" } satisfies Question,
        caution: "Another name creates one more superuser; the first one stays.",
      }),
  })
    .prefault({})
    .meta({ description: "The first user." }),
  images: group({
    backend: imageReference()
      .optional()
      .meta({ description: "Image of the backend.", examples: ["registry.example.org/siddata/backend:1.2.0"] }),
    db: imageReference()
      .optional()
      .meta({ description: "Image of the database.", examples: ["docker.io/library/postgres:15.10"] }),
    adminer: imageReference()
      .optional()
      .meta({ description: "Image of Adminer.", examples: ["docker.io/library/adminer:4.8.1"] }),
    proxy: imageReference()
      .optional()
      .meta({ description: "Image of nginx.", examples: ["docker.io/library/nginx:1.26.2"] }),
    tfServing: imageReference()
      .optional()
      .meta({ description: "Image of TF Serving.", examples: [tfServingImage] }),
  })
    .prefault({})
    .meta({
      description:
        "Images by reference. In dev, what is not set is built; staging asks for exact tags, prod for digests.",
    }),
  services: group({
    backend: serviceSettings(512).meta({ description: "The backend." }),
    db: serviceSettings(512).meta({ description: "The database." }),
    adminer: serviceSettings(256).meta({ description: "Adminer." }),
    tfServing: serviceSettings(2048).meta({ description: "TF Serving." }),
    proxy: serviceSettings(128).meta({ description: "nginx." }),
  })
    .prefault({})
    .meta({ description: "Limits of each service." }),
  logs: logSettings(),
  timeZone: timeZone()
    .default("UTC")
    .meta({ description: "Time zone of the containers.", examples: ["Europe/Berlin"] }),
}).transform((settings) => ({ ...settings, groupId: settings.groupId ?? settings.userId }));

/** The settings of Siddata, with every default filled in that is the same in all environments. */
export type SiddataSettings = z.output<typeof siddataSettings>;
