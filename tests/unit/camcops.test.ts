import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { bundledImage, contextHash } from "../../components/build.ts";
import { clientOptions, initialStatements } from "../../components/mysql-files.ts";
import { camcopsSettings, type CamcopsSecretConfig } from "../../settings/camcops/settings.ts";
import { Camcops } from "../../systems/camcops/camcops.ts";
import { renderConfig, type ConfigInput } from "../../systems/camcops/config.ts";
import { issue } from "../certificates.ts";
import { filesOf, images, recordCamcops } from "../recorded-camcops.ts";
import { hardened, hardenedOptions, labels, ownerLabels } from "../hardened.ts";
import type { Recorded } from "../mocks.ts";
import { certificatePem, generatedKey, generatedPassword, imageId, signedPem, stateId } from "../provider-outputs.ts";
import { described, differences, isMadeAfter, named, recordOnHost, tree } from "../recorded.ts";
import { findSecrets } from "../secret-search.ts";

/** Names of the containers in a list of resources, of services and tasks alike. */
function containersAmong(names: string[]): string[] {
  return names.filter((name) => /-container(-\d+)?$/.test(name));
}

const usualConfig: ConfigInput = {
  databaseUrl: "mysql+mysqldb://mysql:3306/camcops?charset=utf8mb4&read_default_file=/run/secrets/client.cnf",
  brokerUrl: "amqp://rabbitmq:5672/",
  sessionSecret: generatedPassword("camcops-session-secret-password"),
  port: 8000,
  external: { scheme: "https", serverName: "localhost", port: 443 },
  workerConcurrency: 2,
  timeZone: "UTC",
  logLevel: "info",
  config: {},
};

const madeCertificate = {
  certificateFile: "/run/secrets/camcops.crt",
  privateKeyFile: "/run/secrets/camcops.key",
};

