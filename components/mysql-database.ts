import * as pulumi from "@pulumi/pulumi";
import { runDatabase, secretsFolder, type DatabaseArgs } from "./database.ts";
import {
  clientOptions,
  emptyingStatements,
  initialStatements,
  rowsStatements,
  versionStatement,
} from "./mysql-files.ts";

export interface MysqlDatabaseArgs extends DatabaseArgs {
  rootPassword: pulumi.Output<string>;
  /** Further options of the server, such as `--max-allowed-packet=32M`. @default none */
  serverOptions?: string[];
}

/**
 * A MySQL or MariaDB server, with the contract of their official images, with one database and one user who has all rights
 * on it.
 *
 * Database, user and passwords are declared in a file that the server itself runs at every start (`--init-file`), before
 * it takes connections: so what the stack says is what the database has, also after a password was changed.
 */
export class MysqlDatabase extends pulumi.ComponentResource {
  /** Where clients on its network find it. */
  readonly server: string;
  readonly port = 3306;

  constructor(name: string, args: MysqlDatabaseArgs, opts?: pulumi.ComponentResourceOptions) {
    // Its former type, so that a stack deployed then keeps its volume.
    const aliases = [{ type: "slipway:index:Database" }];
    super("slipway:index:MysqlDatabase", name, {}, pulumi.mergeOptions(opts, { aliases }));
    const { databaseName, userName } = args;
    const options = `--defaults-extra-file=${secretsFolder}/client.cnf`;
    // The client is called mariadb in MariaDB's images and mysql in MySQL's.
    const run = (mariadb: string, mysql: string, args: string[]) => [
      "sh",
      "-c",
      `exec "$(command -v ${mariadb} || command -v ${mysql})" "$@"`,
      "sh",
      options,
      ...args,
    ];
    const client = (...args: string[]) => run("mariadb", "mysql", args);
    /** What reads the database; `where` are options of the clients. */
    const reading = (...where: string[]) => ({
      dump: run("mariadb-dump", "mysqldump", [
        ...where,
        "--single-transaction",
        "--routines",
        "--events",
        "--triggers",
        // Asks for a right that the user has not.
        "--no-tablespaces",
        // Two dumps of equal data are equal.
        "--skip-dump-date",
        "--max-allowed-packet=1G",
        databaseName,
      ]),
      version: client(...where, "--batch", "--skip-column-names", `--execute=${versionStatement}`),
      rows: client(...where, "--batch", "--skip-column-names", `--execute=${rowsStatements}`, databaseName),
    });
    runDatabase(
      name,
      args,
      {
        port: this.port,
        // In the official images and in `images/mariadb`.
        userId: 999,
        dataFolder: "/var/lib/mysql",
        files: {
          "root-password": args.rootPassword,
          "client.cnf": args.userPassword.apply((password) => clientOptions(userName, password)),
          "init.sql": pulumi
            .all([args.userPassword, args.rootPassword])
            .apply(([userPassword, rootPassword]) =>
              initialStatements({ databaseName, userName, userPassword, rootPassword }),
            ),
        },
        command: [
          `--init-file=${secretsFolder}/init.sql`,
          "--bind-address=0.0.0.0",
          "--skip-name-resolve",
          "--character-set-server=utf8mb4",
          "--collation-server=utf8mb4_unicode_ci",
          ...(args.serverOptions ?? []),
        ],
        environment: {
          MARIADB_ROOT_PASSWORD_FILE: `${secretsFolder}/root-password`,
          MARIADB_ROOT_HOST: "localhost",
          MYSQL_ROOT_PASSWORD_FILE: `${secretsFolder}/root-password`,
          MYSQL_ROOT_HOST: "localhost",
        },
        writablePaths: ["/tmp", "/run/mysqld"],
        healthCheck: client("--protocol=tcp", "--host=127.0.0.1", "--execute=SELECT 1", databaseName),
        operations: {
          shell: client(databaseName),
          ...reading(),
          load: [
            "sh",
            "-c",
            `{ printf %s "$0"; exec cat; } | "$(command -v mariadb || command -v mysql)" "$@"`,
            emptyingStatements(databaseName),
            options,
            "--max-allowed-packet=1G",
          ],
        },
        remote: reading("--protocol=tcp", `--host=${args.service}`, `--port=${this.port}`),
      },
      this,
    );
    this.server = args.service;
    this.registerOutputs({ server: this.server, port: this.port });
  }
}
