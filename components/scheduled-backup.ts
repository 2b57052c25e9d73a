import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { ContainerArgs, Mount } from "./container.ts";
import type { Host } from "./host.ts";
import type { Image } from "./image.ts";
import { Service, type RemoteDatabase, type ServiceArgs } from "./service.ts";

export interface ScheduledBackupArgs extends Pick<ContainerArgs, "logs" | "timeZone"> {
  /** What was declared on it before is what is saved. */
  host: Host;
  /** The system that the containers belong to. */
  system: string;
  /** What the names of the containers begin with, before a hyphen. */
  prefix: string;
  /** As `images/backup` makes it. */
  image: Image;
  /** The folder of the host in which backups are put. It has to belong to the user. */
  folder: string;
  /** Public key of age. @default backups are not encrypted */
  recipient?: string | undefined;
  /** When a backup is taken: a line of cron, in the time zone. */
  cron: string;
  /** For how many days, weeks and months the newest backup of each is kept. */
  keep: { daily: number; weekly: number; monthly: number };
  userId: number;
  /** Memory limit of each container, in MiB. */
  memory: number;
}

/** Where a container finds the pipes that it shares with another one. */
const pipesFolder = "/pipes";

/** What is saved, and how a container of its own reads it. */
interface ReadPart {
  part:
    | { kind: "database"; system: string; service: string }
    | { kind: "files"; system: string; service: string; folder: string };
  commands: Pick<RemoteDatabase, "dump" | "rows" | "version">;
  /** What the name of its container ends with. */
  name: string;
  own: Pick<ContainerArgs, "image" | "networks" | "userId" | "groupId"> & Partial<ContainerArgs>;
}

/**
 * Backups by schedule: a service that takes them, and beside each database and each volume with files one that hands its
 * data over. None has Docker's socket. Why it is made of these parts: decision record 19.
 */
