import type Docker from "dockerode";

import { exampleRecipient } from "./backup.ts";
import { isLoopback } from "./fields.ts";
import { hostServerFindings } from "./host-server.ts";
import { folderFindings } from "./folder-check.ts";
import { portFindings } from "./port-check.ts";
import { type Finding, type Problem, problem } from "./problems.ts";
import type { StackSettings } from "./stack.ts";
import type { NamedNetwork, NamedVolume } from "./system.ts";
import type { HostNeeds, System } from "./system.ts";
import { imageChoices, systemNames, systems } from "./systems.ts";

/** What the host says about a stack's settings. */
export interface Preflight {
  /** What makes a deployment fail. */
  problems: Problem[];
  /** What a deployment survives, but somebody should know. */
  warnings: string[];
}

/** Whose settings are checked. */
export interface PreflightStack {
  /** The stack's name. */
  stack: string;
  /** The labels that the stack's own containers carry: what they hold is not taken. */
  labels: Readonly<Record<string, string>>;
}

/** Checks a stack's settings against the host: Docker, ports, folders, certificates. Changes nothing. */
export async function preflight(
  settings: StackSettings,
  docker: Docker,
  { stack, labels }: PreflightStack,
): Promise<Preflight> {
  const isLocal = settings.host.startsWith("unix://");
  const unreachable = await dockerFindings(settings.host, docker);
  const needs = hostNeeds(settings);
  const ports =
    unreachable.length > 0
      ? []
      : await portFindings(
          needs.flatMap(({ publications }) => publications),
          docker,
          labels,
          isLocal,
        );
  const networks =
    unreachable.length > 0
      ? []
      : await networkFindings(
          needs.flatMap(({ networks = [] }) => networks),
          docker,
        );
  const volumes =
    unreachable.length > 0
      ? []
      : await volumeFindings(
          needs.flatMap(({ volumes = [] }) => volumes),
          docker,
          labels,
        );
  const images = await imageFindings(settings, unreachable.length > 0 ? undefined : docker);
  const files = isLocal ? await Promise.all(needs.map(({ checkFiles }) => checkFiles())) : [];
  const servers =
    unreachable.length > 0 || !isLocal
      ? { findings: [], warnings: [] }
      : await hostServerFindings(
          needs.flatMap(({ servers = [] }) => servers),
          docker,
        );
  const backups = await backupFindings(settings, isLocal);
  const findings = [
    ...unreachable,
    ...ports,
    ...networks,
    ...volumes,
    ...images,
    ...servers.findings,
    ...files.flatMap(({ findings }) => findings),
    ...backups,
  ];
  return {
    problems: findings.map((finding) => problem(stack, finding)),
    warnings: [
      ...hostWarnings(settings.host),
      ...servers.warnings,
      ...files.flatMap(({ warnings }) => warnings),
      ...needs.flatMap(({ warnings }) => warnings),
    ],
  };
}

async function dockerFindings(host: string, docker: Docker): Promise<Finding[]> {
  try {
    await docker.ping();
    return [];
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const isForbidden = code === "EACCES";
    const reason = isForbidden ? "you are not in the docker group" : message;
    return [
      {
        key: "host",
        value: host,
        message: `must be a Docker engine that answers, but does not: ${reason}`,
        remedy: isForbidden
          ? [{ advice: "sudo usermod -aG docker $USER   # then log out and in again" }]
          : host === "unix:///var/run/docker.sock"
            ? [{ advice: "sudo service docker start" }]
            : [{ set: "host", value: "unix:///var/run/docker.sock" }],
      },
    ];
  }
}

/** Networks that somebody else was to make, and that are not there. */
async function networkFindings(networks: readonly NamedNetwork[], docker: Docker): Promise<Finding[]> {
  if (networks.length === 0) return [];
  const existing = new Set((await docker.listNetworks()).map(({ Name: name }) => name));
  return networks
    .filter(({ name }) => !existing.has(name))
    .map(({ key, name }) => ({
      key,
      value: name,
      message: "must be a network that the Docker engine has",
      remedy: [{ advice: `docker network create ${name}` }],
    }));
}

/**
 * Volumes that are not there, which the container that mounts them would make, empty, and those that a container of
 * somebody else is using: two servers must not open the same data.
 */
