import * as pulumi from "@pulumi/pulumi";
import { FileVolume } from "./file-volume.ts";
import type { Host } from "./host.ts";
import type { Image } from "./image.ts";
import type { Network } from "./network.ts";
import { clientOptions, initialStatements } from "./mysql-files.ts";
import { Service, type PublishedPort, type ServiceArgs } from "./service.ts";
import { Volume } from "./volume.ts";

/** The user that MySQL and MariaDB run as, in the official images and in `images/mariadb`. */
const mysqlUser = 999;

export interface DatabaseArgs extends Pick<ServiceArgs, "memory" | "restart" | "logs" | "timeZone"> {
  host: Host;
  system: string;
  /** The service's name, by which others on `network` reach it. */
  service: string;
  containerName: string;
  /** MariaDB or MySQL, with the contract of their official images. */
  image: Image;
  /** Name of the volume that holds the data. Caution: another name is another, empty database. */
  volumeName: string;
  databaseName: string;
  userName: string;
  /** A changed password is carried out in the database when the service starts with it. */
  userPassword: pulumi.Output<string>;
  rootPassword: pulumi.Output<string>;
  /** Where its clients are. */
  network: Network;
  /** Publishes the port on the host, through an edge network. @default not published */
  published?: { network: Network; address: string; hostPort: number } | undefined;
}

/**
 * A MySQL or MariaDB server with one database and one user who has all rights on it.
 *
 * Database, user and passwords are declared in a file that the server itself runs at every start (`--init-file`), before
 * it takes connections: so what the stack says is what the database has, also after a password was changed.
 */
export class Database extends pulumi.ComponentResource {
  /** Where clients on its network find it. */
  readonly server: string;
  readonly port = 3306;

  constructor(name: string, args: DatabaseArgs, opts?: pulumi.ComponentResourceOptions) {
    super("slipway:index:Database", name, {}, opts);
    const { host, system, image, databaseName, userName, published } = args;
    const child = { parent: this };
    const data = new Volume(`${name}-data`, { volumeName: args.volumeName }, child);
    const files = new FileVolume(
      `${name}-files`,
      {
        host,
        system,
        carrierName: `${args.containerName}-files`,
        image,
        userId: mysqlUser,
        groupId: mysqlUser,
        files: {
          "root-password": args.rootPassword,
          "client.cnf": args.userPassword.apply((password) => clientOptions(userName, password)),
          "init.sql": pulumi
            .all([args.userPassword, args.rootPassword])
            .apply(([userPassword, rootPassword]) =>
              initialStatements({ databaseName, userName, userPassword, rootPassword }),
            ),
        },
      },
      child,
    );
    const options = "--defaults-extra-file=/run/secrets/client.cnf";
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
    const ports: PublishedPort[] =
      published === undefined
        ? []
        : [{ address: published.address, hostPort: published.hostPort, containerPort: this.port }];
    new Service(
      `${name}-service`,
      {
        host,
        system,
        service: args.service,
        containerName: args.containerName,
        image,
        command: [
          "--init-file=/run/secrets/init.sql",
          "--bind-address=0.0.0.0",
          "--skip-name-resolve",
          "--character-set-server=utf8mb4",
          "--collation-server=utf8mb4_unicode_ci",
          // What CamCOPS's own set-up gives its server.
          "--explicit-defaults-for-timestamp=1",
          "--max-allowed-packet=32M",
        ],
        environment: {
          MARIADB_ROOT_PASSWORD_FILE: "/run/secrets/root-password",
          MARIADB_ROOT_HOST: "localhost",
          MYSQL_ROOT_PASSWORD_FILE: "/run/secrets/root-password",
          MYSQL_ROOT_HOST: "localhost",
        },
        files: [{ volume: files, target: "/run/secrets" }],
        mounts: [{ source: data, target: "/var/lib/mysql" }],
        writablePaths: ["/tmp", "/run/mysqld"],
        networks: [
          { network: args.network, aliases: [args.service] },
          ...(published === undefined ? [] : [{ network: published.network }]),
        ],
        ports,
        userId: mysqlUser,
        groupId: mysqlUser,
        memory: args.memory,
        restart: args.restart,
        logs: args.logs,
        timeZone: args.timeZone,
        stopGraceSeconds: 120,
        healthCheck: {
          command: client("--protocol=tcp", "--host=127.0.0.1", "--execute=SELECT 1", databaseName),
          intervalSeconds: 3,
          retries: 5,
          startPeriodSeconds: 300,
        },
        operations: {
          version: 1,
          shell: ["bash"],
          database: {
            shell: client(databaseName),
            dump: run("mariadb-dump", "mysqldump", [
              "--single-transaction",
              "--routines",
              "--events",
              "--triggers",
              databaseName,
            ]),
            load: client(databaseName),
          },
        },
      },
      child,
    );
    this.server = args.service;
    this.registerOutputs({ server: this.server, port: this.port });
  }
}
