import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { MysqlDatabase, type MysqlDatabaseArgs } from "../../components/mysql-database.ts";
import { Image } from "../../components/image.ts";
import {
  clientOptions,
  emptyingStatements,
  initialStatements,
  rowsStatements,
  versionStatement,
} from "../../components/mysql-files.ts";
import { Network } from "../../components/network.ts";
import { hardened, hardenedOptions, labels, ownerLabels } from "../hardened.ts";
import { imageId } from "../provider-outputs.ts";
import { described, differences, named, recordOnHost } from "../recorded.ts";

let database: MysqlDatabase | undefined;

async function recordDatabase(own: (edge: Network) => Partial<MysqlDatabaseArgs> = () => ({})) {
  const recorded = await recordOnHost((host, options) => {
    const image = new Image("image", { host, source: { pull: "mariadb:11" } }, options);
    const network = new Network("net", { host, system: "shop", networkName: "shop_net", kind: "internal" }, options);
    const edge = new Network("net-edge", { host, system: "shop", networkName: "shop_edge", kind: "edge" }, options);
    database = new MysqlDatabase(
      "db",
      {
        host,
        system: "shop",
        service: "mysql",
        containerName: "shop_mysql",
        image,
        volumeName: "shop_data",
        databaseName: "orders",
        userName: "clerk",
        userPassword: pulumi.secret("user's"),
        rootPassword: pulumi.secret("root's"),
        network,
        memory: 512,
        ...own(edge),
      },
      options,
    );
  });
  return recorded.filter(({ name }) => name.startsWith("db"));
}

const options = "--defaults-extra-file=/run/secrets/client.cnf";
const client = ["sh", "-c", 'exec "$(command -v mariadb || command -v mysql)" "$@"', "sh", options];
const dump = ["sh", "-c", 'exec "$(command -v mariadb-dump || command -v mysqldump)" "$@"', "sh", options];

const operations = {
  version: 1,
  shell: ["bash"],
  database: {
    shell: [...client, "orders"],
    dump: [
      ...dump,
      "--single-transaction",
      "--routines",
      "--events",
      "--triggers",
      "--no-tablespaces",
      "--skip-dump-date",
      "--max-allowed-packet=1G",
      "orders",
    ],
    load: [
      "sh",
      "-c",
      '{ printf %s "$0"; exec cat; } | "$(command -v mariadb || command -v mysql)" "$@"',
      emptyingStatements("orders"),
      options,
      "--max-allowed-packet=1G",
    ],
    version: [...client, "--batch", "--skip-column-names", `--execute=${versionStatement}`],
    rows: [...client, "--batch", "--skip-column-names", `--execute=${rowsStatements}`, "orders"],
  },
};

function container(carrier: string, filesVolume: unknown) {
  const own = {
    "slipway.service": "mysql",
    "slipway.operations": JSON.stringify(operations),
    "slipway.files": carrier,
  };
  return {
    ...hardened({ name: "shop_mysql", reference: "mariadb:11", user: 999, own }),
    command: [
      "--init-file=/run/secrets/init.sql",
      "--bind-address=0.0.0.0",
      "--skip-name-resolve",
      "--character-set-server=utf8mb4",
      "--collation-server=utf8mb4_unicode_ci",
    ],
    envs: [
      "TZ=UTC",
      "MARIADB_ROOT_PASSWORD_FILE=/run/secrets/root-password",
      "MARIADB_ROOT_HOST=localhost",
      "MYSQL_ROOT_PASSWORD_FILE=/run/secrets/root-password",
      "MYSQL_ROOT_HOST=localhost",
    ],
    tmpfs: { "/tmp": "uid=999,gid=999", "/run/mysqld": "uid=999,gid=999" },
    volumes: [
      { containerPath: "/var/lib/mysql", readOnly: false, volumeName: "shop_data" },
      { containerPath: "/run/secrets", readOnly: true, volumeName: filesVolume },
    ],
    networksAdvanced: [{ name: "shop_net", aliases: ["mysql"] }],
    ports: [] as unknown[],
    memory: 512,
    restart: "unless-stopped",
    stopTimeout: 120,
    destroyGraceSeconds: 120,
    healthcheck: {
      tests: ["CMD", ...client, "--protocol=tcp", "--host=127.0.0.1", "--execute=SELECT 1", "orders"],
      interval: "3s",
      timeout: "5s",
      retries: 5,
      startPeriod: "5m0s",
    },
  };
}

