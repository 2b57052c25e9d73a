import { normalize } from "node:path/posix";

/** What can be told of a container, in words: what is compared, and how it is. */
export type Facts = ReadonlyMap<string, string>;

interface HealthCheck {
  Test?: string[];
  Interval?: number;
  Timeout?: number;
  StartPeriod?: number;
  Retries?: number;
}

/** What `docker inspect` says of a container, or of an image, about what it runs. */
interface Config {
  Hostname?: string;
  User?: string;
  Env?: string[] | null;
  Cmd?: string[] | null;
  Entrypoint?: string[] | null;
  Labels?: Record<string, string> | null;
  Volumes?: Record<string, unknown> | null;
  Healthcheck?: HealthCheck | null;
  StopSignal?: string;
  StopTimeout?: number | null;
}

/** What `docker inspect` says of an image, as far as containers get it from there. */
export interface InspectedImage {
  Config?: Config | null;
}

/** What `docker inspect` says of a container, as far as it is declared. */
export interface InspectedContainer {
  Id: string;
  Name: string;
  Created: string;
  Image: string;
  State: { Status: string; Running: boolean; Paused?: boolean; Restarting?: boolean };
  Config: Config;
  HostConfig: {
    NetworkMode: string;
    PortBindings?: Record<string, { HostIp?: string; HostPort: string }[] | null> | null;
    RestartPolicy?: { Name: string; MaximumRetryCount?: number };
    AutoRemove?: boolean;
    LogConfig?: { Type: string; Config?: Record<string, string> | null };
    CapAdd?: string[] | null;
    CapDrop?: string[] | null;
    Privileged?: boolean;
    PidMode?: string;
    ExtraHosts?: string[] | null;
    GroupAdd?: string[] | null;
    ReadonlyRootfs?: boolean;
    SecurityOpt?: string[] | null;
    Tmpfs?: Record<string, string> | null;
    CpuShares?: number;
    CpuPeriod?: number;
    CpuQuota?: number;
    NanoCpus?: number;
    Memory?: number;
    Devices?: { PathOnHost: string; PathInContainer: string; CgroupPermissions: string }[] | null;
  };
  Mounts?: { Type: string; Name?: string; Source?: string; Destination: string; RW: boolean }[];
  NetworkSettings: { Networks?: Record<string, { Aliases?: string[] | null }> | null };
}

/** The inputs of a container, as `components/` gives them to the provider. */
interface Inputs {
  hostname?: string;
  image: string;
  entrypoints?: string[];
  command?: string[];
  envs?: string[];
  labels?: { label: string; value: string }[];
  user?: string;
  groupAdds?: string[];
  devices?: { hostPath: string; containerPath?: string; permissions?: string }[];
  readOnly?: boolean;
  privileged?: boolean;
  capabilities?: { adds?: string[]; drops?: string[] };
  securityOpts?: string[];
  tmpfs?: Record<string, string>;
  volumes?: { containerPath: string; readOnly?: boolean; volumeName?: string; hostPath?: string }[];
  networkMode?: string;
  networksAdvanced?: { name: string; aliases?: string[] }[];
  hosts?: { host: string; ip: string }[];
  memory?: number;
  cpuPeriod?: number;
  cpuQuota?: number;
  cpuShares?: number;
  stopSignal?: string;
  stopTimeout?: number;
  logDriver?: string;
  logOpts?: Record<string, string>;
  restart?: string;
  ports?: { ip?: string; external?: number; internal: number; protocol?: string }[];
  healthcheck?: { tests: string[]; interval?: string; timeout?: string; startPeriod?: string; retries?: number };
  mustRun?: boolean;
}

/** The facts that a deployment mends by itself, in place, because its refresh reads them. */
export const mendedInPlace: ReadonlySet<string> = new Set(["state", "restart policy"]);

