import { z } from "zod";

import {
  absolutePath,
  cpuLimit,
  flag,
  group,
  hostAddress,
  imageReference,
  list,
  logSettings,
  numericId,
  oneOf,
  port,
  serviceSettings,
  text,
  timeZone,
  wholeNumber,
} from "../fields.ts";
import type { Question } from "../question.ts";

/** The image of Grafana unless another is set: it is in no package registry, so it cannot be built here. */
export const grafanaImage =
  "docker.io/grafana/grafana:11.6.0@sha256:62d2b9d20a19714ebfe48d1bb405086081bc602aa053e28cf6d73c7537640dfb";

/** An agent's instance id, which is part of its address in WAMP and of its container's name. */
function instanceId() {
  return text("1 to 64 letters, digits, - and _, such as LSA99ZZ", /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/);
}

/** A host name, under which a site configuration file lists agents. */
function agentHostname() {
  return text(
    "a host name of letters, digits and -, such as ocs-docker",
    /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/,
  );
}

/** A server on another machine, asked for by a question of this place. */
function server(what: string, example: string, order: number) {
  return text(
    "the host name or IP address of another machine",
    /^(?!localhost$|127\.)[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/,
  )
    .optional()
    .meta({
      description: `Address of ${what} on another machine, which listens there on \`hostPort\`; only with \`container: false\`.`,
      question: {
        order,
        ask: `Address of ${what} on another machine; without it the network has it`,
        when: { [`${what.toLowerCase()}.container`]: false },
      } satisfies Question,
      examples: [example],
    });
}

/** Whether a service of OCS is one of the stack's, asked for by a question of this place. */
function container(service: string, order: number) {
  return flag()
    .default(true)
    .meta({
      description: `Run ${service} in a container of this stack.`,
      question: { order, ask: `Run ${service} in a container of this stack` } satisfies Question,
    });
}

/** A folder of the host that holds data in place of a volume, asked for by this question. */
function dataDirectory(example: string, question: Question) {
  return absolutePath()
    .optional()
    .meta({
      description: "Existing folder of the host for the data. Without it they are in a volume.",
      question,
      caution: "What is in the volume or folder used before is not moved.",
      examples: [example],
    });
}

const network = z.discriminatedUnion(
  "kind",
  [
    group({ kind: z.literal("own").meta({ description: "The stack makes the network, named `<name>-net`." }) }),
    group({
      kind: z.literal("external").meta({ description: "A network that exists, made by hand or by Docker Compose." }),
      name: text("a network's name of letters, digits, '.', - and _", /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/).meta({
        description: "Name of the network in Docker.",
        question: { order: 31, ask: "Name of the network in Docker", suggestion: "ocs-net" } satisfies Question,
        examples: ["ocs-net"],
      }),
    }),
    group({
      kind: z
        .literal("stack")
        .meta({ description: "The network of another stack of this project, which is deployed." }),
      stack: text("a stack's name of letters, digits, '.', - and _", /^[A-Za-z0-9_.-]{1,100}$/).meta({
        description: "Name of the stack that makes the network.",
        question: { order: 31, ask: "Name of the stack that makes the network" } satisfies Question,
        examples: ["ocs-core"],
      }),
    }),
  ],
  "must have a kind, one of: own, external, stack",
);

const agent = group({
  instanceId: instanceId().meta({
    description: "The agent's instance id, which is unique at the site.",
    variable: "INSTANCE_ID",
    examples: ["LSA99ZZ"],
  }),
  agentClass: text("the name of an agent class, such as FakeDataAgent", /^[A-Za-z_][A-Za-z0-9_]{0,99}$/)
    .optional()
    .meta({
      description: "The agent's class, one that its image holds. Needed unless `siteConfigDirectory` is set.",
      examples: ["Lakeshore372Agent"],
    }),
  image: imageReference()
    .optional()
    .meta({
      description: "Image of the agent, by reference. Without it: the stack's own image of OCS.",
      examples: ["docker.io/simonsobs/socs:v0.5.2"],
    }),
  arguments: list(
    z.union([z.string(), z.number(), z.boolean()], "must be a text, a number, true or false"),
    "a list of texts, numbers, true and false",
  )
    .default([])
    .meta({
      description: "The agent's arguments, as in a site configuration file.",
      caution: "Whoever may use Docker can read them: no secrets.",
      examples: [["--ip-address", "10.10.10.5"]],
    }),
  network: oneOf(["stack", "host"])
    .default("stack")
    .meta({
      description:
        "`stack`: the stack's network. `host`: the host's own network, for devices that only it reaches; the agent then " +
        "finds Crossbar at its published port.",
    }),
  hostname: agentHostname()
    .optional()
    .meta({
      description: "Host name under which the site configuration file lists the agent. Without it: `ocs.hostname`.",
      examples: ["grumpy-docker"],
    }),
  devices: list(absolutePath(), "a list of absolute paths of devices")
    .default([])
    .meta({
      description: "Devices of the host that the agent may use, at the same path.",
      examples: [["/dev/ttyUSB0"]],
    }),
  groupIds: list(numericId(), "a list of group numbers")
    .default([])
    .meta({
      description:
        "Groups of the host, by number, that the agent belongs to besides its own: the owners of its devices.",
      examples: [[20]],
    }),
  memory: wholeNumber(64, 1_048_576, "MiB").default(256).meta({
    description: "Memory limit of the agent's container.",
    unit: "MiB",
    caution: "A process that needs more is killed by the kernel.",
  }),
  cpus: cpuLimit(),
  restart: oneOf(["unless-stopped", "always", "on-failure", "no"])
    .default("unless-stopped")
    .meta({ description: "When Docker starts the agent again after it ended." }),
  running: flag()
    .default(true)
    .meta({
      description:
        "With false, the agent's container is made but not started: `docker start` and `docker stop` are yours, and no " +
        "deployment minds which of the two it is.",
    }),
});

/** Everything that a user may say about OCS, except its secrets. */
export const ocsSettings = group({
  name: text("1 to 40 lower-case letters, digits, - and _, a letter or digit first", /^[a-z0-9][a-z0-9_-]{0,39}$/)
    .default("ocs")
    .meta({
      description: "Prefix of the names of all containers, volumes and networks.",
      question: { order: 10, ask: "What all names in Docker begin with" } satisfies Question,
      caution: "Cannot change once the stack is deployed: its volumes are protected, and would have to be replaced.",
    }),
  network: network.prefault({ kind: "own" }).meta({
    description: "The network on which the services and agents find each other, which several stacks may share.",
    question: { order: 30, ask: "Whose the network is" } satisfies Question,
  }),
  hostname: agentHostname()
    .default("ocs-docker")
    .meta({
      description: "Host name under which the site configuration file lists the agents that have no other.",
      question: {
        order: 21,
        ask: "Host name under which the site configuration file lists the agents",
      } satisfies Question,
    }),
  siteConfigDirectory: absolutePath()
    .optional()
    .meta({
      description:
        "Folder of the host with a site configuration file of your own, default.yaml, which all agents see, read-only, " +
        "as /config. Without it each agent is given its part of a generated one.",
      variable: "OCS_CONFIG_DIR",
      question: {
        order: 20,
        ask: "Folder of the host with your site configuration file, default.yaml; without it one is written",
      } satisfies Question,
      caution: "A changed file is read by agents that are started anew: `docker restart` them.",
      examples: ["/etc/ocs-site-configs"],
    }),
  crossbar: group({
    container: container("Crossbar", 40),
    hostAddress: hostAddress().default("127.0.0.1").meta({
      description: "Address of the host on which Crossbar listens.",
      caution: "Crossbar asks for no password: whoever reaches it controls every agent.",
    }),
    hostPort: port()
      .default(8001)
      .meta({
        description: "Port of the host on which Crossbar listens.",
        variable: "OCS_CROSSBAR_PORT",
        question: { order: 41, ask: "Port on which Crossbar listens" } satisfies Question,
      }),
    server: server("Crossbar", "10.10.10.2", 42),
    realm: text("1 to 64 letters, digits, '.', - and _", /^[A-Za-z0-9_.-]{1,64}$/)
      .default("test_realm")
      .meta({ description: "Realm of WAMP that all agents join.", variable: "OCS_CROSSBAR_REALM" }),
    addressRoot: text("1 to 64 lower-case letters, digits and _, a letter first", /^[a-z][a-z0-9_]{0,63}$/)
      .default("observatory")
      .meta({ description: "What all agents' addresses begin with.", variable: "OCS_ADDRESS_ROOT" }),
  })
    .prefault({})
    .meta({ description: "Crossbar, through which agents and clients talk." }),
  influxdb: group({
    container: container("InfluxDB", 50),
    hostAddress: hostAddress().default("127.0.0.1").meta({
      description: "Address of the host on which InfluxDB listens.",
      caution: "InfluxDB asks for no password.",
    }),
    hostPort: port()
      .default(8086)
      .meta({
        description: "Port of the host on which InfluxDB listens.",
        question: { order: 51, ask: "Port on which InfluxDB listens" } satisfies Question,
      }),
    server: server("InfluxDB", "10.10.10.2", 52),
    dataDirectory: dataDirectory("/srv/influxdb", {
      order: 53,
      ask: "Folder of the host for InfluxDB's data; without it a volume",
      when: { "influxdb.container": true },
    }),
    userId: numericId().default(999).meta({
      description: "User and group id of InfluxDB's process: the owner of its `dataDirectory`.",
    }),
  })
    .prefault({})
    .meta({ description: "InfluxDB 1.x, which keeps the recent data for Grafana." }),
  grafana: group({
    container: container("Grafana", 60).meta({
      description:
        "Run Grafana in a container of this stack. Its image comes from an image registry: say false where none is in reach.",
    }),
    hostAddress: hostAddress().default("127.0.0.1").meta({
      description: "Address of the host on which Grafana listens.",
      caution: "Grafana speaks plain HTTP: passwords travel unencrypted.",
    }),
    hostPort: port()
      .default(3000)
      .meta({
        description: "Port of the host on which Grafana listens.",
        question: {
          order: 61,
          ask: "Port of the host on which Grafana listens",
          when: { "grafana.container": true },
        } satisfies Question,
      }),
  })
    .prefault({})
    .meta({ description: "Grafana, the live monitor." }),
  aggregator: group({
    container: container("the aggregator", 70),
    instanceId: instanceId().default("aggregator").meta({ description: "Its instance id." }),
    dataDirectory: dataDirectory("/data", {
      order: 71,
      ask: "Folder of the host for the .g3 files, which belongs to user 9000; without it a volume",
      when: { "aggregator.container": true },
    }).meta({
      description:
        "Existing folder of the host for the .g3 files, which belongs to user 9000. Without it they are in a volume.",
    }),
    secondsPerFile: wholeNumber(10, 86_400, "seconds").default(3600).meta({
      description: "How much time one .g3 file covers. Without a meaning when `siteConfigDirectory` is set.",
      unit: "seconds",
    }),
  })
    .prefault({})
    .meta({ description: "The aggregator, which writes .g3 files." }),
  publisher: group({
    container: container("the InfluxDB publisher", 75),
    instanceId: instanceId().default("influxagent").meta({ description: "Its instance id." }),
    database: text("1 to 64 letters, digits and _", /^[A-Za-z0-9_]{1,64}$/)
      .default("ocs_feeds")
      .meta({
        description: "Database of InfluxDB that it writes to and Grafana reads from.",
        caution: "Another name is another, empty database.",
      }),
  })
    .prefault({})
    .meta({ description: "The InfluxDB publisher, which hands feeds to InfluxDB." }),
  registry: group({
    container: container("the registry", 76),
    instanceId: instanceId().default("registry").meta({ description: "Its instance id." }),
  })
    .prefault({})
    .meta({ description: "The registry, which keeps track of the agents." }),
  agents: list(agent, "a list of agents").default([]).meta({
    description:
      "The agents that control the hardware. Each is a container of its own, and is changed without the others.",
  }),
  images: group({
    ocs: imageReference()
      .optional()
      .meta({ description: "Image of OCS.", examples: ["docker.io/simonsobs/ocs:v0.11.3"] }),
    crossbar: imageReference()
      .optional()
      .meta({ description: "Image of Crossbar.", examples: ["docker.io/simonsobs/ocs-crossbar:v0.11.3"] }),
    influxdb: imageReference()
      .optional()
      .meta({ description: "Image of InfluxDB 1.x.", examples: ["docker.io/library/influxdb:1.8.10"] }),
    grafana: imageReference()
      .optional()
      .meta({ description: `Image of Grafana. Without it: \`${grafanaImage}\`.`, examples: [grafanaImage] }),
  })
    .prefault({})
    .meta({
      description:
        "Images by reference. In dev, what is not set is built from `images/`, but Grafana is always pulled; staging " +
        "asks for exact tags, prod for digests.",
    }),
  services: group({
    crossbar: serviceSettings(512).meta({ description: "Crossbar." }),
    influxdb: serviceSettings(1024).meta({ description: "InfluxDB." }),
    grafana: serviceSettings(512).meta({ description: "Grafana." }),
    aggregator: serviceSettings(512).meta({ description: "The aggregator." }),
    publisher: serviceSettings(256).meta({ description: "The InfluxDB publisher." }),
    registry: serviceSettings(256).meta({ description: "The registry." }),
  })
    .prefault({})
    .meta({ description: "Limits of each service. Each agent has its own." }),
  healthInterval: wholeNumber(2, 600, "seconds")
    .default(10)
    .meta({
      description:
        "Time between two looks at an agent's health, each of which takes a tenth of a second of processor time. " +
        "With hundreds of agents choose a longer one.",
      unit: "seconds",
    }),
  logs: logSettings(),
  timeZone: timeZone()
    .default("UTC")
    .meta({ description: "Time zone of the containers.", examples: ["Europe/London"] }),
  logLevel: oneOf(["debug", "info", "warn", "error"])
    .default("info")
    .meta({ description: "How much the agents log.", variable: "LOGLEVEL" }),
});

/** The settings of OCS, with every default filled in. */
export type OcsSettings = z.output<typeof ocsSettings>;