describe("Camcops by default", () => {
  let recorded: Recorded[];
  let camcops: Camcops | undefined;

  before(async () => {
    recorded = await recordCamcops({ inspect: (made) => (camcops = made) });
  });

  it("is made of exactly these resources", () => {
    const component = "slipway:index:";
    const [container, network, volume] = ["container:Container", "network:Network", "volume:Volume"].map(
      (type) => `docker:index/${type}`,
    );
    const image = "docker:index/remoteImage:RemoteImage";
    const password = "random:index/randomPassword:RandomPassword";
    const gate = "random:index/randomId:RandomId";
    assert.deepEqual(tree(recorded), [
      ["slipway:camcops:Camcops", "camcops", undefined],
      [`${component}Network`, "camcops-broker-network", "camcops"],
      [network, "camcops-broker-network-network", "camcops-broker-network"],
      [`${component}CertificateAuthority`, "camcops-ca", "camcops"],
      ["tls:index/selfSignedCert:SelfSignedCert", "camcops-ca-certificate", "camcops-ca"],
      ["tls:index/privateKey:PrivateKey", "camcops-ca-key", "camcops-ca"],
      [`${component}Image`, "camcops-camcops-image", "camcops"],
      [image, "camcops-camcops-image-image", "camcops-camcops-image"],
      [`${component}Service`, "camcops-camcops_monitor", "camcops"],
      [container, "camcops-camcops_monitor-container", "camcops-camcops_monitor"],
      [gate, "camcops-camcops_monitor-healthy", "camcops-camcops_monitor"],
      [`${component}Service`, "camcops-camcops_scheduler", "camcops"],
      [container, "camcops-camcops_scheduler-container", "camcops-camcops_scheduler"],
      [gate, "camcops-camcops_scheduler-healthy", "camcops-camcops_scheduler"],
      [`${component}Service`, "camcops-camcops_server", "camcops"],
      [container, "camcops-camcops_server-container", "camcops-camcops_server"],
      [gate, "camcops-camcops_server-healthy", "camcops-camcops_server"],
      [`${component}Service`, "camcops-camcops_workers", "camcops"],
      [container, "camcops-camcops_workers-container-1", "camcops-camcops_workers"],
      [gate, "camcops-camcops_workers-healthy", "camcops-camcops_workers"],
      [`${component}Certificate`, "camcops-certificate", "camcops"],
      ["tls:index/selfSignedCert:SelfSignedCert", "camcops-certificate-certificate", "camcops-certificate"],
      ["tls:index/privateKey:PrivateKey", "camcops-certificate-key", "camcops-certificate"],
      [`${component}FileVolume`, "camcops-config-files", "camcops"],
      [container, "camcops-config-files-carrier", "camcops-config-files"],
      [volume, "camcops-config-files-volume", "camcops-config-files"],
      [`${component}Network`, "camcops-database-network", "camcops"],
      [network, "camcops-database-network-network", "camcops-database-network"],
      [`${component}Network`, "camcops-edge-network", "camcops"],
      [network, "camcops-edge-network-network", "camcops-edge-network"],
      [`${component}FileVolume`, "camcops-flower-files", "camcops"],
      [container, "camcops-flower-files-carrier", "camcops-flower-files"],
      [volume, "camcops-flower-files-volume", "camcops-flower-files"],
      [`${component}Secret`, "camcops-flower-password", "camcops"],
      [password, "camcops-flower-password-password", "camcops-flower-password"],
      [`${component}MysqlDatabase`, "camcops-mysql", "camcops"],
      [`${component}Volume`, "camcops-mysql-data", "camcops-mysql"],
      [volume, "camcops-mysql-data-volume", "camcops-mysql-data"],
      [`${component}Network`, "camcops-mysql-edge-network", "camcops"],
      [network, "camcops-mysql-edge-network-network", "camcops-mysql-edge-network"],
      [`${component}FileVolume`, "camcops-mysql-files", "camcops-mysql"],
      [container, "camcops-mysql-files-carrier", "camcops-mysql-files"],
      [volume, "camcops-mysql-files-volume", "camcops-mysql-files"],
      [`${component}Image`, "camcops-mysql-image", "camcops"],
      [image, "camcops-mysql-image-image", "camcops-mysql-image"],
      [`${component}Secret`, "camcops-mysql-root-password", "camcops"],
      [password, "camcops-mysql-root-password-password", "camcops-mysql-root-password"],
      [`${component}Service`, "camcops-mysql-service", "camcops-mysql"],
      [container, "camcops-mysql-service-container", "camcops-mysql-service"],
      [gate, "camcops-mysql-service-healthy", "camcops-mysql-service"],
      [`${component}Secret`, "camcops-mysql-user-password", "camcops"],
      [password, "camcops-mysql-user-password-password", "camcops-mysql-user-password"],
      [`${component}MessageBroker`, "camcops-rabbitmq", "camcops"],
      [`${component}Volume`, "camcops-rabbitmq-data", "camcops-rabbitmq"],
      [volume, "camcops-rabbitmq-data-volume", "camcops-rabbitmq-data"],
      [`${component}Image`, "camcops-rabbitmq-image", "camcops"],
      [image, "camcops-rabbitmq-image-image", "camcops-rabbitmq-image"],
      [`${component}Service`, "camcops-rabbitmq-service", "camcops-rabbitmq"],
      [container, "camcops-rabbitmq-service-container", "camcops-rabbitmq-service"],
      [gate, "camcops-rabbitmq-service-healthy", "camcops-rabbitmq-service"],
      [`${component}FileVolume`, "camcops-server-files", "camcops"],
      [container, "camcops-server-files-carrier", "camcops-server-files"],
      [volume, "camcops-server-files-volume", "camcops-server-files"],
      [`${component}Secret`, "camcops-session-secret", "camcops"],
      [password, "camcops-session-secret-password", "camcops-session-secret"],
      [`${component}Task`, "camcops-superuser", "camcops"],
      [container, "camcops-superuser-container", "camcops-superuser"],
      [`${component}FileVolume`, "camcops-superuser-files", "camcops"],
      [container, "camcops-superuser-files-carrier", "camcops-superuser-files"],
      [volume, "camcops-superuser-files-volume", "camcops-superuser-files"],
      [`${component}Secret`, "camcops-superuser-password", "camcops"],
      [password, "camcops-superuser-password-password", "camcops-superuser-password"],
      [`${component}Volume`, "camcops-temporary", "camcops"],
      [volume, "camcops-temporary-volume", "camcops-temporary"],
      [`${component}Task`, "camcops-upgrade-db", "camcops"],
      [container, "camcops-upgrade-db-container", "camcops-upgrade-db"],
    ]);
  });

  it("has everything of Docker on its host, and no other provider of its own", () => {
    for (const { type, name, options } of recorded) {
      assert.equal(options.provider, type.startsWith("docker:") ? "host-provider" : undefined, name);
    }
  });

  it("protects the data and the secrets, and nothing else", () => {
    const kept = { provider: "host-provider", protect: true, retainOnDelete: true };
    const secret = { protect: true, additionalSecretOutputs: ["bcryptHash", "result"] };
    assert.deepEqual(
      Object.fromEntries(
        recorded.flatMap(({ name, options }) =>
          options.protect === true || options.retainOnDelete === true ? [[name, options] as const] : [],
        ),
      ),
      {
        "camcops-mysql-data-volume": kept,
        "camcops-rabbitmq-data-volume": kept,
        "camcops-temporary-volume": kept,
        "camcops-ca-key": {
          protect: true,
          additionalSecretOutputs: ["privateKeyOpenssh", "privateKeyPem", "privateKeyPemPkcs8"],
        },
        "camcops-flower-password-password": secret,
        "camcops-mysql-root-password-password": secret,
        "camcops-mysql-user-password-password": secret,
        "camcops-session-secret-password": secret,
        "camcops-superuser-password-password": secret,
      },
    );
  });

  it("has names that all begin with its own", () => {
    const names = recorded.flatMap(({ type, inputs }) =>
      type.startsWith("docker:") && !type.includes("remoteImage") ? [String(inputs["name"])] : [],
    );
    assert.deepEqual(
      names.map((name) => name.replace(/-[0-9a-f]{8}$/, "-…")).sort(),
      [
        "camcops-broker",
        "camcops-camcops_monitor",
        "camcops-camcops_scheduler",
        "camcops-camcops_server",
        "camcops-camcops_workers-1",
        "camcops-config-files",
        "camcops-config-files-…",
        "camcops-database",
        "camcops-edge",
        "camcops-flower-files",
        "camcops-flower-files-…",
        "camcops-mysql",
        "camcops-mysql-data",
        "camcops-mysql-edge",
        "camcops-mysql-files",
        "camcops-mysql-files-…",
        "camcops-rabbitmq",
        "camcops-rabbitmq-data",
        "camcops-server-files",
        "camcops-server-files-…",
        "camcops-superuser",
        "camcops-superuser-files",
        "camcops-superuser-files-…",
        "camcops-tmp",
        "camcops-upgrade_db",
      ].sort(),
    );
  });

  it("keeps database and broker on internal networks", () => {
    assert.deepEqual(
      Object.fromEntries(
        ["broker", "database", "edge", "mysql-edge"].map((suffix) => {
          const { inputs } = named(recorded, `camcops-${suffix}-network-network`);
          return [inputs["name"], inputs["internal"]];
        }),
      ),
      { "camcops-broker": true, "camcops-database": true, "camcops-edge": false, "camcops-mysql-edge": false },
    );
  });

  it("gives each process exactly its files, all of them secret", () => {
    const certificate = "camcops-certificate-key";
    const user = generatedPassword("camcops-mysql-user-password-password");
    const root = generatedPassword("camcops-mysql-root-password-password");
    const credentials = clientOptions("camcops", user);
    assert.deepEqual(filesOf(recorded, "config"), {
      "camcops.conf": renderConfig(usualConfig),
      "client.cnf": credentials,
    });
    assert.deepEqual(filesOf(recorded, "server"), {
      "camcops.conf": renderConfig({ ...usualConfig, certificate: madeCertificate }),
      "client.cnf": credentials,
      "camcops.crt": certificatePem({ commonName: "localhost" }),
      "camcops.key": generatedKey(certificate),
    });
    assert.deepEqual(filesOf(recorded, "mysql"), {
      "root-password": root,
      "client.cnf": credentials,
      "init.sql": initialStatements({
        databaseName: "camcops",
        userName: "camcops",
        userPassword: user,
        rootPassword: root,
      }),
    });
    assert.deepEqual(filesOf(recorded, "superuser"), {
      password: generatedPassword("camcops-superuser-password-password"),
    });
    assert.deepEqual(filesOf(recorded, "flower"), {
      login: `flower:${generatedPassword("camcops-flower-password-password")}`,
    });
    assert.equal(named(recorded, "camcops-session-secret-password").inputs["length"], 64);
  });

  describe("has these containers:", () => {
    /** What all processes of CamCOPS have in common. */
    function application(service: string, { files, own }: { files: string[]; own: Record<string, string> }) {
      const carriers = files.map((suffix) => named(recorded, `camcops-${suffix}-files-carrier`).id);
      return {
        ...hardened({
          name: `camcops-${service}`,
          reference: "camcops:1",
          user: 1000,
          system: "camcops",
          own: { ...own, "slipway.files": carriers.join(" ") },
        }),
        envs: ["TZ=UTC", "CAMCOPS_CONFIG_FILE=/run/secrets/camcops.conf"],
        hosts: [{ host: "host.docker.internal", ip: "host-gateway" }],
        volumes: [
          { containerPath: "/camcops/tmp", readOnly: false, volumeName: "camcops-tmp" },
          ...files.map((suffix) => ({
            containerPath: { flower: "/run/flower", superuser: "/run/superuser" }[suffix] ?? "/run/secrets",
            readOnly: true,
            volumeName: named(recorded, `camcops-${suffix}-files-volume`).inputs["name"],
          })),
        ],
        networksAdvanced: [
          { name: "camcops-database", aliases: [] as string[] },
          { name: "camcops-broker", aliases: [] as string[] },
        ],
      };
    }

    /** What depends on what, besides the order of services and tasks. */
    function dependencies(files: string[], ...networks: string[]): string[] {
      return [
        ...["broker", "database", ...networks].map((suffix) => `camcops-${suffix}-network-network`),
        ...files.flatMap((suffix) => [`camcops-${suffix}-files-carrier`, `camcops-${suffix}-files-volume`]),
        "camcops-camcops-image-image",
        "camcops-temporary-volume",
        "host-state",
      ].sort();
    }

    function task(name: string, files: string[]) {
      return {
        ...application(name, { files, own: { "slipway.task": name } }),
        memory: 1024,
        restart: "no",
        attach: true,
        mustRun: false,
      };
    }

    function service(name: string, files: string[], operations: unknown = { version: 1, shell: ["bash"] }) {
      return {
        ...application(name, {
          files,
          own: { "slipway.service": name, "slipway.operations": JSON.stringify(operations) },
        }),
        restart: "unless-stopped",
        ports: [] as unknown[],
      };
    }

    const joined = (alias: string) =>
      ["database", "broker", "edge"].map((suffix) => ({ name: `camcops-${suffix}`, aliases: [alias] }));
    const upgrade = ["camcops-upgrade-db"];
    const celery = ["celery", "--app", "camcops_server.cc_modules"];
    const healthcheck = (own: Record<string, unknown>) => ({
      interval: "10s",
      timeout: "10s",
      retries: 3,
      startPeriod: "4m0s",
      ...own,
    });

    it("the migration", () => {
      const { inputs, options } = named(recorded, "camcops-upgrade-db-container");
      assert.deepEqual(inputs, { ...task("upgrade_db", ["config"]), command: upgrade });
      assert.deepEqual(options, {
        ...hardenedOptions,
        hooks: ["afterCreate", "beforeCreate"],
        dependsOn: dependencies(["config"]),
      });
    });

    it("the superuser's creation", () => {
      const { inputs, options } = named(recorded, "camcops-superuser-container");
      assert.deepEqual(inputs, {
        ...task("superuser", ["config", "superuser"]),
        command: ["camcops-superuser", "admin", "/run/superuser/password"],
      });
      assert.deepEqual(options, {
        ...hardenedOptions,
        hooks: ["afterCreate", "beforeCreate"],
        dependsOn: dependencies(["config", "superuser"]),
      });
    });

    it("the web server", () => {
      const { inputs, options } = named(recorded, "camcops-camcops_server-container");
      const operations = {
        version: 1,
        main: true,
        shell: ["bash"],
        certificate: { renewalDays: 30 },
        actions: {
          "superuser-create": ["camcops-superuser", "--create"],
          "superuser-password": ["camcops-superuser", "--password"],
        },
      };
      assert.deepEqual(inputs, {
        ...service("camcops_server", ["server"], operations),
        command: ["camcops-serve"],
        networksAdvanced: joined("camcops_server"),
        ports: [{ ip: "0.0.0.0", external: 443, internal: 8000 }],
        memory: 1024,
        stopSignal: "SIGINT",
        healthcheck: healthcheck({ tests: ["CMD", "camcops-health", "server"], interval: "5s" }),
      });
      assert.deepEqual(options, {
        ...hardenedOptions,
        hooks: ["beforeCreate"],
        dependsOn: dependencies(["server"], "edge"),
      });
    });

    it("the scheduler, which reaches nothing else than database and broker", () => {
      const { inputs, options } = named(recorded, "camcops-camcops_scheduler-container");
      assert.deepEqual(inputs, {
        ...service("camcops_scheduler", ["config"]),
        command: [
          ...celery,
          "beat",
          "--schedule=/camcops/tmp/lock/camcops_celerybeat_schedule",
          "--pidfile=/tmp/celerybeat.pid",
          "--loglevel=INFO",
        ],
        memory: 640,
        cpuShares: 512,
        healthcheck: healthcheck({ tests: ["CMD", "camcops-health", "scheduler"] }),
      });
      assert.deepEqual(options, {
        ...hardenedOptions,
        hooks: ["beforeCreate"],
        dependsOn: dependencies(["config"]),
      });
    });

    it("one worker, which publishes nothing", () => {
      const { inputs, options } = named(recorded, "camcops-camcops_workers-container-1");
      assert.deepEqual(inputs, {
        ...service("camcops_workers", ["config"]),
        name: "camcops-camcops_workers-1",
        hostname: "camcops-camcops_workers-1",
        command: [
          ...celery,
          "worker",
          "-O",
          "fair",
          "--soft-time-limit=300",
          "--loglevel=INFO",
          "--concurrency=2",
          "--max-tasks-per-child=1000",
        ],
        networksAdvanced: joined("camcops_workers"),
        memory: 1536,
        cpuShares: 512,
        healthcheck: healthcheck({ tests: ["CMD", "camcops-health", "workers"], timeout: "30s" }),
      });
      assert.deepEqual(options, {
        ...hardenedOptions,
        hooks: ["beforeCreate"],
        dependsOn: dependencies(["config"], "edge"),
      });
    });

    it("the monitor, on the host's own address only", () => {
      const { inputs, options } = named(recorded, "camcops-camcops_monitor-container");
      const usual = service("camcops_monitor", ["config", "flower"]);
      assert.deepEqual(inputs, {
        ...usual,
        envs: [...usual.envs, "FLOWER_LOGIN_FILE=/run/flower/login"],
        command: [...celery, "flower", "--conf=/camcops/flowerconfig.py", "--logging=info"],
        networksAdvanced: joined("camcops_monitor"),
        ports: [{ ip: "127.0.0.1", external: 5555, internal: 5555 }],
        memory: 640,
        cpuShares: 512,
        healthcheck: healthcheck({ tests: ["CMD", "camcops-health", "monitor"] }),
      });
      assert.deepEqual(options, {
        ...hardenedOptions,
        hooks: ["beforeCreate"],
        dependsOn: dependencies(["config", "flower"], "edge"),
      });
    });

    it("the database, on the host's own address only", () => {
      const { inputs } = named(recorded, "camcops-mysql-service-container");
      const { image, memory, ports, networksAdvanced } = inputs;
      assert.deepEqual(
        { image, memory, ports, networksAdvanced },
        {
          image: imageId("mariadb:1"),
          memory: 1024,
          ports: [{ ip: "127.0.0.1", external: 3306, internal: 3306 }],
          networksAdvanced: [
            { name: "camcops-database", aliases: ["mysql"] },
            { name: "camcops-mysql-edge", aliases: [] },
          ],
        },
      );
    });

    it("the broker, which only CamCOPS reaches", () => {
      const { inputs } = named(recorded, "camcops-rabbitmq-service-container");
      const { image, memory, ports, networksAdvanced } = inputs;
      assert.deepEqual(
        { image, memory, ports, networksAdvanced },
        {
          image: imageId("rabbitmq:1"),
          memory: 512,
          ports: [],
          networksAdvanced: [{ name: "camcops-broker", aliases: ["rabbitmq"] }],
        },
      );
    });

    it("carriers of files, each filled by an image that is there anyhow", () => {
      for (const [suffix, reference] of [
        ["config", "camcops:1"],
        ["server", "camcops:1"],
        ["superuser", "camcops:1"],
        ["flower", "camcops:1"],
        ["mysql", "mariadb:1"],
      ] as const) {
        const { inputs } = named(recorded, `camcops-${suffix}-files-carrier`);
        const { uploads, ...rest } = inputs;
        assert.deepEqual(Object.keys(uploads as object), ["secret"]);
        assert.deepEqual(rest, {
          name: `camcops-${suffix}-files`,
          image: imageId(reference),
          entrypoints: ["/never-started"],
          start: false,
          mustRun: false,
          networkMode: "none",
          restart: "no",
          logDriver: "none",
          removeVolumes: true,
          labels: labels(ownerLabels("camcops")),
          volumes: [
            {
              volumeName: named(recorded, `camcops-${suffix}-files-volume`).inputs["name"],
              containerPath: "/files",
            },
          ],
        });
      }
    });
  });

  it("starts in the order in which one needs the other", () => {
    const container = (name: string) => `camcops-${name}-container`;
    const database = "camcops-mysql-service-healthy";
    const broker = "camcops-rabbitmq-service-healthy";
    const [migration, superuser] = [container("upgrade-db"), container("superuser")];
    for (const [later, ...earlier] of [
      [migration, database],
      [superuser, migration, database],
      [container("camcops_server"), superuser, migration, database, broker],
      [container("camcops_scheduler"), migration, database, broker],
      ["camcops-camcops_workers-container-1", migration, database, broker],
      [container("camcops_monitor"), broker],
    ] as [string, ...string[]][]) {
      for (const each of earlier) assert.ok(isMadeAfter(recorded, later, each), `${later} is not made after ${each}`);
    }
    // What need not wait does not wait.
    assert.ok(!isMadeAfter(recorded, migration, broker));
    assert.ok(!isMadeAfter(recorded, container("camcops_monitor"), database));
    assert.ok(!isMadeAfter(recorded, container("camcops_scheduler"), superuser));
    assert.ok(!isMadeAfter(recorded, broker, database));
    assert.ok(!isMadeAfter(recorded, database, broker));
  });

  it("says where it is reached, and keeps the passwords secret", async () => {
    assert.ok(camcops);
    const { certificatePem: certificate, ...probe } = camcops.summary.probe;
    assert.deepEqual(
      { ...camcops.summary, probe },
      {
        name: "camcops",
        title: "CamCOPS",
        url: "https://localhost",
        probe: { address: "127.0.0.1", port: 443, path: "/login", serverName: "localhost" },
        superuser: "admin",
        passwordOutput: "camcopsSuperuserPassword",
        passwordIsInitial: true,
      },
    );
    assert.ok(certificate);
    assert.equal(await pulumi.isSecret(pulumi.output(certificate)), false);
    assert.equal(camcops.flowerUrl, "http://127.0.0.1:5555");
    for (const password of [camcops.superuserPassword, camcops.flowerPassword]) {
      assert.equal(await pulumi.isSecret(password), true);
    }
  });
});

