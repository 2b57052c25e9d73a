import { createHash } from "node:crypto";
import type * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { FileVolume } from "./file-volume.ts";
import type { Host } from "./host.ts";
import type { Image } from "./image.ts";
import { label } from "./labels.ts";
import { labelInputs, ownerLabels } from "./owner-labels.ts";
import type { Network } from "./network.ts";
import type { Volume } from "./volume.ts";

export interface NetworkMembership {
  /** A network of the stack, or one that somebody else made. */
  network: Pick<Network, "networkName">;
  /** Names by which others on the network reach the container, besides its own. @default none */
  aliases?: string[];
}

export interface Mount {
  /** A named volume, or an absolute path on the host. */
  source: Pick<Volume, "volumeName"> | string;
  /** Absolute path in the container. */
  target: string;
  /** @default false */
  readOnly?: boolean;
}

export interface GeneratedFiles {
  volume: FileVolume;
  /** The folder in the container at which the files appear, read-only. */
  target: string;
}

/** What every container has in common, be it a service's or a task's. */
export interface ContainerArgs {
  host: Host;
  /** The system that the container belongs to. */
  system: string;
  /** The container's name in Docker, unique on the host. */
  containerName: string;
  /** The name that its processes see as the machine's. @default `containerName` */
  hostname?: string | undefined;
  image: Image;
  /** @default the image's */
  entrypoint?: string[];
  /** @default the image's */
  command?: string[];
  /** Environment variables. Anybody who may use Docker can read them: secrets go into `files`. @default none */
  environment?: Record<string, pulumi.Input<string>>;
  /** Generated files, secrets among them. @default none */
  files?: GeneratedFiles[];
  /** @default none */
  mounts?: Mount[];
  /** Paths in the container that are writable, in memory and empty at each start. @default `/tmp` */
  writablePaths?: string[];
  /** `host`: the host's own network, with all its addresses and ports. `none`: the container reaches only itself. */
  networks: NetworkMembership[] | "host" | "none";
  /** Lets the container reach its host as `host.docker.internal`, on Linux too. @default false */
  reachesHost?: boolean;
  userId: number;
  groupId: number;
  /** Further groups of its processes. @default none */
  groupIds?: number[];
  /** Devices of the host, as absolute paths, to read and write at the same paths. @default none */
  devices?: string[];
  /** Whether Docker's own first process passes signals on and buries children whose parents have ended. @default false */
  init?: boolean;
  /** Memory limit, in MiB. */
  memory: number;
  /** Limit of processor time, in processors, such as 1.5. @default none */
  cpus?: number | undefined;
  /** Share of the processor under contention, relative to the default of 1024. @default 1024 */
  cpuShares?: number;
  /** Rotation of the log: size of one file in MiB, and how many are kept. @default 10 MiB, 5 files */
  logs?: { maxSize: number; maxFiles: number } | undefined;
  /** Time zone of the processes, such as `Europe/London`. @default `UTC` */
  timeZone?: string | undefined;
  /** `SIGTERM`, or what the software takes as the request to end cleanly. @default `SIGTERM` */
  stopSignal?: string;
  /** Seconds from the stop signal to a kill. @default 60 */
  stopGraceSeconds?: number;
}

const defaultStopGraceSeconds = 60;

/** The kernel's usual period of accounting for processor time, in microseconds. */
const cpuPeriod = 100_000;

/** The inputs of a container without root, with no capability, and with a root file system that nobody can write. */
export function hardenedContainer(
  args: ContainerArgs,
  labels: Record<string, pulumi.Input<string>>,
): docker.ContainerArgs {
  const files = args.files ?? [];
  const allLabels: Record<string, pulumi.Input<string>> = {
    ...ownerLabels(args.host, args.system),
    [label.image]: args.image.reference,
    ...labels,
  };
  if (files.length > 0) {
    allLabels[label.files] = pulumi.all(files.map(({ volume }) => volume.revision)).apply((ids) => ids.join(" "));
  }
  return {
    name: args.containerName,
    hostname: args.hostname ?? args.containerName,
    image: args.image.id,
    ...(args.entrypoint && { entrypoints: args.entrypoint }),
    ...(args.command && { command: args.command }),
    envs: Object.entries({ TZ: args.timeZone ?? "UTC", ...args.environment }).map(
      ([name, value]) => pulumi.interpolate`${name}=${value}`,
    ),
    labels: labelInputs(allLabels),
    user: `${String(args.userId)}:${String(args.groupId)}`,
    ...(args.groupIds && { groupAdds: args.groupIds.map(String) }),
    ...(args.devices && {
      devices: args.devices.map((path) => ({ hostPath: path, containerPath: path, permissions: "rw" })),
    }),
    readOnly: true,
    capabilities: { drops: ["ALL"] },
    securityOpts: ["no-new-privileges"],
    tmpfs: Object.fromEntries(
      (args.writablePaths ?? ["/tmp"]).map((path) => [path, `uid=${String(args.userId)},gid=${String(args.groupId)}`]),
    ),
    volumes: [
      ...(args.mounts ?? []).map(({ source, target, readOnly = false }) => ({
        containerPath: target,
        readOnly,
        ...(typeof source === "string" ? { hostPath: source } : { volumeName: source.volumeName }),
      })),
      ...files.map(({ volume, target }) => ({ volumeName: volume.volumeName, containerPath: target, readOnly: true })),
    ],
    removeVolumes: false,
    ...(typeof args.networks === "string"
      ? { networkMode: args.networks }
      : {
          networkMode: "bridge",
          networksAdvanced: args.networks.map(({ network, aliases = [] }) => ({ name: network.networkName, aliases })),
        }),
    ...(args.reachesHost && { hosts: [{ host: "host.docker.internal", ip: "host-gateway" }] }),
    memory: args.memory,
    cpuShares: args.cpuShares ?? 1024,
    // The provider writes `cpus` otherwise when it reads it back (10 becomes "10."), and would replace the container each time.
    ...(args.cpus !== undefined && { cpuPeriod, cpuQuota: Math.round(args.cpus * cpuPeriod) }),
    ...(args.init && { init: true }),
    stopSignal: args.stopSignal ?? "SIGTERM",
    stopTimeout: args.stopGraceSeconds ?? defaultStopGraceSeconds,
    destroyGraceSeconds: args.stopGraceSeconds ?? defaultStopGraceSeconds,
    logDriver: "json-file",
    logOpts: { "max-size": `${String(args.logs?.maxSize ?? 10)}m`, "max-file": String(args.logs?.maxFiles ?? 5) },
  };
}

/** Options that every such container needs, whoever owns it. */
export const containerOptions = {
  // Names are fixed, so the former container has to go first (pulumi-docker #1356).
  deleteBeforeReplace: true,
  // An edit of all but memory is accepted and silently left undone (kreuzwerker #988). Memory cannot be raised above the
  // swap limit that Docker derived from the former value.
  replaceOnChanges: ["healthcheck", "tmpfs", "cpuPeriod", "cpuQuota", "memory"],
  // Docker derives it from `memory`, differently where the kernel does not account for swap.
  ignoreChanges: ["memorySwap"],
} satisfies pulumi.CustomResourceOptions;

/** The same for a container that is made before its former one goes. */
export const overlappingOptions = {
  ...containerOptions,
  deleteBeforeReplace: false,
} satisfies pulumi.CustomResourceOptions;

/** Changes with any input of a container, and says nothing of it. */
export function fingerprint(inputs: docker.ContainerArgs): pulumi.Output<string> {
  return pulumi.output(inputs).apply((all) => createHash("sha256").update(JSON.stringify(all)).digest("hex"));
}
