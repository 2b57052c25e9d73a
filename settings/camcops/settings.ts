import { z } from "zod";

import { containerPath } from "./files.ts";
import { camcopsRules } from "./rules.ts";
import {
  absolutePath,
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
  serviceTerms,
  text,
  timeZone,
  volumeName,
  wholeNumber,
} from "../fields.ts";
import type { Question } from "../question.ts";

/** Sections of camcops.conf; what they may hold is judged by `config-check.ts`. */
function configSections<T extends z.ZodType>(value: T) {
  return z.record(
    z.string(),
    z.record(z.string(), value, "must be a group of keys and values (a YAML mapping)"),
    "must be a group of sections (a YAML mapping)",
  );
}

/** A value of camcops.conf. */
export const configValue = z.union(
  [z.string(), z.number(), z.boolean(), z.array(z.union([z.string(), z.number()]))],
  "must be a text, a number, true, false or a list of texts and numbers",
);

/**
 * Secret values of camcops.conf by section and key, such as `site.EMAIL_HOST_PASSWORD`. It is a secret of its own
 * (`camcopsSecretConfig`) and not part of {@link CamcopsSettings}, which holds nothing secret. The section `export` is
 * refused: Celery's arguments are made from it.
 */
export const camcopsSecretConfig = configSections(z.string("must be a text"));

/** Sections, keys and secret values of camcops.conf. */
export type CamcopsSecretConfig = z.output<typeof camcopsSecretConfig>;

