import * as pulumi from "@pulumi/pulumi";
import { runDatabase, secretsFolder, type DatabaseArgs } from "./database.ts";
import { initialStatements, passwordFile, rowsStatement, versionStatement } from "./postgresql-files.ts";

/**
 * Makes the data folder if it is missing, and declares database and user before anybody can connect; then becomes what it
 * is told. A command in another container on the same data, such as a client's, does nothing to them.
 *
 * The official image's entry point makes the data folder and then lets `postgres` do as it is told: here, end at once.
 */
const start = `
trap 'exit 143' INT TERM
if [ "$1" = postgres ]; then
  docker-entrypoint.sh postgres -C data_directory >/dev/null
  postgres --single -D "$PGDATA" postgres <${secretsFolder}/init.sql >/dev/null
fi
exec docker-entrypoint.sh "$@"`.trim();

export interface PostgresqlDatabaseArgs extends DatabaseArgs {
  /** Whether the user may make further databases, as Django's tests do. @default false */
  createsDatabases?: boolean;
  /** The folder of the volume that holds the data. Only for one that holds them already. @default its top */
  volumeFolder?: string;
}

/** Where the volume is, as in the official image. */
const dataFolder = "/var/lib/postgresql/data";

/**
 * A PostgreSQL server, with the contract of its official image, with one database and one user, who owns it.
 *
 * Database, user and password are declared before every start in the server's single-user mode: so what the stack says is
 * what the database has, also after a password was changed. The superuser `postgres` can log in from inside the container
 * only. There the server's socket asks nobody for a password: whoever is in the container could read the data's files too.
 */
export class PostgresqlDatabase extends pulumi.ComponentResource {
  /** Where clients on its network find it. */
  readonly server: string;
  readonly port = 5432;

  constructor(name: string, args: PostgresqlDatabaseArgs, opts?: pulumi.ComponentResourceOptions) {
    super("slipway:index:PostgresqlDatabase", name, {}, opts);
    const { databaseName, userName, createsDatabases = false } = args;
    const who = [`--username=${userName}`, `--dbname=${databaseName}`];
    const query = (statement: string, where: string[]) => [
      "psql",
      ...where,
      ...who,
      "--no-psqlrc",
      "--no-align",
      "--tuples-only",
      "--field-separator=\t",
      "--set=ON_ERROR_STOP=1",
      `--command=${statement}`,
    ];
    /** What reads the database; `where` are options of the clients. */
    const reading = (...where: string[]) => ({
      dump: ["pg_dump", ...where, ...who, "--clean", "--if-exists", "--no-owner", "--no-privileges"],
      version: query(versionStatement, where),
      rows: query(rowsStatement, where),
    });
    runDatabase(
      name,
      args,
      {
        port: this.port,
        // In the official image and in `images/postgresql`.
        userId: 999,
        dataFolder,
        files: {
          password: args.userPassword,
          pgpass: args.userPassword.apply((password) => passwordFile(userName, password)),
          "init.sql": args.userPassword.apply((userPassword) =>
            initialStatements({ databaseName, userName, userPassword, createsDatabases }),
          ),
        },
        entrypoint: ["sh", "-ec", start, "sh"],
        command: ["postgres"],
        environment: {
          PGDATA: args.volumeFolder === undefined ? dataFolder : `${dataFolder}/${args.volumeFolder}`,
          PGPASSFILE: `${secretsFolder}/pgpass`,
          POSTGRES_PASSWORD_FILE: `${secretsFolder}/password`,
        },
        writablePaths: ["/tmp", "/run/postgresql"],
        stopSignal: "SIGINT",
        // By the container's own name: the official image asks for no password at its loopback address.
        healthCheck: ["psql", `--host=${args.containerName}`, ...who, "--no-password", "--command=SELECT 1"],
        operations: {
          shell: ["psql", ...who, "--set=ON_ERROR_STOP=1"],
          ...reading(),
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
        },
        remote: reading(`--host=${args.service}`, `--port=${this.port}`, "--no-password"),
      },
      this,
    );
    this.server = args.service;
    this.registerOutputs({ server: this.server, port: this.port });
  }
}