/** How a container of these inputs is to be. What they leave open, its image says. */
export function declaredFacts(declared: Record<string, unknown>, image: InspectedImage): Facts {
  const inputs = declared as unknown as Inputs;
  const of = image.Config ?? {};
  const networks = inputs.networksAdvanced ?? [];
  const joined = networks.length > 0 ? networks : [{ name: inputs.networkMode ?? "bridge", aliases: [] }];
  const limits = {
    cpuShares: inputs.cpuShares ?? 0,
    memory: inputs.memory ?? 0,
    cpus: processors(inputs.cpuQuota, inputs.cpuPeriod),
  };
  return new Map<string, string>([
    ...(inputs.mustRun === false ? [] : [["state", "running"] as const]),
    ["image", inputs.image.slice(0, shownId)],
    ...optional("hostname", inputs.hostname),
    ["entry point", list(inputs.entrypoints ?? of.Entrypoint)],
    // An entry point of its own takes the place of the image's command, too.
    ["command", list(inputs.command ?? (inputs.entrypoints === undefined ? of.Cmd : []))],
    ["user", inputs.user ?? of.User ?? ""],
    ...variables([...(of.Env ?? []), ...(inputs.envs ?? [])]),
    ...labels({ ...of.Labels, ...Object.fromEntries((inputs.labels ?? []).map(({ label, value }) => [label, value])) }),
    ["groups", list([...(inputs.groupAdds ?? [])].sort())],
    ...(inputs.devices ?? []).map(({ hostPath, containerPath = hostPath, permissions = "rwm" }) =>
      device(hostPath, containerPath, permissions),
    ),
    ["root file system", inputs.readOnly === true ? "read-only" : "writable"],
    ["privileges", privileges(inputs.privileged, inputs.capabilities?.adds, inputs.capabilities?.drops, "")],
    ["security options", list([...(inputs.securityOpts ?? [])].sort())],
    ...memoryFolders(inputs.tmpfs),
    ...(inputs.volumes ?? []).map(({ containerPath, readOnly = false, volumeName, hostPath = "" }) =>
      mount(containerPath, volumeName ?? normalize(hostPath).replace(/(?<=.)\/$/, ""), !readOnly),
    ),
    ["network mode", inputs.networkMode ?? "bridge"],
    ...joined.map(({ name, aliases = [] }) => network(name, aliases, [inputs.hostname])),
    ...(inputs.hosts ?? []).map(({ host, ip }) => [`host name ${host}`, ip] as const),
    ...limitFacts(limits),
    ["stop signal", inputs.stopSignal ?? of.StopSignal ?? "SIGTERM"],
    ...optional("seconds to stop", inputs.stopTimeout),
    ["log", log(inputs.logDriver, inputs.logOpts)],
    ["restart policy", inputs.restart ?? "no"],
    ...ports(
      (inputs.ports ?? []).map(({ ip = "0.0.0.0", external, internal, protocol = "tcp" }) => ({
        port: `${internal}/${protocol}`,
        at: `${ip}:${external ?? ""}`,
      })),
    ),
    [
      "health check",
      inputs.healthcheck === undefined
        ? healthCheck(of.Healthcheck ?? {})
        : healthCheck({
            Test: inputs.healthcheck.tests,
            Interval: nanoseconds(inputs.healthcheck.interval),
            Timeout: nanoseconds(inputs.healthcheck.timeout),
            StartPeriod: nanoseconds(inputs.healthcheck.startPeriod),
            Retries: inputs.healthcheck.retries ?? 0,
          }),
    ],
  ]);
}

