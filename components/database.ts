import type * as pulumi from "@pulumi/pulumi";
import type { ContainerArgs } from "./container.ts";
import { FileVolume } from "./file-volume.ts";
import type { Host } from "./host.ts";
import type { Image } from "./image.ts";
import type { Network } from "./network.ts";
import type { ServiceOperations } from "./operations.ts";
import { Service, type RemoteDatabase, type ServiceTerms } from "./service.ts";
import { Volume } from "./volume.ts";

/** Where the server and its clients in the container find their secret files. */
export const secretsFolder = "/run/secrets";

/** What a database of any kind is told. */
export interface DatabaseArgs extends ServiceTerms {
  host: Host;
  system: string;
  /** The service's name, by which others on `network` reach it. */
  service: string;
  containerName: string;
  image: Image;
  /** Name of the volume that holds the data. Caution: another name is another, empty database. */
  volumeName: string;
  /** See `VolumeArgs.exists`. */
  volumeExists?: boolean;
  databaseName: string;
  userName: string;
  /** A changed password is carried out in the database when the service starts with it. */
  userPassword: pulumi.Output<string>;
  /** Where its clients are. */
  network: Network;
  /** Publishes the port on the host, through an edge network. @default not published */
  published?: { network: Network; address: string; hostPort: number } | undefined;
}

/** What one kind of server needs. */
export interface DatabaseServer extends Pick<
  ContainerArgs,
  "entrypoint" | "command" | "environment" | "writablePaths" | "stopSignal"
> {
  port: number;
  /** The user and group that it runs as. */
  userId: number;
  dataFolder: string;
  /** Its files in {@link secretsFolder}. */
  files: Record<string, pulumi.Input<string>>;
  /** Logs in as the user, so that a password that was not carried out is noticed. */
  healthCheck: string[];
  operations: NonNullable<ServiceOperations["database"]>;
  /** How it is read over its network. */
  remote: RemoteDatabase;
}

/** Runs a database server: a kept volume, secret files and a service, as children of the component of its kind. */
export function runDatabase(name: string, args: DatabaseArgs, server: DatabaseServer, parent: pulumi.Resource): void {
  const { host, system, service, containerName, image, network, published, memory, cpus, restart, logs, timeZone } =
    args;
  const { port, userId, dataFolder, files, healthCheck, operations, remote, ...own } = server;
  const child = { parent };
  const data = new Volume(`${name}-data`, { volumeName: args.volumeName, exists: args.volumeExists ?? false }, child);
  const secrets = new FileVolume(
    `${name}-files`,
    { host, system, carrierName: `${containerName}-files`, image, userId, groupId: userId, files },
    child,
  );
  new Service(
    `${name}-service`,
    {
      host,
      system,
      service,
      containerName,
      image,
      ...own,
      files: [{ volume: secrets, target: secretsFolder }],
      mounts: [{ source: data, target: dataFolder }],
      networks: [{ network, aliases: [service] }, ...(published === undefined ? [] : [{ network: published.network }])],
      ports:
        published === undefined
          ? []
          : [{ address: published.address, hostPort: published.hostPort, containerPort: port }],
      userId,
      groupId: userId,
      memory,
      cpus,
      restart,
      logs,
      timeZone,
      stopGraceSeconds: 120,
      healthCheck: { command: healthCheck, intervalSeconds: 3, retries: 5, startPeriodSeconds: 300 },
      operations: { version: 1, shell: ["bash"], database: operations },
      remoteDatabase: { ...remote, emptyPaths: [dataFolder] },
    },
    child,
  );
}