describe("Camcops", () => {
  let usual: Recorded[];

  before(async () => {
    usual = await recordCamcops();
  });

  it("builds the images that are not given, anew for another revision", async () => {
    const built = (revision?: string) =>
      recordOnHost((host, options) => {
        const settings = camcopsSettings.parse({});
        const args = { host, environment: "dev" as const, settings, secrets: {}, imageRevision: revision };
        return new Camcops("camcops", args, options);
      });
    for (const revision of [undefined, "7"]) {
      const recorded = await built(revision);
      for (const [which, name] of [
        ["camcops", "camcops"],
        ["mysql", "mariadb"],
        ["rabbitmq", "rabbitmq"],
      ] as const) {
        const context = bundledImage(name, revision);
        const { inputs, options } = named(recorded, `camcops-${which}-image-image`);
        assert.deepEqual(inputs, {
          name: `slipway/${name}:${context.version}-${contextHash(context)}`,
          keepLocally: true,
        });
        assert.deepEqual(options, { provider: "host-provider", hooks: ["beforeCreate"] });
      }
    }
  });

  it("declares the same resources in the preview of a first deployment, in which nothing is known yet", async () => {
    assert.deepEqual(tree(await recordCamcops({ preview: true })), tree(usual));
  });

  it("is the same when nothing was changed", async () => {
    assert.deepEqual(described(await recordCamcops()), described(usual));
  });

  it("has no database of its own when there is an external one, which it reaches through an edge", async () => {
    const recorded = await recordCamcops({
      settings: {
        images: { camcops: "camcops:1", rabbitmq: "rabbitmq:1" },
        mysql: { container: false, server: "host.docker.internal", port: 3307, databaseName: "cam", userName: "u" },
      },
      secrets: () => ({ mysqlUserPassword: pulumi.secret("given") }),
    });
    const { removed, added } = differences(usual, recorded);
    assert.deepEqual(added, []);
    assert.deepEqual(removed, [
      "camcops-mysql",
      "camcops-mysql-data",
      "camcops-mysql-data-volume",
      "camcops-mysql-edge-network",
      "camcops-mysql-edge-network-network",
      "camcops-mysql-files",
      "camcops-mysql-files-carrier",
      "camcops-mysql-files-volume",
      "camcops-mysql-image",
      "camcops-mysql-image-image",
      "camcops-mysql-service",
      "camcops-mysql-service-container",
      "camcops-mysql-service-healthy",
    ]);
    assert.equal(named(recorded, "camcops-database-network-network").inputs["internal"], false);
    assert.deepEqual(filesOf(recorded, "config"), {
      "camcops.conf": renderConfig({
        ...usualConfig,
        databaseUrl:
          "mysql+mysqldb://host.docker.internal:3307/cam?charset=utf8mb4&read_default_file=/run/secrets/client.cnf",
      }),
      "client.cnf": clientOptions("u", "given"),
    });
    assert.ok(isMadeAfter(recorded, "camcops-camcops_server-container", "camcops-upgrade-db-container"));
  });

  it("mounts a volume that exists by its name, and owns none instead", async () => {
    const recorded = await recordCamcops({ settings: { mysql: { volume: "camcops_db_data_volume" } } });
    const { removed, added } = differences(usual, recorded);
    assert.deepEqual(added, []);
    assert.deepEqual(removed, ["camcops-mysql-data-volume"]);
    const { volumes } = named(recorded, "camcops-mysql-service-container").inputs as {
      volumes: { volumeName?: string; containerPath: string }[];
    };
    assert.deepEqual(
      volumes.filter(({ containerPath }) => containerPath === "/var/lib/mysql").map(({ volumeName }) => volumeName),
      ["camcops_db_data_volume"],
    );
  });

  describe("without downtime", () => {
    let recorded: Recorded[];

    before(async () => {
      recorded = await recordCamcops({ settings: { withoutDowntime: true } });
    });

    it("has nginx and its networks besides, and the server's files under names that change", () => {
      const { removed, added } = differences(usual, recorded);
      assert.deepEqual(removed, []);
      assert.deepEqual(added, [
        "camcops-camcops_server-revision",
        "camcops-front-network",
        "camcops-front-network-network",
        "camcops-nginx",
        "camcops-nginx-files",
        "camcops-nginx-files-carrier",
        "camcops-nginx-files-volume",
        "camcops-nginx-image",
        "camcops-nginx-image-image",
        "camcops-nginx-service",
        "camcops-nginx-service-container",
        "camcops-nginx-service-healthy",
        "camcops-server-files-revision",
        "camcops-sockets",
        "camcops-sockets-volume",
      ]);
      assert.equal(named(recorded, "camcops-front-network-network").inputs["internal"], false);
    });

    it("has a server on a socket for its own user and nginx alone, which knows where requests come from", () => {
      const { inputs, options } = named(recorded, "camcops-camcops_server-container");
      assert.equal(inputs["name"], `camcops-camcops_server-${stateId}`);
      assert.equal(inputs["hostname"], "camcops-camcops_server");
      assert.deepEqual(inputs["ports"], []);
      assert.deepEqual(inputs["envs"], [
        "TZ=UTC",
        "CAMCOPS_CONFIG_FILE=/run/secrets/camcops.conf",
        "CAMCOPS_SOCKET_FOLDER=/run/sockets",
        `SERVICE_INSTANCE=${stateId}`,
      ]);
      assert.deepEqual((inputs["volumes"] as unknown[])[1], {
        volumeName: "camcops-sockets",
        containerPath: "/run/sockets",
        readOnly: false,
      });
      assert.deepEqual(named(recorded, "camcops-sockets-volume").inputs["driverOpts"], {
        type: "tmpfs",
        device: "tmpfs",
        o: "size=1m,mode=0700,uid=1000,gid=1000",
      });
      assert.equal(options.deleteBeforeReplace, undefined);
      assert.equal(named(recorded, "camcops-server-files-carrier").options.deleteBeforeReplace, undefined);
      assert.deepEqual(filesOf(recorded, "config"), filesOf(usual, "config"));
      assert.deepEqual(filesOf(recorded, "server"), {
        "camcops.conf": renderConfig({ ...usualConfig, behindProxy: true }),
        "client.cnf": filesOf(usual, "server")["client.cnf"],
      });
    });

    it("gives nginx the certificate, the published port and the server's user", () => {
      const files = filesOf(recorded, "nginx");
      assert.deepEqual(Object.keys(files), ["nginx.conf", "tls.crt", "tls.key"]);
      assert.equal(files["tls.crt"], certificatePem({ commonName: "localhost" }));
      assert.equal(files["tls.key"], generatedKey("camcops-certificate-key"));
      assert.match(files["nginx.conf"] ?? "", /set \$upstream http:\/\/unix:\/run\/sockets\/current;/);
      const { inputs } = named(recorded, "camcops-nginx-service-container");
      const { image, user, ports, memory } = inputs;
      assert.deepEqual(
        { image, user, ports, memory },
        {
          image: imageId("nginx:1"),
          user: "1000:1000",
          ports: [{ ip: "0.0.0.0", external: 443, internal: 8080 }],
          memory: 256,
        },
      );
      assert.ok(isMadeAfter(recorded, "camcops-nginx-service-container", "camcops-camcops_server-healthy"));
    });

    it("replaces nginx alone for another certificate, and the server by another name for another setting", async () => {
      const renewed = await recordCamcops({
        settings: { withoutDowntime: true, certificate: { kind: "self-signed", country: "GB" } },
      });
      assert.deepEqual(containersAmong(differences(recorded, renewed).changed), ["camcops-nginx-service-container"]);
      const larger = await recordCamcops({
        settings: { withoutDowntime: true, services: { camcops_server: { memory: 999 } } },
      });
      assert.deepEqual(containersAmong(differences(recorded, larger).changed), [
        "camcops-camcops_server-container",
        "camcops-superuser-container",
        "camcops-upgrade-db-container",
      ]);
      assert.ok(differences(recorded, larger).changed.includes("camcops-camcops_server-revision"));
    });
  });

  it("speaks plain HTTP without a certificate when HTTPS is off", async () => {
    let camcops: Camcops | undefined;
    const recorded = await recordCamcops({
      settings: { https: false, hostAddress: "127.0.0.1", hostPort: 8080 },
      inspect: (made) => (camcops = made),
    });
    const { removed, added } = differences(usual, recorded);
    assert.deepEqual(removed, ["camcops-certificate", "camcops-certificate-certificate", "camcops-certificate-key"]);
    assert.deepEqual(added, []);
    const text = renderConfig({ ...usualConfig, external: { scheme: "http", serverName: "localhost", port: 8080 } });
    for (const suffix of ["config", "server"]) {
      assert.deepEqual(filesOf(recorded, suffix), {
        "camcops.conf": text,
        "client.cnf": filesOf(recorded, "mysql")["client.cnf"],
      });
    }
    assert.deepEqual(named(recorded, "camcops-camcops_server-container").inputs["ports"], [
      { ip: "127.0.0.1", external: 8080, internal: 8000 },
    ]);
    assert.ok(camcops);
    assert.equal(camcops.summary.url, "http://localhost:8080");
    assert.deepEqual(camcops.summary.probe, { address: "127.0.0.1", port: 8080, path: "/login" });
  });

  it("shows its authority's certificate where it has one, and serves what that has signed", async () => {
    let camcops: Camcops | undefined;
    const recorded = await recordCamcops({
      settings: { certificate: { kind: "private-ca", dnsNames: ["camcops.example.org"] } },
      inspect: (made) => (camcops = made),
    });
    const { removed, added } = differences(usual, recorded);
    assert.deepEqual(removed, ["camcops-certificate-certificate"]);
    assert.deepEqual(added.sort(), ["camcops-certificate-request", "camcops-certificate-signed"]);
    assert.equal(named(usual, "camcops-ca-key").options.protect, true);
    const ca = certificatePem({ commonName: "CamCOPS camcops" });
    assert.ok(camcops?.caCertificate);
    const shown = pulumi.all([camcops.caCertificate, camcops.summary.probe.certificatePem]);
    assert.deepEqual(await new Promise((resolve) => shown.apply(resolve)), [ca, ca]);
    assert.equal(filesOf(recorded, "server")["camcops.crt"], signedPem("request of camcops-certificate-request"));
  });

  describe("with the user's certificate", () => {
    let folder: string;
    const certificate = {
      kind: "files",
      certificate: "/camcops/cfg/tls/site.crt",
      privateKey: "/camcops/cfg/site.key",
    };

    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), "camcops-configuration-"));
    });

    afterEach(async () => {
      await rm(folder, { recursive: true });
    });

    it("makes none, and leaves it where it stands", async () => {
      let camcops: Camcops | undefined;
      const recorded = await recordCamcops({
        settings: { configDirectory: folder, certificate: { ...certificate, certificate: `${folder}/tls/site.crt` } },
        inspect: (made) => (camcops = made),
      });
      const { removed } = differences(usual, recorded);
      assert.deepEqual(removed, ["camcops-certificate", "camcops-certificate-certificate", "camcops-certificate-key"]);
      assert.deepEqual(filesOf(recorded, "server"), {
        "camcops.conf": renderConfig({
          ...usualConfig,
          certificate: { certificateFile: "/camcops/cfg/tls/site.crt", privateKeyFile: "/camcops/cfg/site.key" },
        }),
        "client.cnf": filesOf(recorded, "mysql")["client.cnf"],
      });
      assert.ok(camcops);
      // It cannot be read from here, as on another host.
      assert.equal(camcops.summary.url, "https://localhost");
      assert.equal(camcops.summary.probe.certificatePem, undefined);
    });

    it("is reached by the name for which it is valid", async () => {
      await mkdir(join(folder, "tls"));
      const { certificate: pem } = issue("camcops.example.org", new Date(2026, 0), new Date(2096, 0));
      await writeFile(join(folder, "tls/site.crt"), pem);
      let camcops: Camcops | undefined;
      await recordCamcops({
        settings: { configDirectory: folder, certificate },
        inspect: (made) => (camcops = made),
      });
      assert.ok(camcops);
      assert.equal(camcops.summary.url, "https://camcops.example.org");
      assert.equal(camcops.summary.probe.serverName, "camcops.example.org");
      assert.equal(camcops.summary.probe.certificatePem, pem);
    });
  });

  it("shows the configuration folder to every process of CamCOPS, and to no other, read-only", async () => {
    const recorded = await recordCamcops({ settings: { configDirectory: "/etc/camcops" } });
    const changed = containersAmong(differences(usual, recorded).changed);
    assert.deepEqual(changed, [
      "camcops-camcops_monitor-container",
      "camcops-camcops_scheduler-container",
      "camcops-camcops_server-container",
      "camcops-camcops_workers-container-1",
      "camcops-superuser-container",
      "camcops-upgrade-db-container",
    ]);
    for (const name of changed) {
      const volumes = named(recorded, name).inputs["volumes"] as { containerPath: string }[];
      assert.deepEqual(
        volumes.find(({ containerPath }) => containerPath === "/camcops/cfg"),
        { containerPath: "/camcops/cfg", hostPath: "/etc/camcops", readOnly: true },
      );
    }
  });

  it("runs as the user that was set, with a file name that was set", async () => {
    const recorded = await recordCamcops({
      settings: { userId: 1234, groupId: 99, configFilename: "my.conf", name: "clinic" },
    });
    const { inputs } = named(recorded, "camcops-camcops_server-container");
    assert.equal(inputs["user"], "1234:99");
    assert.deepEqual(inputs["tmpfs"], { "/tmp": "uid=1234,gid=99" });
    assert.deepEqual(inputs["envs"], ["TZ=UTC", "CAMCOPS_CONFIG_FILE=/run/secrets/my.conf"]);
    assert.deepEqual(Object.keys(filesOf(recorded, "config")), ["my.conf", "client.cnf"]);
    const inDocker = recorded.filter(({ type }) => /^docker:index\/(container|network|volume)/.test(type));
    for (const { name, inputs: given } of inDocker) {
      assert.ok((given["name"] as string).startsWith("clinic-"), name);
    }
  });

  it("only adds containers when there are to be more workers", async () => {
    const more = await recordCamcops({ settings: { workers: { replicas: 3 } } });
    assert.deepEqual(differences(usual, more), {
      removed: [],
      added: ["camcops-camcops_workers-container-2", "camcops-camcops_workers-container-3"],
      changed: ["camcops-camcops_workers", "camcops-camcops_workers-healthy"],
    });
  });

  describe("replaces only the containers that use an image when it changes:", () => {
    for (const [which, containers] of [
      [
        "camcops",
        [
          "camcops-camcops_monitor-container",
          "camcops-camcops_scheduler-container",
          "camcops-camcops_server-container",
          "camcops-camcops_workers-container-1",
          "camcops-superuser-container",
          "camcops-upgrade-db-container",
        ],
      ],
      ["mysql", ["camcops-mysql-service-container"]],
      ["rabbitmq", ["camcops-rabbitmq-service-container"]],
    ] as const) {
      it(which, async () => {
        const after = await recordCamcops({ settings: { images: { ...images, [which]: "other:2" } } });
        const { removed, added, changed } = differences(usual, after);
        assert.deepEqual([removed, added], [[], []]);
        assert.deepEqual(containersAmong(changed), containers);
        for (const name of containers) assert.equal(named(after, name).inputs["image"], imageId("other:2"));
      });
    }
  });

  it("touches only the monitor when its password changes", async () => {
    const after = await recordCamcops({ secrets: () => ({ flowerPassword: pulumi.secret("new") }) });
    assert.deepEqual(differences(usual, after), {
      removed: [],
      added: [],
      changed: [
        "camcops-camcops_monitor-container",
        "camcops-camcops_monitor-healthy",
        "camcops-flower-files",
        "camcops-flower-files-carrier",
        "camcops-flower-password",
      ],
    });
    assert.deepEqual(filesOf(after, "flower"), { login: "flower:new" });
  });

  it("touches only the server when its certificate changes", async () => {
    const settings = { certificate: { kind: "self-signed", country: "GB" } };
    const { removed, added, changed } = differences(usual, await recordCamcops({ settings }));
    assert.deepEqual([removed, added], [[], []]);
    assert.deepEqual(changed, [
      // Its summary holds the certificate.
      "camcops",
      "camcops-camcops_server-container",
      "camcops-camcops_server-healthy",
      "camcops-certificate",
      "camcops-certificate-certificate",
      "camcops-server-files",
      "camcops-server-files-carrier",
    ]);
  });

  it("runs the superuser's task again, and nothing else, when its password changes", async () => {
    const after = await recordCamcops({ secrets: () => ({ superuserPassword: pulumi.secret("new") }) });
    assert.deepEqual(containersAmong(differences(usual, after).changed), ["camcops-superuser-container"]);
  });

  it("carries a new database password to the database and to all that use it", async () => {
    const after = await recordCamcops({ secrets: () => ({ mysqlUserPassword: pulumi.secret("new") }) });
    assert.deepEqual(containersAmong(differences(usual, after).changed), [
      "camcops-camcops_monitor-container",
      "camcops-camcops_scheduler-container",
      "camcops-camcops_server-container",
      "camcops-camcops_workers-container-1",
      "camcops-mysql-service-container",
      "camcops-superuser-container",
      "camcops-upgrade-db-container",
    ]);
    for (const suffix of ["config", "server", "mysql"]) {
      assert.equal(filesOf(after, suffix)["client.cnf"], clientOptions("camcops", "new"));
    }
  });

  it("hands on what was set for the services, the logs, the time zone and the log's level", async () => {
    const recorded = await recordCamcops({
      settings: {
        services: {
          mysql: { memory: 2048, cpus: 2 },
          rabbitmq: { restart: "always", cpus: 0.5 },
          camcops_server: { memory: 900, cpus: 10 },
          camcops_workers: { restart: "no", cpus: 1.25 },
        },
        logs: { maxSize: 1, maxFiles: 2 },
        timeZone: "Europe/London",
        logLevel: "warning",
        mysql: { hostAddress: "0.0.0.0", hostPort: 3399 },
        flower: { hostAddress: "::1", hostPort: 5599, username: "me" },
        superuser: { username: "boss" },
        internalPort: 8111,
      },
    });
    const inputs = (name: string) => named(recorded, `camcops-${name}`).inputs;
    for (const { name, inputs: given } of recorded.filter((each) => containersAmong([each.name]).length > 0)) {
      assert.deepEqual(given["logOpts"], { "max-size": "1m", "max-file": "2" }, name);
      assert.equal((given["envs"] as string[])[0], "TZ=Europe/London", name);
    }
    assert.equal(inputs("mysql-service-container")["memory"], 2048);
    assert.equal(inputs("rabbitmq-service-container")["restart"], "always");
    assert.equal(inputs("camcops_server-container")["memory"], 900);
    assert.equal(inputs("camcops_workers-container-1")["restart"], "no");
    assert.deepEqual(
      recorded.flatMap(({ name, inputs: given }) => ("cpuQuota" in given ? [[name, given["cpuQuota"]]] : [])),
      [
        ["camcops-camcops_server-container", 1_000_000],
        ["camcops-camcops_workers-container-1", 125_000],
        ["camcops-mysql-service-container", 200_000],
        ["camcops-rabbitmq-service-container", 50_000],
      ],
    );
    assert.deepEqual(inputs("mysql-service-container")["ports"], [{ ip: "0.0.0.0", external: 3399, internal: 3306 }]);
    assert.deepEqual(inputs("camcops_monitor-container")["ports"], [{ ip: "::1", external: 5599, internal: 5555 }]);
    assert.deepEqual(inputs("camcops_server-container")["ports"], [{ ip: "0.0.0.0", external: 443, internal: 8111 }]);
    assert.match(filesOf(recorded, "flower")["login"] ?? "", /^me:/);
    assert.deepEqual(inputs("superuser-container")["command"], [
      "camcops-superuser",
      "boss",
      "/run/superuser/password",
    ]);
    for (const name of ["camcops_scheduler-container", "camcops_workers-container-1"]) {
      assert.ok((inputs(name)["command"] as string[]).includes("--loglevel=WARNING"), name);
    }
    assert.equal(
      filesOf(recorded, "config")["camcops.conf"],
      renderConfig({ ...usualConfig, port: 8111, timeZone: "Europe/London", logLevel: "warn" }),
    );
  });

  it("lets each of its own processes log as much as is said of it", async () => {
    const recorded = await recordCamcops({
      settings: {
        logLevel: "error",
        services: {
          mysql: { logLevel: "warning" },
          rabbitmq: { logLevel: "debug" },
          camcops_server: { logLevel: "warning" },
          camcops_workers: { logLevel: "debug" },
        },
      },
    });
    const levels = (which: string) =>
      [...(filesOf(recorded, which)["camcops.conf"] ?? "").matchAll(/^(?:WEBVIEW|CLIENT_API)_LOGLEVEL = (.+)$/gm)].map(
        ([, level]) => level,
      );
    assert.deepEqual(
      [levels("server"), levels("config")],
      [
        ["warn", "warn"],
        ["error", "error"],
      ],
    );
    const last = (name: string, option: string) =>
      (named(recorded, `camcops-${name}`).inputs["command"] as string[]).find((word) => word.startsWith(option));
    assert.equal(last("camcops_scheduler-container", "--loglevel="), "--loglevel=ERROR");
    assert.equal(last("camcops_workers-container-1", "--loglevel="), "--loglevel=DEBUG");
    assert.equal(last("camcops_monitor-container", "--logging="), "--logging=error");
    const mysql = named(recorded, "camcops-mysql-service-container").inputs["command"] as string[];
    assert.deepEqual(mysql.slice(-2), ["--loose-log-warnings=1", "--loose-log-error-verbosity=2"]);
    const rabbitmq = named(recorded, "camcops-rabbitmq-service-container").inputs["envs"] as string[];
    assert.ok(rabbitmq.includes("RABBITMQ_LOG=debug"));
  });

  it("writes keys of camcops.conf from settings and from secrets", async () => {
    const config = {
      site: { EMAIL_HOST: "smtp.example.org" },
      export: { CELERY_WORKER_EXTRA_ARGS: ["--autoscale=3"] },
    };
    const secretConfig: CamcopsSecretConfig = { site: { EMAIL_HOST_PASSWORD: "mail" } };
    const recorded = await recordCamcops({
      settings: { config },
      secrets: () => ({ config: pulumi.secret(secretConfig) }),
    });
    assert.equal(filesOf(recorded, "config")["camcops.conf"], renderConfig({ ...usualConfig, config, secretConfig }));
    const { command } = named(recorded, "camcops-camcops_workers-container-1").inputs as { command: string[] };
    assert.equal(command.at(-1), "--autoscale=3");
  });

  it("signs sessions with the secret that was given", async () => {
    const recorded = await recordCamcops({ secrets: () => ({ sessionSecret: pulumi.secret("kept") }) });
    assert.equal(filesOf(recorded, "config")["camcops.conf"], renderConfig({ ...usualConfig, sessionSecret: "kept" }));
  });

  it("shows no secret in plain text anywhere", async () => {
    const difficult = (name: string) => `p@ss/w:rd%'"$\\ é ${name}`;
    const secretConfig: CamcopsSecretConfig = { site: { EMAIL_HOST_PASSWORD: difficult("mail") } };
    const given = await recordCamcops({
      secrets: () => ({
        mysqlUserPassword: pulumi.output(difficult("user")),
        mysqlRootPassword: pulumi.output(difficult("root")),
        superuserPassword: pulumi.output(difficult("superuser")),
        flowerPassword: pulumi.output(difficult("flower")),
        sessionSecret: pulumi.output(difficult("session")),
        config: pulumi.secret(secretConfig),
      }),
    });
    const passwords = usual.filter(({ type }) => type.endsWith(":RandomPassword")).map(({ name }) => name);
    assert.equal(passwords.length, 5);
    const made = [...passwords.map(generatedPassword), generatedKey("camcops-certificate-key")];
    const chosen = ["user", "root", "superuser", "flower", "session", "mail"].map(difficult);
    for (const [recorded, secrets] of [
      [given, [...chosen, ...made]],
      [usual, made],
    ] as const) {
      assert.deepEqual(findSecrets(described(recorded), secrets), []);
    }
    // The search does find them where they are, once the marks are gone.
    const unmarked = JSON.parse(JSON.stringify(described(given)).replaceAll('"secret":', '"plain":')) as unknown;
    const found = new Set(findSecrets(unmarked, chosen).map(({ secret }) => secret));
    assert.deepEqual([...found].sort(), chosen.toSorted());
  });
});