/** What the certificates that a stack makes have in common. */
const made = {
  country: text("a country code of two capital letters (ISO 3166-1 alpha-2), such as GB", /^[A-Z]{2}$/)
    .optional()
    .meta({
      description: "Country of the certificate's subject.",
      variable: "CAMCOPS_INSTALLER_X509_COUNTRY_NAME",
      question: { order: 51, ask: "Country", when: { https: true } } satisfies Question,
      examples: ["GB"],
    }),
  stateOrProvince: subjectPart(128).meta({
    description: "State or province of the certificate's subject.",
    variable: "CAMCOPS_INSTALLER_X509_STATE_OR_PROVINCE_NAME",
    question: { order: 52, ask: "State or province", when: { https: true } } satisfies Question,
    examples: ["Cambridgeshire"],
  }),
  locality: subjectPart(128).meta({
    description: "Locality of the certificate's subject.",
    variable: "CAMCOPS_INSTALLER_X509_LOCALITY_NAME",
    question: { order: 53, ask: "Locality", when: { https: true } } satisfies Question,
    examples: ["Cambridge"],
  }),
  organization: subjectPart(64).meta({
    description: "Organisation of the certificate's subject.",
    variable: "CAMCOPS_INSTALLER_X509_ORGANIZATION_NAME",
    question: { order: 54, ask: "Organisation", when: { https: true } } satisfies Question,
    examples: ["University of Cambridge"],
  }),
  dnsNames: list(
    text(
      "a DNS name in lower case, such as camcops.example.com",
      /^(?=.{1,253}$)(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/,
    ),
    "a list of one or more DNS names",
    1,
  )
    .default(["localhost"])
    .meta({
      description: "DNS names that the certificate is valid for; the first one is in the URL that is shown.",
      variable: "CAMCOPS_INSTALLER_X509_DNS_NAME",
      question: { order: 55, ask: "DNS names, with blanks between", when: { https: true } } satisfies Question,
      examples: [["camcops.example.com"]],
    }),
  ipAddresses: list(z.union([z.ipv4(), z.ipv6()], "must be an IP address"), "a list of IP addresses")
    .default(["127.0.0.1"])
    .meta({ description: "IP addresses that the certificate is valid for." }),
  // Apple's systems refuse longer ones: https://support.apple.com/en-us/103769
  validityDays: wholeNumber(2, 825, "days").default(825).meta({
    description: "How long a new certificate is valid.",
    unit: "days",
  }),
  earlyRenewalDays: wholeNumber(1, 824, "days").default(30).meta({
    description: "How long before its end a deployment renews the certificate.",
    unit: "days",
  }),
};

const selfSigned = group({
  kind: z.literal("self-signed").meta({
    description: "The stack makes a certificate, keeps it, and renews it in time.",
    variable: "CAMCOPS_INSTALLER_CREATE_SELF_SIGNED_CERTIFICATE",
    caution: "Browsers warn of it. For tests; not for patients' data.",
  }),
  ...made,
});

const privateCa = group({
  kind: z.literal("private-ca").meta({
    description:
      "The stack has a certificate authority of its own, whose certificate you hand out once (the output " +
      "`camcopsCaCertificate`), and which signs the web server's certificates.",
    caution: "Whoever reads the stack's state and passphrase can sign certificates that your users trust.",
  }),
  ...made,
});

const logLevels = ["debug", "info", "warning", "error"] as const;

/** A service of CamCOPS. @param standard how much it logs unless told otherwise */
function camcopsService(memory: number, standard = "`camcops.logLevel`") {
  return group({
    ...serviceTerms(memory),
    logLevel: oneOf(logLevels)
      .optional()
      .meta({
        description: `How much it logs. Without it: ${standard}.`,
        examples: ["warning"],
      }),
  }).prefault({});
}

function subjectPart(longest: number) {
  return text(`a text of 1 to ${longest} characters`, new RegExp(`^.{1,${longest}}$`)).optional();
}

const certificateFiles = group({
  kind: z.literal("files").meta({
    description: "An existing certificate and its key, as files in `configDirectory`.",
    variable: "CAMCOPS_INSTALLER_CREATE_SELF_SIGNED_CERTIFICATE",
  }),
  certificate: absolutePath().meta({
    description:
      "PEM file with the server's certificate first, then those of its issuers; as a path below /camcops/cfg or below " +
      "`configDirectory` on the host.",
    variable: "CAMCOPS_INSTALLER_SSL_CERTIFICATE",
    question: {
      order: 56,
      ask: "File of the certificate",
      when: { https: true },
      suggestion: "/camcops/cfg/camcops.crt",
    } satisfies Question,
    examples: ["/camcops/cfg/camcops.crt"],
  }),
  privateKey: absolutePath().meta({
    description:
      "PEM file with the certificate's key, without a passphrase; as a path below /camcops/cfg or below " +
      "`configDirectory` on the host.",
    variable: "CAMCOPS_INSTALLER_SSL_PRIVATE_KEY",
    question: {
      order: 57,
      ask: "File of its private key",
      when: { https: true },
      suggestion: "/camcops/cfg/camcops.key",
    } satisfies Question,
    examples: ["/camcops/cfg/camcops.key"],
    caution: "Readable by `userId` and by nobody else.",
  }),
});

const camcopsGroup = group({
  name: text("1 to 40 lower-case letters, digits, - and _, with a letter or digit first", /^[a-z0-9][a-z0-9_-]{0,39}$/)
    .default("camcops")
    .meta({
      description: "Prefix of the names of all containers, volumes and networks.",
      variable: "COMPOSE_PROJECT_NAME",
      question: { order: 10, ask: "What all names in Docker begin with" } satisfies Question,
      caution: "Cannot change once the stack is deployed: its volumes are protected, and would have to be replaced.",
    }),
  configDirectory: absolutePath()
    .optional()
    .meta({
      description:
        "Folder of the host that appears, read-only, at /camcops/cfg: extra strings, logos, an own certificate. " +
        "Without it CamCOPS runs on its generated configuration alone.",
      variable: "CAMCOPS_DOCKER_CONFIG_HOST_DIR",
      question: {
        order: 20,
        ask: "Folder of the host for CamCOPS's own files",
        suggestion: "~/camcops_config",
        makesFolder: true,
      } satisfies Question,
      examples: ["/etc/camcops"],
    }),
  configFilename: text(
    "a file name of letters, digits, '.', - and _, such as camcops.conf",
    /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$/,
  )
    .default("camcops.conf")
    .meta({
      description: "Name of the generated configuration file in the containers' /run/secrets.",
      variable: "CAMCOPS_DOCKER_CAMCOPS_CONFIG_FILENAME",
    }),
  userId: numericId().default(1000).meta({
    description: "User id of CamCOPS's processes: the owner of the files in `configDirectory`.",
    variable: "CAMCOPS_DOCKER_INSTALL_USER_ID",
    caution: "0, the user root, is refused.",
  }),
  groupId: numericId()
    .optional()
    .meta({
      description: "Group id of CamCOPS's processes. Without it: the same number as `userId`.",
      examples: [1000],
    }),
  https: flag()
    .default(true)
    .meta({
      description: "Serve HTTPS. Without it CamCOPS speaks plain HTTP, for a web server in front of it.",
      variable: "CAMCOPS_INSTALLER_USE_HTTPS",
      question: { order: 40, ask: "Serve HTTPS" } satisfies Question,
      caution: "Plain HTTP is for a reverse proxy on the same host: set `hostAddress` to 127.0.0.1.",
    }),
  withoutDowntime: flag()
    .optional()
    .meta({
      description:
        "Put nginx in front of the web server, with the certificate, so that a new server answers before the former one " +
        "ends. Only with `https`. Without it: in prod yes, elsewhere no.",
      caution:
        "While an upgrade migrates the database, the former server goes on working with it, as it does without this.",
      examples: [true],
    }),
  hostAddress: hostAddress().default("0.0.0.0").meta({
    description: "Address of the host on which the web server listens.",
  }),
  hostPort: port()
    .default(443)
    .meta({
      description: "Port of the host on which the web server listens.",
      variable: "CAMCOPS_DOCKER_CAMCOPS_HOST_PORT",
      question: { order: 30, ask: "Port of the host on which CamCOPS listens" } satisfies Question,
    }),
  internalPort: port().default(8000).meta({
    description: "Port of the web server inside its container.",
    variable: "CAMCOPS_DOCKER_CAMCOPS_INTERNAL_PORT",
  }),
  certificate: z
    .discriminatedUnion(
      "kind",
      [selfSigned, privateCa, certificateFiles],
      "must have a kind, one of: self-signed, private-ca, files",
    )
    .prefault({ kind: "self-signed" })
    .meta({
      description: "The certificate of the web server; without a meaning when `https` is false.",
      question: { order: 50, ask: "Where the certificate comes from", when: { https: true } } satisfies Question,
    }),
  mysql: group({
    container: flag()
      .default(true)
      .meta({
        description: "Run the database in a container of this stack. With false, CamCOPS uses the server named below.",
        caution: "Cannot become false once the stack is deployed: the database's volume is protected.",
        variable: "CAMCOPS_INSTALLER_CREATE_MYSQL_CONTAINER",
        question: { order: 60, ask: "Run the database in a container of this stack" } satisfies Question,
      }),
    databaseName: text("1 to 64 letters, digits and _", /^[A-Za-z0-9_]{1,64}$/)
      .default("camcops")
      .meta({
        description: "Name of CamCOPS's database.",
        variable: "CAMCOPS_DOCKER_MYSQL_DATABASE_NAME",
        question: {
          order: 63,
          ask: "Name of the database on it",
          when: { "mysql.container": false },
        } satisfies Question,
        caution: "Another name means another, empty database.",
      }),
    userName: text("1 to 32 letters, digits, '.', - and _, and not root", /^(?!root$)[A-Za-z0-9_.-]{1,32}$/)
      .default("camcops")
      .meta({
        description: "CamCOPS's user in the database, who has all rights on it.",
        variable: "CAMCOPS_DOCKER_MYSQL_USER_NAME",
        question: { order: 64, ask: "CamCOPS's user in it", when: { "mysql.container": false } } satisfies Question,
        caution: "The former user keeps its rights and password: drop it by hand.",
      }),
    hostAddress: hostAddress().default("127.0.0.1").meta({
      description: "Address of the host on which the database's container listens.",
      caution: "The database should not be reachable from beyond the host.",
    }),
    hostPort: port()
      .default(3306)
      .meta({
        description: "Port of the host on which the database's container listens.",
        variable: "CAMCOPS_DOCKER_MYSQL_HOST_PORT",
        question: {
          order: 67,
          ask: "Port of the host on which the database listens",
          suggestion: 43306,
          when: { "mysql.container": true },
        } satisfies Question,
      }),
    volume: volumeName()
      .optional()
      .meta({
        description:
          "A volume that Docker has already, such as an earlier installation's, with the database's data. It is mounted " +
          "by its name; the stack never makes or deletes it. Without it: a volume of the stack's own.",
        caution: "Its data must be of the same kind of server, MariaDB or MySQL, and of no newer version.",
        examples: ["camcops_db_data_volume"],
      }),
    server: text(
      "the host name or IP address of a database server; the Docker host itself is host.docker.internal",
      /^(?!localhost$|127\.)[A-Za-z0-9](?:[A-Za-z0-9.:_-]{0,251}[A-Za-z0-9])?$/,
    )
      .optional()
      .meta({
        description: "External database server; only with `container: false`. The Docker host is host.docker.internal.",
        variable: "CAMCOPS_INSTALLER_MYSQL_SERVER",
        question: { order: 61, ask: "Database server", when: { "mysql.container": false } } satisfies Question,
        examples: ["host.docker.internal"],
      }),
    port: port()
      .default(3306)
      .meta({
        description: "Port of the external database server.",
        variable: "CAMCOPS_INSTALLER_MYSQL_PORT",
        question: { order: 62, ask: "Its port", when: { "mysql.container": false } } satisfies Question,
      }),
  })
    .prefault({})
    .meta({ description: "The database." }),
  superuser: group({
    // validate_username of CamCOPS 2.4.24, camcops_server/cc_modules/cc_validators.py
    username: text("1 to 191 letters, digits, commas, braces, - and _", /^[A-Za-z0-9,_{}-]{1,191}$/)
      .default("admin")
      .meta({
        description: "Name of the superuser that the first deployment creates.",
        variable: "CAMCOPS_INSTALLER_SUPERUSER_USERNAME",
        question: { order: 70, ask: "Name of the first user" } satisfies Question,
        caution: "Another name creates one more superuser; the first one stays.",
      }),
  })
    .prefault({})
    .meta({ description: "The first user." }),
  flower: group({
    hostAddress: hostAddress().default("127.0.0.1").meta({
      description: "Address of the host on which the monitor of background tasks listens.",
    }),
    hostPort: port()
      .default(5555)
      .meta({
        description: "Port of the host on which the monitor of background tasks listens.",
        variable: "CAMCOPS_DOCKER_FLOWER_HOST_PORT",
        question: {
          order: 80,
          ask: "Port of the host on which the monitor of background tasks listens",
        } satisfies Question,
      }),
    username: text("1 to 64 letters, digits, '.', - and _", /^[A-Za-z0-9_.-]{1,64}$/)
      .default("flower")
      .meta({ description: "Name for the login at the monitor." }),
  })
    .prefault({})
    .meta({ description: "Flower, the monitor of background tasks." }),
  workers: group({
    replicas: wholeNumber(1, 32, "containers").default(1).meta({
      description: "How many containers run background tasks.",
      unit: "containers",
    }),
    concurrency: wholeNumber(1, 64, "processes").default(2).meta({
      description: "How many background tasks each of them runs at a time.",
      unit: "processes",
    }),
  })
    .prefault({})
    .meta({ description: "Background workers." }),
  images: group({
    camcops: imageReference()
      .optional()
      .meta({
        description: "Image of CamCOPS.",
        variable: "CAMCOPS_DOCKER_IMAGE_TAG",
        examples: ["registry.example.org/slipway/camcops:2.4.24"],
      }),
    mysql: imageReference()
      .optional()
      .meta({ description: "Image of the database.", examples: ["docker.io/library/mariadb:11.4.8"] }),
    rabbitmq: imageReference()
      .optional()
      .meta({ description: "Image of the message queue.", examples: ["docker.io/library/rabbitmq:4.1.4"] }),
    nginx: imageReference()
      .optional()
      .meta({
        description: "Image of the web server in front, with `withoutDowntime`.",
        examples: ["docker.io/library/nginx:1.28.0"],
      }),
  })
    .prefault({})
    .meta({
      description:
        "Images by reference. In dev, what is not set is built from `images/`; staging asks for exact tags, prod for digests.",
    }),
  services: group({
    mysql: camcopsService(1024, "what the server does by itself").meta({ description: "The database." }),
    rabbitmq: camcopsService(512, "what the image says").meta({ description: "The message queue." }),
    camcops_server: camcopsService(1024).meta({ description: "The web server." }),
    camcops_scheduler: camcopsService(640).meta({
      description: "The scheduler of background tasks.",
    }),
    camcops_workers: camcopsService(1536).meta({ description: "The workers, each container." }),
    camcops_monitor: camcopsService(640).meta({ description: "Flower." }),
    nginx: serviceSettings(256).meta({ description: "The web server in front, with `withoutDowntime`." }),
  })
    .prefault({})
    .meta({ description: "Limits, restart policy, time zone and log level of each service." }),
  logs: logSettings(),
  timeZone: timeZone()
    .default("UTC")
    .meta({
      description: "Time zone of the containers, unless one has its own, and of the export schedule.",
      examples: ["Europe/London"],
    }),
  logLevel: oneOf(logLevels).default("info").meta({
    description: "How much CamCOPS's processes log, unless one has its own level.",
    caution: "debug may log patients' data.",
  }),
  config: configSections(configValue)
    .default({})
    .meta({
      description:
        "Any further key of any section of camcops.conf: `site`, `server`, `export`, `recipient:<name>`, " +
        "`sms_backend:<name>`. A key given here overrides the generated one. Secret values belong in `camcopsSecretConfig`.",
      examples: [
        { site: { EMAIL_HOST: "smtp.example.org", EXTRA_STRING_FILES: ["/camcops/cfg/extra_strings/*.xml"] } },
      ],
    }),
});

/** Everything that a user may say about CamCOPS, except its secrets. */
export const camcopsSettings = camcopsGroup.superRefine(camcopsRules, { when: () => true }).transform((settings) => ({
  ...settings,
  groupId: settings.groupId ?? settings.userId,
  certificate: inContainer(settings.certificate, settings.configDirectory),
}));

/**
 * The settings of CamCOPS, with every default filled in and the certificate's files as paths below /camcops/cfg.
 */
export type CamcopsSettings = z.output<typeof camcopsSettings>;

function inContainer(certificate: z.output<typeof camcopsGroup>["certificate"], configDirectory: string | undefined) {
  if (certificate.kind !== "files") return certificate;
  return {
    ...certificate,
    certificate: containerPath(certificate.certificate, configDirectory),
    privateKey: containerPath(certificate.privateKey, configDirectory),
  };
}