export class ScheduledBackup extends pulumi.ComponentResource {
  constructor(name: string, args: ScheduledBackupArgs, opts?: pulumi.ComponentResourceOptions) {
    super("slipway:index:ScheduledBackup", name, {}, opts);
    const { host, system, prefix, image, folder, memory, timeZone, userId } = args;
    const child = { parent: this };
    const services = [...host.services];
    const parts = readParts(services, image).map((part) => ({ ...part, pipes: this.#pipes(name, prefix, part) }));
    if (parts.length === 0) {
      void pulumi.log.warn(
        "backup.schedule: this stack has no data of its own that could be saved, so no service is made.",
        this,
      );
      return;
    }
    const common = { host, system, memory, logs: args.logs, timeZone, stopGraceSeconds: 30, init: true };
    for (const { name: suffix, commands, own, pipes } of parts) {
      const service = `backup-${suffix}`;
      new Service(
        `${name}-${suffix}`,
        {
          ...common,
          ...own,
          service,
          containerName: `${prefix}-${service}`,
          entrypoint: ["sh", "-c"],
          command: [handingOver(commands)],
          mounts: [...(own.mounts ?? []), { source: pipes, target: pipesFolder }],
          healthCheck: {
            command: ["sh", "-c", `[ -p ${pipesFolder}/request ]`],
            intervalSeconds: 10,
            startPeriodSeconds: 60,
          },
          operations: { version: 1, shell: ["sh"] },
        },
        child,
      );
    }
    new Service(
      `${name}-service`,
      {
        ...common,
        image,
        service: "backup",
        containerName: `${prefix}-backup`,
        entrypoint: ["node"],
        command: ["/opt/slipway/cli/backup/scheduled/service.ts"],
        environment: {
          SLIPWAY_SCHEDULE: JSON.stringify({
            stack: pulumi.getStack(),
            cron: args.cron,
            timeZone: timeZone ?? "UTC",
            ...(args.recipient !== undefined && { recipient: args.recipient }),
            keep: args.keep,
            images: Object.fromEntries(
              services.map((each) => [`${each.system}/${each.service}`, each.image.reference]),
            ),
            parts: parts.map(({ part, name: suffix, commands }) => ({
              part,
              folder: `${pipesFolder}/${suffix}`,
              countsRows: commands.rows !== undefined,
              tellsVersion: commands.version !== undefined,
            })),
          }),
        },
        mounts: [
          { source: folder, target: "/backups" },
          ...parts.map(({ name: suffix, pipes }) => ({ source: pipes, target: `${pipesFolder}/${suffix}` })),
        ],
        networks: "none",
        userId,
        groupId: userId,
        healthCheck: { command: ["schedule-report"], intervalSeconds: 10, startPeriodSeconds: 60 },
        operations: { version: 1, shell: ["bash"], reportsBackups: true },
      },
      child,
    );
    this.registerOutputs({});
  }

  /** A folder in memory that two containers share. */
  #pipes(name: string, prefix: string, { name: suffix }: ReadPart): Exclude<Mount["source"], string> {
    const { name: volumeName } = new docker.Volume(
      `${name}-${suffix}-pipes`,
      {
        name: `${prefix}-backup-${suffix}-pipes`,
        driver: "local",
        // Everybody may write, and it is not sticky: else the kernel keeps users from each other's pipes (fs.protected_fifos).
        driverOpts: { type: "tmpfs", device: "tmpfs", o: "size=1m,mode=0777" },
      },
      { parent: this, deleteBeforeReplace: true },
    );
    return { volumeName };
  }
}

/** Everything that is saved of services: their databases, and the files of their volumes, each volume once. */
function readParts(services: readonly ServiceArgs[], image: Image): ReadPart[] {
  const databases = services.flatMap((each): ReadPart[] => {
    const { remoteDatabase, system, service, networks } = each;
    if (remoteDatabase === undefined) return [];
    const { mounts = [], emptyPaths = [], ...commands } = remoteDatabase;
    const { image: own, files, environment, userId, groupId } = each;
    return [
      {
        part: { kind: "database", system, service },
        commands,
        name: service,
        own: {
          image: own,
          ...(files && { files }),
          ...(environment && { environment }),
          mounts,
          writablePaths: ["/tmp", ...emptyPaths],
          // The first is the one on which its clients are; what it publishes needs another one.
          networks: typeof networks === "string" ? networks : networks.slice(0, 1).map(({ network }) => ({ network })),
          userId,
          groupId,
        },
      },
    ];
  });
  const volumes = new Set<Mount["source"]>();
  const files = services.flatMap(({ system, service, operations, mounts = [], userId, groupId }) =>
    (operations.savedFolders ?? []).flatMap((folder, index): ReadPart[] => {
      const source = mounts.find(({ target }) => target === folder)?.source;
      if (source === undefined || typeof source === "string" || volumes.has(source)) return [];
      volumes.add(source);
      return [
        {
          part: { kind: "files", system, service, folder },
          commands: { dump: ["save-files"] },
          name: `${service}-files${index === 0 ? "" : `-${index + 1}`}`,
          own: { image, mounts: [{ source, target: "/files", readOnly: true }], networks: "none", userId, groupId },
        },
      ];
    }),
  );
  return [...databases, ...files];
}

/**
 * A script that waits for requests in its folder and answers them; `cli/backup/scheduled/part-pipes.ts` is the other end.
 * The pipe of an answer closes when its exit code stands in a file.
 */
function handingOver(commands: ReadPart["commands"]): string {
  const words = (["dump", "rows", "version"] as const).flatMap((word) => {
    const command = commands[word];
    return command === undefined ? [] : [`${word}) ${command.map(shellWord).join(" ")} ;;`];
  });
  return [
    "umask 0",
    `cd ${pipesFolder}`,
    "[ -p request ] || mkfifo request",
    "exec 3<>request",
    `answer() { case "$1" in ${words.join(" ")} *) return 64 ;; esac; }`,
    "while read -r word id <&3; do",
    '[ -p "answer.$id" ] || continue',
    '{ answer "$word" 2>"errors.$id" </dev/null; echo $? >"code.$id"; } >"answer.$id"',
    "done",
  ].join("\n");
}

/** Quotes a word for a shell. */
function shellWord(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
