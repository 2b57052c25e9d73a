import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { Image } from "../../components/image.ts";
import { Network } from "../../components/network.ts";
import { PostgresqlDatabase, type PostgresqlDatabaseArgs } from "../../components/postgresql-database.ts";
import { initialStatements, passwordFile, rowsStatement, versionStatement } from "../../components/postgresql-files.ts";
import { hardened } from "../hardened.ts";
import { differences, named, recordOnHost, tree } from "../recorded.ts";

let database: PostgresqlDatabase | undefined;

async function recordDatabase(own: Partial<PostgresqlDatabaseArgs> = {}) {
  const recorded = await recordOnHost((host, options) => {
    const image = new Image("image", { host, source: { pull: "postgres:15" } }, options);
    const network = new Network("net", { host, system: "shop", networkName: "shop_net", kind: "internal" }, options);
    database = new PostgresqlDatabase(
      "db",
      {
        host,
        system: "shop",
        service: "db",
        containerName: "shop_db",
        image,
        volumeName: "shop_data",
        databaseName: "orders",
        userName: "clerk",
        userPassword: pulumi.secret("user's"),
        network,
        memory: 512,
        ...own,
      },
      options,
    );
  });
  return recorded.filter(({ name }) => name.startsWith("db"));
}

const who = ["--username=clerk", "--dbname=orders"];
const query = [
  "psql",
  ...who,
  "--no-psqlrc",
  "--no-align",
  "--tuples-only",
  "--field-separator=\t",
  "--set=ON_ERROR_STOP=1",
];

const operations = {
  version: 1,
  shell: ["bash"],
  database: {
    shell: ["psql", ...who, "--set=ON_ERROR_STOP=1"],
    dump: ["pg_dump", ...who, "--clean", "--if-exists", "--no-owner", "--no-privileges"],
    load: [
      "psql",
      ...who,
      "--no-psqlrc",
      "--quiet",
      "--output=/dev/null",
      "--single-transaction",
      "--set=ON_ERROR_STOP=1",
      "--command=DROP OWNED BY CURRENT_USER CASCADE",
      "--file=-",
    ],
    version: [...query, `--command=${versionStatement}`],
    rows: [...query, `--command=${rowsStatement}`],
  },
};

const start = `trap 'exit 143' INT TERM
if [ "$1" = postgres ]; then
  docker-entrypoint.sh postgres -C data_directory >/dev/null
  postgres --single -D "$PGDATA" postgres </run/secrets/init.sql >/dev/null
fi
exec docker-entrypoint.sh "$@"`;

describe("PostgresqlDatabase", () => {
  it("is a kept volume, secret files and a service that declares its user before it listens", async () => {
    const recorded = await recordDatabase();
    assert.deepEqual(tree(recorded), [
      ["slipway:index:PostgresqlDatabase", "db", undefined],
      ["slipway:index:Volume", "db-data", "db"],
      ["docker:index/volume:Volume", "db-data-volume", "db-data"],
      ["slipway:index:FileVolume", "db-files", "db"],
      ["docker:index/container:Container", "db-files-carrier", "db-files"],
      ["docker:index/volume:Volume", "db-files-volume", "db-files"],
      ["slipway:index:Service", "db-service", "db"],
      ["docker:index/container:Container", "db-service-container", "db-service"],
      ["random:index/randomId:RandomId", "db-service-healthy", "db-service"],
    ]);
    const carrier = named(recorded, "db-files-carrier");
    const own = {
      "slipway.service": "db",
      "slipway.operations": JSON.stringify(operations),
      "slipway.files": carrier.id,
    };
    assert.deepEqual(named(recorded, "db-service-container").inputs, {
      ...hardened({ name: "shop_db", reference: "postgres:15", user: 999, own }),
      entrypoints: ["sh", "-ec", start, "sh"],
      command: ["postgres"],
      envs: [
        "TZ=UTC",
        "PGDATA=/var/lib/postgresql/data",
        "PGPASSFILE=/run/secrets/pgpass",
        "POSTGRES_PASSWORD_FILE=/run/secrets/password",
      ],
      tmpfs: { "/tmp": "uid=999,gid=999", "/run/postgresql": "uid=999,gid=999" },
      volumes: [
        { containerPath: "/var/lib/postgresql/data", readOnly: false, volumeName: "shop_data" },
        {
          containerPath: "/run/secrets",
          readOnly: true,
          volumeName: named(recorded, "db-files-volume").inputs["name"],
        },
      ],
      networksAdvanced: [{ name: "shop_net", aliases: ["db"] }],
      ports: [],
      memory: 512,
      restart: "unless-stopped",
      stopSignal: "SIGINT",
      stopTimeout: 120,
      destroyGraceSeconds: 120,
      healthcheck: {
        tests: ["CMD", "psql", "--host=shop_db", ...who, "--no-password", "--command=SELECT 1"],
        interval: "3s",
        timeout: "5s",
        retries: 5,
        startPeriod: "5m0s",
      },
    });
    assert.deepEqual([database?.server, database?.port], ["db", 5432]);
  });

  it("hands the password on in secret files, and whether the user may make databases", async () => {
    for (const createsDatabases of [false, true]) {
      const identity = { databaseName: "orders", userName: "clerk", userPassword: "user's", createsDatabases };
      const recorded = await recordDatabase({ createsDatabases });
      assert.deepEqual(named(recorded, "db-files-carrier").inputs["uploads"], {
        secret: [
          { file: "/files/password", content: "user's", permissions: "0400" },
          { file: "/files/pgpass", content: passwordFile("clerk", "user's"), permissions: "0400" },
          { file: "/files/init.sql", content: initialStatements(identity), permissions: "0400" },
        ],
      });
    }
  });

  it("is replaced when the password changes, and keeps its data", async () => {
    const changed = await recordDatabase({ userPassword: pulumi.secret("new") });
    assert.deepEqual(differences(await recordDatabase(), changed), {
      removed: [],
      added: [],
      changed: ["db-files", "db-files-carrier", "db-service-container", "db-service-healthy"],
    });
  });

  it("opens data that are in a folder of an earlier installation's volume, which it does not own", async () => {
    const changed = await recordDatabase({ volumeName: "old_data", volumeExists: true, volumeFolder: "pgdata" });
    assert.ok(!changed.some(({ name }) => name === "db-data-volume"));
    const { envs, volumes } = named(changed, "db-service-container").inputs as { envs: string[]; volumes: unknown[] };
    assert.ok(envs.includes("PGDATA=/var/lib/postgresql/data/pgdata"));
    assert.deepEqual(volumes[0], {
      containerPath: "/var/lib/postgresql/data",
      readOnly: false,
      volumeName: "old_data",
    });
  });
});
