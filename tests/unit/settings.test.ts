import assert from "node:assert/strict";

import type { StackInput } from "../../settings/explain.ts";
import { parseStack } from "../../settings/parse.ts";
import { type Problem, SettingsError } from "../../settings/problems.ts";
import { secretNames, systemNames } from "../../settings/systems.ts";

const digest = `sha256:${"0".repeat(64)}`;

function input(values: Record<string, unknown>, stack = "dev", encrypted: string[] = []): StackInput {
  return { stack, values, encrypted: new Set(encrypted) };
}

function problems(given: StackInput): readonly Problem[] {
  try {
    parseStack(given);
  } catch (error) {
    if (error instanceof SettingsError) return error.problems;
    throw error;
  }
  return [];
}

describe("settings", () => {
  it("fills in the documented defaults", () => {
    assert.deepEqual(parseStack(input({ camcops: {} })), {
      environment: "dev",
      host: "unix:///var/run/docker.sock",
      camcops: {
        name: "camcops",
        configFilename: "camcops.conf",
        userId: 1000,
        groupId: 1000,
        https: true,
        hostAddress: "0.0.0.0",
        hostPort: 443,
        internalPort: 8000,
        certificate: {
          kind: "self-signed",
          dnsNames: ["localhost"],
          ipAddresses: ["127.0.0.1"],
          validityDays: 825,
          earlyRenewalDays: 30,
        },
        mysql: {
          container: true,
          databaseName: "camcops",
          userName: "camcops",
          hostAddress: "127.0.0.1",
          hostPort: 3306,
          port: 3306,
        },
        superuser: { username: "admin" },
        flower: { hostAddress: "127.0.0.1", hostPort: 5555, username: "flower" },
        workers: { replicas: 1, concurrency: 2 },
        images: {},
        services: {
          mysql: { memory: 1024, restart: "unless-stopped" },
          rabbitmq: { memory: 512, restart: "unless-stopped" },
          camcops_server: { memory: 1024, restart: "unless-stopped" },
          camcops_scheduler: { memory: 640, restart: "unless-stopped" },
          camcops_workers: { memory: 1536, restart: "unless-stopped" },
          camcops_monitor: { memory: 640, restart: "unless-stopped" },
          nginx: { memory: 256, restart: "unless-stopped" },
        },
        logs: { maxSize: 10, maxFiles: 5 },
        timeZone: "UTC",
        logLevel: "info",
        config: {},
      },
    });
  });

  it("takes groups as Pulumi hands them over: as JSON, and empty when all in them is commented out", () => {
    assert.equal(parseStack(input({ camcops: '{"hostPort":8443}' })).camcops?.hostPort, 8443);
    assert.equal(parseStack(input({ camcops: "" })).camcops?.hostPort, 443);
  });

  it("takes the environment from the stack's name unless the stack says otherwise", () => {
    assert.equal(parseStack(input({ camcops: {} }, "dev")).environment, "dev");
    assert.equal(parseStack(input({ camcops: {}, environment: "dev" }, "prod")).environment, "dev");
  });

  it("drops trailing slashes and takes Docker's notation of a Windows folder", () => {
    const directory = (configDirectory: string) =>
      parseStack(input({ camcops: { configDirectory } })).camcops?.configDirectory;
    assert.equal(directory("/etc/camcops//"), "/etc/camcops");
    assert.equal(directory("/host_mnt/c/Users/me/camcops"), "/host_mnt/c/Users/me/camcops");
  });

  it("takes a certificate's files by their path on the host or in the container", () => {
    const certificate = { kind: "files", certificate: "/etc/camcops/tls/c.crt", privateKey: "/camcops/cfg/tls/c.key" };
    assert.deepEqual(
      parseStack(input({ camcops: { configDirectory: "/etc/camcops/", certificate } })).camcops?.certificate,
      { kind: "files", certificate: "/camcops/cfg/tls/c.crt", privateKey: "/camcops/cfg/tls/c.key" },
    );
  });

  it("lets ports coincide on addresses that do not overlap, and with an external database's", () => {
    const flower = { hostAddress: "127.0.0.2", hostPort: 443 };
    assert.deepEqual(problems(input({ camcops: { hostAddress: "127.0.0.1", flower } })), []);
    const mysql = { container: false, server: "db.example.org", hostPort: 443 };
    const external = input({ camcops: { mysql }, camcopsMysqlUserPassword: "x" }, "dev", ["camcopsMysqlUserPassword"]);
    assert.deepEqual(problems(external), []);
  });

  it("asks staging for tags and prod for digests of the images that the stack uses", () => {
    const tags = { camcops: "r.example.org:5000/camcops:2.4.24", mysql: "mysql:8.4.6", rabbitmq: "rabbitmq:4.1.4" };
    const digests = {
      camcops: `r.example.org/camcops@${digest}`,
      rabbitmq: `rabbitmq:4.1.4@${digest}`,
      nginx: `nginx:1.28.0@${digest}`,
    };
    assert.deepEqual(problems(input({ camcops: { images: tags } }, "staging")), []);
    const values = {
      camcops: { images: digests, mysql: { container: false, server: "db.example.org" } },
      camcopsMysqlUserPassword: "x",
    };
    assert.deepEqual(problems(input(values, "prod", ["camcopsMysqlUserPassword"])), []);
  });

  it("words every problem, with the command that mends it", () => {
    assert.throws(() => parseStack(input({ camcops: { hostPort: 99999, flower: { hostPrt: 1 } } })), {
      name: "SettingsError",
      message: `The settings of the stack "dev" have 2 problems. Nothing was created or changed.

camcops.hostPort: must be a whole number from 1 to 65535.
  received: 99999
  remedy:   pulumi config --stack dev set --path camcops.hostPort 443

camcops.flower.hostPrt: must not be set: there is no such setting (did you mean camcops.flower.hostPort?).
  received: 1
  remedy:   pulumi config --stack dev set --path camcops.flower.hostPort 1
  remedy:   pulumi config --stack dev rm --path camcops.flower.hostPrt

pulumi commands are typed in the clone, after: eval "$(./slipway env --stack dev)" (with --home, where you use it)`,
    });
  });

  const set = (key: string, value: string) => `pulumi config --stack dev set --path ${key} ${value}`;
  const unset = (key: string) => `pulumi config --stack dev rm --path ${key}`;
  const image =
    "must be an image reference with an exact tag or a digest, such as registry.example.org/camcops:2.4.24 or " +
    "registry.example.org/camcops@sha256:<64 hexadecimal digits>; `latest` and a missing tag are refused";
  const path =
    "must be an absolute path without . or .. in it, such as /etc/camcops; `~` and variables are not expanded, and the " +
    "Windows folder C:\\Users\\me is written /host_mnt/c/Users/me";

  /** What is set in `camcops`, and the only problem that comes of it. */
  const faults: [string, Record<string, unknown>, Problem][] = [
    [
      "a wrong type",
      { https: "yes" },
      {
        key: "camcops.https",
        message: "must be true or false, without quotes",
        received: '"yes"',
        remedy: [set("camcops.https", "true")],
      },
    ],
    [
      "a value in place of a group",
      { logs: 5 },
      {
        key: "camcops.logs",
        message: "must be a group of settings (a YAML mapping)",
        received: "5",
        remedy: [unset("camcops.logs")],
      },
    ],
    [
      "a value in place of a list",
      { certificate: { kind: "self-signed", dnsNames: "localhost" } },
      {
        key: "camcops.certificate.dnsNames",
        message: "must be a list of one or more DNS names",
        received: '"localhost"',
        remedy: [
          unset("camcops.certificate.dnsNames"),
          set("'camcops.certificate.dnsNames[0]'", "camcops.example.com"),
        ],
      },
    ],
    [
      "a word that is none of the allowed ones",
      { services: { rabbitmq: { restart: "sometimes" } } },
      {
        key: "camcops.services.rabbitmq.restart",
        message: "must be one of: unless-stopped, always, on-failure, no",
        received: '"sometimes"',
        remedy: [set("camcops.services.rabbitmq.restart", "unless-stopped")],
      },
    ],
    [
      "a port out of range",
      { internalPort: 0 },
      {
        key: "camcops.internalPort",
        message: "must be a whole number from 1 to 65535",
        received: "0",
        remedy: [set("camcops.internalPort", "8000")],
      },
    ],
    [
      "a port that is used twice",
      { flower: { hostPort: 443 } },
      {
        key: "camcops.flower.hostPort",
        message: "must differ from camcops.hostPort: a port of the host serves one service only",
        received: "443",
        remedy: [set("camcops.flower.hostPort", "444")],
      },
    ],
    [
      "root as CamCOPS's user",
      { userId: 0 },
      {
        key: "camcops.userId",
        message: "must be a whole number from 1 to 2147483647; 0, root, is refused",
        received: "0",
        remedy: [set("camcops.userId", "1000")],
      },
    ],
    [
      "a three-letter country",
      { certificate: { kind: "self-signed", country: "GBR" } },
      {
        key: "camcops.certificate.country",
        message: "must be a country code of two capital letters (ISO 3166-1 alpha-2), such as GB",
        received: '"GBR"',
        remedy: [set("camcops.certificate.country", "GB")],
      },
    ],
    [
      "an unknown kind of certificate",
      { certificate: { kind: "bought" } },
      {
        key: "camcops.certificate.kind",
        message: "must have a kind, one of: self-signed, private-ca, files",
        received: '"bought"',
        remedy: [set("camcops.certificate.kind", "self-signed")],
      },
    ],
    [
      "a renewal before the certificate is made",
      { certificate: { kind: "self-signed", validityDays: 20 } },
      {
        key: "camcops.certificate.earlyRenewalDays",
        message: "must be less than camcops.certificate.validityDays, which is 20",
        received: "nothing",
        remedy: [set("camcops.certificate.earlyRenewalDays", "10")],
      },
    ],
    [
      "a certificate outside the configuration folder",
      {
        configDirectory: "/etc/camcops",
        certificate: { kind: "files", certificate: "/etc/ssl/c.crt", privateKey: "/etc/camcops/c.key" },
      },
      {
        key: "camcops.certificate.certificate",
        message: "must be a file in camcops.configDirectory, which CamCOPS sees as /camcops/cfg; put it there",
        received: '"/etc/ssl/c.crt"',
        remedy: [set("camcops.certificate.certificate", "/camcops/cfg/c.crt")],
      },
    ],
    [
      "a certificate without a configuration folder",
      { certificate: { kind: "files", certificate: "/camcops/cfg/c.crt", privateKey: "/camcops/cfg/c.key" } },
      {
        key: "camcops.configDirectory",
        message: "must be set, because camcops.certificate.kind is files: it holds them",
        received: "nothing",
        remedy: [set("camcops.configDirectory", "/etc/camcops")],
      },
    ],
    [
      "a certificate without a key",
      { configDirectory: "/etc/camcops", certificate: { kind: "files", certificate: "/camcops/cfg/c.crt" } },
      {
        key: "camcops.certificate.privateKey",
        message: path,
        received: "nothing",
        remedy: [set("camcops.certificate.privateKey", "/camcops/cfg/camcops.key")],
      },
    ],
    [
      "a private key in place of its path",
      {
        configDirectory: "/etc/camcops",
        certificate: {
          kind: "files",
          certificate: "/camcops/cfg/c.crt",
          privateKey: "-----BEGIN PRIVATE KEY-----\nMIIEvQ",
        },
      },
      {
        key: "camcops.certificate.privateKey",
        message: path,
        received: '"(hidden)"',
        remedy: [set("camcops.certificate.privateKey", "/camcops/cfg/camcops.key")],
      },
    ],
    [
      "a relative folder",
      { configDirectory: "~/camcops_config" },
      {
        key: "camcops.configDirectory",
        message: path,
        received: '"~/camcops_config"',
        remedy: [set("camcops.configDirectory", "/etc/camcops")],
      },
    ],
    [
      "an external database's host beside a database of the stack's own",
      { mysql: { server: "db.example.org" } },
      {
        key: "camcops.mysql.server",
        message: "must not be set while camcops.mysql.container is true, because the database is the stack's own then",
        received: '"db.example.org"',
        remedy: [unset("camcops.mysql.server")],
      },
    ],
    [
      "an image tagged latest",
      { images: { camcops: "registry.example.org/camcops:latest" } },
      {
        key: "camcops.images.camcops",
        message: image,
        received: '"registry.example.org/camcops:latest"',
        remedy: [set("camcops.images.camcops", "registry.example.org/slipway/camcops:2.4.24")],
      },
    ],
    [
      "an image without a tag",
      { images: { mysql: "registry.example.org:5000/mariadb" } },
      {
        key: "camcops.images.mysql",
        message: image,
        received: '"registry.example.org:5000/mariadb"',
        remedy: [set("camcops.images.mysql", "docker.io/library/mariadb:11.4.8")],
      },
    ],
    [
      "an unknown time zone",
      { timeZone: "London" },
      {
        key: "camcops.timeZone",
        message: "must be a time zone of the IANA database, such as UTC or Europe/London",
        received: '"London"',
        remedy: [set("camcops.timeZone", "Europe/London")],
      },
    ],
    [
      "a file of camcops.conf outside the configuration folder",
      { config: { site: { LOCAL_LOGO_FILE_ABSOLUTE: "/srv/logo.png" } } },
      {
        key: "camcops.config.site.LOCAL_LOGO_FILE_ABSOLUTE",
        message:
          "Names a file as the containers see it, not as the host does. Allowed: a path under /camcops/cfg (the files of " +
          "camcops.configDirectory) or /camcops/venv (the image's own files)",
        received: '"/srv/logo.png"',
        remedy: [set("camcops.config.site.LOCAL_LOGO_FILE_ABSOLUTE", "/camcops/cfg/logo.png")],
      },
    ],
    [
      "files of camcops.conf by their paths on the host, and of another Python than the image's",
      {
        configDirectory: "/etc/camcops",
        config: {
          site: {
            EXTRA_STRING_FILES: [
              "/camcops/venv/lib/python3.*/site-packages/camcops_server/extra_strings/*.xml",
              "/etc/camcops/strings/*.xml",
            ],
          },
        },
      },
      {
        key: "camcops.config.site.EXTRA_STRING_FILES",
        message:
          "Names a file as the containers see it, not as the host does. Allowed: a path under /camcops/cfg (the files of " +
          "camcops.configDirectory) or /camcops/venv (the image's own files)",
        received:
          '["/camcops/venv/lib/python3.*/site-packages/camcops_server/extra_strings/*.xml","/etc/camcops/strings/*.xml"]',
        remedy: [
          "pulumi config --stack dev set --path 'camcops.config.site.EXTRA_STRING_FILES[1]' '/camcops/cfg/strings/*.xml'",
        ],
      },
    ],
    [
      "a file of the image's packages where the image has no such Python",
      {
        config: {
          site: { LOCAL_LOGO_FILE_ABSOLUTE: "/camcops/venv/lib/python3.6/site-packages/camcops_server/static/l.png" },
        },
      },
      {
        key: "camcops.config.site.LOCAL_LOGO_FILE_ABSOLUTE",
        message: "Names a file of the image, whose packages are in /camcops/venv/lib/python3.11/site-packages",
        received: '"/camcops/venv/lib/python3.6/site-packages/camcops_server/static/l.png"',
        remedy: [
          set(
            "camcops.config.site.LOCAL_LOGO_FILE_ABSOLUTE",
            "/camcops/venv/lib/python3.11/site-packages/camcops_server/static/l.png",
          ),
        ],
      },
    ],
    [
      "exported files outside the folder that CamCOPS may write to",
      {
        config: {
          export: { RECIPIENTS: ["a"] },
          "recipient:a": { FILE_FILENAME_SPEC: "/srv/export/{serverpk}.pdf" },
        },
      },
      {
        key: 'camcops.config["recipient:a"].FILE_FILENAME_SPEC',
        message:
          "Names a file as the containers see it, not as the host does. Allowed: a path under /camcops/tmp (a volume, " +
          "for what CamCOPS writes)",
        received: '"/srv/export/{serverpk}.pdf"',
        remedy: [`pulumi config --stack dev rm --path 'camcops.config["recipient:a"].FILE_FILENAME_SPEC'`],
      },
    ],
    [
      "a file of camcops.conf without a configuration folder",
      { config: { site: { EXTRA_STRING_FILES: ["/camcops/cfg/extra_strings/*.xml"] } } },
      {
        key: "camcops.configDirectory",
        message: "must be set, because camcops.config.site.EXTRA_STRING_FILES names files in /camcops/cfg",
        received: "nothing",
        remedy: [set("camcops.configDirectory", "/etc/camcops")],
      },
    ],
    [
      "a key of camcops.conf that the stack decides",
      { config: { server: { PORT: 8001 } } },
      {
        key: "camcops.config.server.PORT",
        message: "Cannot be set here: it is decided by the setting internalPort",
        received: "8001",
        remedy: [unset("camcops.config.server.PORT")],
      },
    ],
    [
      "a secret of camcops.conf in plain text",
      { config: { site: { EMAIL_HOST_PASSWORD: "hunter2" } } },
      {
        key: "camcops.config.site.EMAIL_HOST_PASSWORD",
        message: "must not stand in plain text: it belongs, encrypted, in camcopsSecretConfig",
        received: "(hidden)",
        remedy: [
          unset("camcops.config.site.EMAIL_HOST_PASSWORD"),
          "pulumi config --stack dev set --secret --path camcopsSecretConfig.site.EMAIL_HOST_PASSWORD   # asks for the value",
        ],
      },
    ],
    [
      "a section that camcops.conf does not have",
      { config: { "receiver:x": { TASKS: "all" } } },
      {
        key: 'camcops.config["receiver:x"]',
        message:
          "CamCOPS knows no such section. Allowed: site, server, export, recipient:<name>, sms_backend:kapow, " +
          "sms_backend:twilio, a name being letters, digits and _",
        received: '{"TASKS":"all"}',
        remedy: [unset(`'camcops.config["receiver:x"]'`)],
      },
    ],
  ];
  for (const [title, camcops, problem] of faults) {
    it(`refuses ${title}`, () => {
      assert.deepEqual(problems(input({ camcops })), [problem]);
    });
  }

  it("refuses a stack without any system", () => {
    assert.deepEqual(problems(input({})), [
      {
        key: "camcops",
        message: `must be set: a stack needs at least one system, and the systems are: ${systemNames.join(", ")}`,
        received: "nothing",
        remedy: [set("camcops.name", "camcops")],
      },
    ]);
  });

  it("refuses a stack of no known environment", () => {
    assert.deepEqual(problems(input({ camcops: {} }, "mine")), [
      {
        key: "environment",
        message: "must be one of: dev, staging, prod",
        received: "nothing",
        remedy: ["pulumi config --stack mine set environment dev"],
      },
    ]);
  });

  it("refuses an unknown key of the stack and shows no password of a URL", () => {
    assert.deepEqual(problems(input({ camcops: {}, hosts: "tcp://me:hunter2@example.org" })), [
      {
        key: "hosts",
        message: "must not be set: there is no such setting (did you mean host?)",
        received: '"tcp://(hidden)@example.org"',
        remedy: ["rename hosts to host in the stack's file"],
      },
    ]);
  });

  it("refuses an external database without host and password", () => {
    assert.deepEqual(problems(input({ camcops: { mysql: { container: false } } })), [
      {
        key: "camcops.mysql.server",
        message: "must name the external database server, because camcops.mysql.container is false",
        received: "nothing",
        remedy: [set("camcops.mysql.server", "host.docker.internal")],
      },
      {
        key: "camcopsMysqlUserPassword",
        message:
          "must be set, because camcops.mysql.container is false and only you know the external database's password",
        received: "nothing",
        remedy: ["pulumi config --stack dev set --secret camcopsMysqlUserPassword   # asks for the value"],
      },
    ]);
  });

  it("refuses prod's images without digest, and missing ones", () => {
    const command = (name: string) =>
      `pulumi config --stack prod set --path camcops.images.${name} '<your registry>/${name}@sha256:<digest>'`;
    const images = { camcops: "r.example.org/camcops:2.4.24", mysql: `r.example.org/mariadb@${digest}` };
    assert.deepEqual(problems(input({ camcops: { images } }, "prod")), [
      {
        key: "camcops.images.camcops",
        message:
          "must name a digest in prod, as in registry.example.org/name@sha256:<64 hexadecimal digits>, because a tag " +
          "can be moved",
        received: '"r.example.org/camcops:2.4.24"',
        remedy: [command("camcops")],
      },
      {
        key: "camcops.images.rabbitmq",
        message: "must be set in prod, where images are pulled and not built",
        received: "nothing",
        remedy: [command("rabbitmq")],
      },
      {
        key: "camcops.images.nginx",
        message: "must be set in prod, where images are pulled and not built",
        received: "nothing",
        remedy: [command("nginx"), "pulumi config --stack prod set --path camcops.withoutDowntime false"],
      },
    ]);
    const without = { ...images, camcops: images.mysql, rabbitmq: images.mysql };
    for (const alone of [{ withoutDowntime: false }, { https: false, hostAddress: "127.0.0.1" }]) {
      assert.deepEqual(problems(input({ camcops: { images: without, ...alone } }, "prod")), []);
    }
  });

  it("refuses nginx in front of plain HTTP, whose clients it would not know", () => {
    const camcops = { https: false, withoutDowntime: true };
    assert.deepEqual(problems(input({ camcops })), [
      {
        key: "camcops.withoutDowntime",
        message:
          "must not be true while camcops.https is false: the web server that has your certificate would be told the " +
          "wrong addresses of clients",
        received: "true",
        remedy: [
          "pulumi config --stack dev rm --path camcops.withoutDowntime",
          "pulumi config --stack dev set --path camcops.https true",
        ],
      },
    ]);
  });

  it("refuses a schedule of backups that is no line of cron, has no folder, or in prod no image", () => {
    const backup = { schedule: { cron: "0 25 * * *", keepDaily: 3 } };
    const [folder, cron, ...others] = problems(input({ camcops: {}, backup })).toSorted((a, b) =>
      a.key < b.key ? -1 : 1,
    );
    assert.deepEqual(others, []);
    assert.deepEqual(folder, {
      key: "backup.folder",
      message: "must be set, because backup.schedule puts backups there",
      received: "nothing",
      remedy: [set("backup.folder", "/srv/backups")],
    });
    assert.deepEqual([cron?.key, cron?.received], ["backup.schedule.cron", '"0 25 * * *"']);
    assert.match(
      cron?.message ?? "",
      /^must be a line of cron for a time that comes: .* six fields begin with the second$/,
    );

    const images = Object.fromEntries(
      ["camcops", "mysql", "rabbitmq", "nginx"].map((name) => [name, `r.example.org/${name}@${digest}`]),
    );
    const prod = { camcops: { images }, backup: { folder: "/srv/backups", schedule: {} } };
    assert.deepEqual(problems(input(prod, "prod")), [
      {
        key: "backup.image",
        message: "must be set in prod, where images are pulled and not built",
        received: "nothing",
        remedy: ["pulumi config --stack prod set --path backup.image '<your registry>/backup@sha256:<digest>'"],
      },
    ]);
    const { schedule, ...without } = prod.backup;
    assert.deepEqual(schedule, {});
    assert.deepEqual(parseStack(input({ ...prod, backup: without }, "prod")).backup, { folder: "/srv/backups" });
    assert.deepEqual(parseStack(input({ camcops: {}, backup: prod.backup })).backup?.schedule, {
      cron: "30 2 * * *",
      keepDaily: 7,
      keepWeekly: 4,
      keepMonthly: 12,
      userId: 1000,
      memory: 256,
    });
  });

  it("refuses secrets in plain text without showing them", () => {
    const values = { camcops: {}, camcopsFlowerPassword: "hunter2", camcopsSecretConfig: { site: { DB: "hunter2" } } };
    const message = "must be encrypted, but stands in plain text in the stack's file";
    assert.deepEqual(problems(input(values)), [
      {
        key: "camcopsFlowerPassword",
        message,
        received: "(hidden)",
        remedy: [
          "pulumi config --stack dev rm camcopsFlowerPassword",
          "pulumi config --stack dev set --secret camcopsFlowerPassword   # asks for the value",
        ],
      },
      {
        key: "camcopsSecretConfig",
        message,
        received: "(hidden)",
        remedy: [
          "pulumi config --stack dev rm camcopsSecretConfig",
          "pulumi config --stack dev set --secret --path camcopsSecretConfig.site.DB   # asks for the value",
        ],
      },
    ]);
  });

  it("refuses encrypted keys of the section that Celery's arguments are made from", () => {
    const camcopsSecretConfig = { export: { CELERY_WORKER_EXTRA_ARGS: "hunter2", EXPORT_LOCKDIR: "/carrot" } };
    assert.deepEqual(problems(input({ camcops: {}, camcopsSecretConfig }, "dev", ["camcopsSecretConfig"])), [
      {
        key: "camcopsSecretConfig.export",
        message:
          "must not be set: nothing in this section is secret, and Celery's arguments, which everybody can see, are " +
          "made from it. Its keys belong in camcops.config.export",
        received: "(encrypted, not shown)",
        remedy: ["pulumi config --stack dev rm --path camcopsSecretConfig.export"],
      },
    ]);
  });

  it("refuses an empty secret without showing it", () => {
    assert.deepEqual(problems(input({ camcops: {}, camcopsFlowerPassword: "" }, "dev", ["camcopsFlowerPassword"])), [
      {
        key: "camcopsFlowerPassword",
        message: "must be one line of text that is not empty",
        received: "(encrypted, not shown)",
        remedy: ["pulumi config --stack dev set --secret camcopsFlowerPassword   # asks for the value"],
      },
    ]);
  });

  it("refuses encrypted values in a system's settings, and then shows none of these", () => {
    assert.deepEqual(problems(input({ camcops: { name: "HUNTER2" } }, "dev", ["camcops"])), [
      {
        key: "camcops",
        message:
          "must not hold encrypted values: everything in it would count as secret; secrets have keys of their own: " +
          [...secretNames].join(", "),
        received: "(encrypted, not shown)",
        remedy: ["remove what is marked `secure:` below slipway:camcops in the stack's file"],
      },
      {
        key: "camcops.name",
        message: "must be 1 to 40 lower-case letters, digits, - and _, with a letter or digit first",
        received: "(encrypted, not shown)",
        remedy: [set("camcops.name", "camcops")],
      },
    ]);
  });
});