describe("MysqlDatabase", () => {
  it("is a kept volume, secret files and a service that nobody else than its network reaches", async () => {
    const recorded = await recordDatabase();
    const carrier = named(recorded, "db-files-carrier").id;
    const filesVolume = named(recorded, "db-files-volume").inputs["name"];
    assert.deepEqual(described(recorded), [
      {
        type: "slipway:index:MysqlDatabase",
        name: "db",
        parent: undefined,
        inputs: {},
        options: {},
        outputs: { server: "mysql", port: 3306 },
      },
      {
        type: "slipway:index:Volume",
        name: "db-data",
        parent: "db",
        inputs: {},
        options: {},
        outputs: { volumeName: "shop_data" },
      },
      {
        type: "docker:index/volume:Volume",
        name: "db-data-volume",
        parent: "db-data",
        inputs: { name: "shop_data" },
        options: { provider: "host-provider", protect: true, retainOnDelete: true },
      },
      {
        type: "slipway:index:FileVolume",
        name: "db-files",
        parent: "db",
        inputs: {},
        options: {},
        outputs: { revision: carrier, volumeName: filesVolume },
      },
      {
        type: "docker:index/container:Container",
        name: "db-files-carrier",
        parent: "db-files",
        inputs: {
          name: "shop_mysql-files",
          image: imageId("mariadb:11"),
          entrypoints: ["/never-started"],
          start: false,
          mustRun: false,
          networkMode: "none",
          restart: "no",
          logDriver: "none",
          removeVolumes: true,
          labels: labels(ownerLabels("shop")),
          volumes: [{ volumeName: filesVolume, containerPath: "/files" }],
          uploads: {
            secret: [
              { file: "/files/root-password", content: "root's", permissions: "0400" },
              { file: "/files/client.cnf", content: clientOptions("clerk", "user's"), permissions: "0400" },
              {
                file: "/files/init.sql",
                content: initialStatements({
                  databaseName: "orders",
                  userName: "clerk",
                  userPassword: "user's",
                  rootPassword: "root's",
                }),
                permissions: "0400",
              },
            ],
          },
        },
        options: {
          provider: "host-provider",
          deleteBeforeReplace: true,
          hooks: ["afterCreate", "beforeCreate"],
          dependsOn: ["db-files-volume", "host-state", "image-image"],
        },
      },
      {
        type: "docker:index/volume:Volume",
        name: "db-files-volume",
        parent: "db-files",
        inputs: { name: filesVolume },
        options: { provider: "host-provider", deleteBeforeReplace: true },
      },
      {
        type: "slipway:index:Service",
        name: "db-service",
        parent: "db",
        inputs: {},
        options: {},
        outputs: { containerNames: ["shop_mysql"] },
      },
      {
        type: "docker:index/container:Container",
        name: "db-service-container",
        parent: "db-service",
        inputs: container(carrier, filesVolume),
        options: {
          ...hardenedOptions,
          hooks: ["beforeCreate"],
          dependsOn: [
            "db-data-volume",
            "db-files-carrier",
            "db-files-volume",
            "host-state",
            "image-image",
            "net-network",
          ],
        },
      },
      {
        type: "random:index/randomId:RandomId",
        name: "db-service-healthy",
        parent: "db-service",
        inputs: { byteLength: 4, keepers: { containers: named(recorded, "db-service-container").id } },
        options: { hooks: ["beforeCreate"], dependsOn: ["db-service-container"] },
      },
    ]);
    assert.deepEqual([database?.server, database?.port], ["mysql", 3306]);
  });

  it("publishes its port through an edge network where it is told to", async () => {
    const before = await recordDatabase();
    const after = await recordDatabase((edge) => ({
      published: { network: edge, address: "127.0.0.1", hostPort: 3307 },
    }));
    assert.deepEqual(differences(before, after).changed, ["db-service-container", "db-service-healthy"]);
    const { inputs } = named(after, "db-service-container");
    assert.deepEqual(inputs, {
      ...named(before, "db-service-container").inputs,
      ports: [{ ip: "127.0.0.1", external: 3307, internal: 3306 }],
      networksAdvanced: [
        { name: "shop_net", aliases: ["mysql"] },
        { name: "shop_edge", aliases: [] },
      ],
    });
  });

  it("hands further options to the server", async () => {
    const { inputs } = named(await recordDatabase(() => ({ serverOptions: ["--own=1"] })), "db-service-container");
    assert.deepEqual((inputs["command"] as string[]).slice(-2), ["--collation-server=utf8mb4_unicode_ci", "--own=1"]);
  });

  it("is replaced when a password changes, and keeps its data", async () => {
    const usual = await recordDatabase();
    for (const changed of [{ userPassword: pulumi.secret("new") }, { rootPassword: pulumi.secret("new") }]) {
      assert.deepEqual(differences(usual, await recordDatabase(() => changed)), {
        removed: [],
        added: [],
        changed: ["db-files", "db-files-carrier", "db-service-container", "db-service-healthy"],
      });
    }
  });

  it("hands on the limits of its service", async () => {
    const recorded = await recordDatabase(() => ({
      memory: 2048,
      restart: "always",
      logs: { maxSize: 1, maxFiles: 2 },
      timeZone: "Europe/London",
    }));
    const { inputs } = named(recorded, "db-service-container");
    const filesVolume = named(recorded, "db-files-volume").inputs["name"];
    const usual = container(named(recorded, "db-files-carrier").id, filesVolume);
    assert.deepEqual(inputs, {
      ...usual,
      memory: 2048,
      restart: "always",
      logOpts: { "max-size": "1m", "max-file": "2" },
      envs: ["TZ=Europe/London", ...usual.envs.slice(1)],
    });
  });
});