async function volumeFindings(
  volumes: readonly NamedVolume[],
  docker: Docker,
  own: Readonly<Record<string, string>>,
): Promise<Finding[]> {
  if (volumes.length === 0) return [];
  const existing = new Set((await docker.listVolumes()).Volumes.map(({ Name: name }) => name));
  const findings = volumes.map(async ({ key, name }): Promise<Finding[]> => {
    if (!existing.has(name)) {
      const message = "must be a volume that Docker has already, but it has none of this name";
      const remedy = [{ advice: "docker volume ls   # lists those that it has" }, { unset: key }];
      return [{ key, value: name, message, remedy }];
    }
    const users = await docker.listContainers({ filters: { volume: [name] } });
    return users
      .filter(({ Labels: labels }) => Object.entries(own).some(([label, value]) => labels[label] !== value))
      .map(({ Names: [container = ""] }) => {
        const message = `must be a volume that nobody else is using, but the container ${container.slice(1)} is`;
        return { key, value: name, message, remedy: [{ advice: `docker stop ${container.slice(1)}` }] };
      });
  });
  return (await Promise.all(findings)).flat();
}

/** Docker's plain TCP port knows neither encryption nor passwords: https://docs.docker.com/engine/security/protect-access/. */
function hostWarnings(host: string): string[] {
  if (!host.startsWith("tcp://") || isLoopback(new URL(host).hostname)) return [];
  return [`host: ${host} is reached unencrypted: whoever listens on the way reads every secret. Use ssh://user@host.`];
}

/** The registry that the examples of stack files name; nobody can have it (RFC 2606). */
const exampleRegistry = "registry.example.org";

/** Images that cannot be had, where the engine tells. */
async function imageFindings(settings: StackSettings, docker: Docker | undefined): Promise<Finding[]> {
  const findings = imageChoices(settings).map(async ({ path, name, source }): Promise<Finding[]> => {
    if (!("pull" in source)) return [];
    const { pull: value, leftOutBy } = source;
    const key = path.join(".");
    if (value.startsWith(`${exampleRegistry}/`)) {
      const message = `must name an image of your registry, but ${exampleRegistry} is the example's`;
      return [{ key, value, message, remedy: [{ set: key, value: `<your registry>/${name}@sha256:<digest>` }] }];
    }
    const reason = docker && (await whyNotToBeHad(value, docker));
    if (reason === undefined) return [];
    return [
      {
        key,
        value,
        message: `must be an image that the Docker engine has or can pull, but: ${reason}`,
        remedy: [
          { advice: `docker pull ${value}` },
          ...(leftOutBy === undefined ? [] : [{ set: leftOutBy, value: "false" }]),
        ],
      },
    ];
  });
  return (await Promise.all(findings)).flat();
}

/** Why an image is neither on the engine nor in its registry; nothing when it is. The engine asks as it would to pull. */
async function whyNotToBeHad(reference: string, docker: Docker): Promise<string | undefined> {
  const image = docker.getImage(reference);
  try {
    await image.inspect();
    return undefined;
  } catch {
    return await image.distribution().then(
      () => undefined,
      (error: unknown) => (error as { json?: { message?: string } }).json?.message ?? (error as Error).message,
    );
  }
}

/** What keeps the service that takes backups by schedule from writing them. */
async function backupFindings({ backup }: StackSettings, isLocal: boolean): Promise<Finding[]> {
  if (backup?.schedule === undefined) return [];
  const { folder, recipient, schedule } = backup;
  const isExample: Finding = {
    key: "backup.recipient",
    value: recipient,
    message: "must be a public key of your own, but it is the example's, and nobody here could restore the backups",
    remedy: [{ advice: "age-keygen -o backup-key.txt" }, { unset: "backup.recipient" }],
  };
  return [
    ...(recipient === exampleRecipient ? [isExample] : []),
    ...(isLocal ? await folderFindings("backup.folder", folder, { userId: schedule.userId }) : []),
  ];
}

/** What the systems of a stack ask of the host. */
function hostNeeds(stack: StackSettings): HostNeeds[] {
  return systemNames.flatMap((name) => {
    const system: System = systems[name];
    const settings = stack[name];
    return settings === undefined ? [] : [system.needs(settings, stack.environment)];
  });
}