/** How a container is, told of everything that `declaredFacts` tells of. */
export function presentFacts(
  { Id: id, Image: imageId, Name: name, State: state, Config: config, HostConfig: host, ...info }: InspectedContainer,
  declared: Facts,
  image: InspectedImage,
): Facts {
  // Where nothing else is mounted, Docker makes volumes without a name for them.
  const madeByImage = image.Config?.Volumes ?? {};
  const all: (readonly [string, string])[] = [
    ["state", state.Restarting === true || (state.Running && state.Paused !== true) ? "running" : state.Status],
    ["image", imageId.slice(0, shownId)],
    ["hostname", config.Hostname ?? ""],
    ["entry point", list(config.Entrypoint)],
    ["command", list(config.Cmd)],
    ["user", config.User ?? ""],
    ...variables(config.Env ?? []),
    ...labels(config.Labels ?? {}),
    ["groups", list([...(host.GroupAdd ?? [])].sort())],
    ...(host.Devices ?? []).map(({ PathOnHost, PathInContainer, CgroupPermissions }) =>
      device(PathOnHost, PathInContainer, CgroupPermissions),
    ),
    ["root file system", host.ReadonlyRootfs === true ? "read-only" : "writable"],
    ["privileges", privileges(host.Privileged, host.CapAdd, host.CapDrop, host.PidMode)],
    ["security options", list([...(host.SecurityOpt ?? [])].sort())],
    ...memoryFolders(host.Tmpfs),
    ...(info.Mounts ?? [])
      .filter(({ Name, Destination }) => !(Destination in madeByImage && /^[0-9a-f]{64}$/.test(Name ?? "")))
      .map(({ Type: type, Name, Source, Destination, RW }) =>
        mount(Destination, (type === "volume" ? Name : Source) ?? "", RW),
      ),
    ["network mode", host.NetworkMode === "default" ? "bridge" : host.NetworkMode],
    ...Object.entries(info.NetworkSettings.Networks ?? {}).map(([joined, { Aliases: aliases }]) =>
      network(joined, aliases ?? [], [config.Hostname, name.replace(/^\//, ""), id.slice(0, 12)]),
    ),
    ...(host.ExtraHosts ?? []).map((entry) => {
      const colon = entry.indexOf(":");
      return [`host name ${entry.slice(0, colon)}`, entry.slice(colon + 1)] as const;
    }),
    ...limitFacts({
      cpuShares: host.CpuShares ?? 0,
      memory: (host.Memory ?? 0) / 1024 ** 2,
      cpus: (host.NanoCpus ?? 0) / 1e9 || processors(host.CpuQuota, host.CpuPeriod),
    }),
    ["stop signal", config.StopSignal ?? "SIGTERM"],
    ["seconds to stop", String(config.StopTimeout ?? "")],
    ["log", log(host.LogConfig?.Type, host.LogConfig?.Config)],
    ["restart policy", restartPolicy(host.RestartPolicy)],
    ...ports(
      Object.entries(host.PortBindings ?? {}).flatMap(([port, bindings]) =>
        (bindings ?? []).map(({ HostIp: ip, HostPort: external }) => ({
          port,
          at: `${ip === undefined || ip === "" ? "0.0.0.0" : ip}:${external}`,
        })),
      ),
    ),
    ["health check", healthCheck(config.Healthcheck ?? {})],
  ];
  // Docker gives these to every container that does not say them.
  const givenByDocker = ["state", "hostname", "seconds to stop"];
  return new Map(all.filter(([what]) => declared.has(what) || !givenByDocker.includes(what)));
}

/** How much of an image's id is shown. */
const shownId = "sha256:".length + 12;

function optional(what: string, value: string | number | undefined): (readonly [string, string])[] {
  return value === undefined ? [] : [[what, String(value)]];
}

function list(words: readonly string[] | null | undefined): string {
  return words === undefined || words === null || words.length === 0 ? "(none)" : JSON.stringify(words);
}

/** The last one of a name counts. */
function variables(all: readonly string[]): (readonly [string, string])[] {
  return all.map((variable) => {
    const [name = "", value = ""] = variable.split(/=(.*)/s);
    return [`${environmentVariable}${name}`, value] as const;
  });
}

/** What the names of facts about variables begin with. */
export const environmentVariable = "environment variable ";

function labels(all: Record<string, string>): (readonly [string, string])[] {
  return Object.entries(all).map(([name, value]) => [`label ${name}`, value] as const);
}

function device(hostPath: string, containerPath: string, permissions: string): readonly [string, string] {
  return [`device ${containerPath}`, `${hostPath} (${permissions})`];
}

function privileges(
  privileged: boolean | undefined,
  adds: readonly string[] | null | undefined,
  drops: readonly string[] | null | undefined,
  pidMode: string | undefined,
): string {
  const names = (capabilities: readonly string[] | null | undefined) =>
    (capabilities ?? [])
      .map((name) => name.replace(/^CAP_/, ""))
      .sort()
      .join(", ");
  return [
    ...(privileged === true ? ["privileged"] : []),
    ...(pidMode === undefined || pidMode === "" ? [] : [`processes of ${pidMode}`]),
    `capabilities: ${names(adds) || "none"} added, ${names(drops) || "none"} dropped`,
  ].join("; ");
}

function memoryFolders(all: Record<string, string> | null | undefined): (readonly [string, string])[] {
  return Object.entries(all ?? {}).map(([path, options]) => [`folder in memory ${path}`, options] as const);
}

function mount(target: string, source: string, writable: boolean): readonly [string, string] {
  return [`mount at ${target}`, `${source}, ${writable ? "writable" : "read-only"}`];
}

/** @param own names that Docker gives every container, as its aliases too */
function network(
  name: string,
  aliases: readonly string[],
  own: readonly (string | undefined)[],
): readonly [string, string] {
  const further = [...new Set(aliases.filter((alias) => !own.includes(alias)))].sort();
  return [`network ${name}`, further.length === 0 ? "no aliases" : `aliases ${further.join(", ")}`];
}

/** How many processors a quota of microseconds in each period comes to; 0 without one. */
function processors(quota = 0, period = 0): number {
  return quota / (period || 100_000);
}

function limitFacts(limits: { memory: number; cpus: number; cpuShares: number }): (readonly [string, string])[] {
  return [
    ["memory", limits.memory === 0 ? "unlimited" : `${limits.memory} MiB`],
    ["processors", limits.cpus === 0 ? "unlimited" : String(limits.cpus)],
    ["share of the processors", limits.cpuShares === 0 ? "1024" : String(limits.cpuShares)],
  ];
}

function log(driver: string | undefined, options: Record<string, string> | null | undefined): string {
  const entries = Object.entries(options ?? {}).map(([key, value]) => `${key}=${value}`);
  return [driver ?? "", ...entries.sort()].join(" ");
}

function restartPolicy(policy: { Name: string; MaximumRetryCount?: number } | undefined): string {
  const { Name: name = "", MaximumRetryCount: most = 0 } = policy ?? {};
  return (name === "" ? "no" : name) + (most > 0 ? `:${most}` : "");
}

function ports(all: readonly { port: string; at: string }[]): (readonly [string, string])[] {
  const names = [...new Set(all.map(({ port }) => port))];
  return names.map((name) => {
    const places = all.filter(({ port }) => port === name).map(({ at }) => at);
    return [`published port ${name}`, places.sort().join(", ")] as const;
  });
}

function healthCheck({ Test, Interval = 0, Timeout = 0, StartPeriod = 0, Retries = 0 }: HealthCheck): string {
  if (Test === undefined || Test.length === 0) return "(none)";
  const [every, within, start] = [Interval, Timeout, StartPeriod].map((time) => `${time / 1e9} s`);
  return `${JSON.stringify(Test)} every ${every}, within ${within}, ${Retries} times, after ${start}`;
}

/** Such as `5m0s`, in Go's notation of durations. */
function nanoseconds(duration: string | undefined): number {
  const units: Record<string, number> = { h: 3600e9, m: 60e9, s: 1e9, ms: 1e6 };
  return [...(duration ?? "").matchAll(/([\d.]+)(h|ms|m|s)/g)].reduce(
    (sum, [, number, unit]) => sum + Number(number) * (units[unit ?? ""] ?? 0),
    0,
  );
}
