import type Docker from "dockerode";

import { isLoopback } from "./fields.ts";
import { portFindings } from "./port-check.ts";
import { type Finding, type Problem, problem } from "./problems.ts";
import type { StackSettings } from "./stack.ts";
import { hostNeeds, imageChoices } from "./systems.ts";

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
  const files = isLocal ? await Promise.all(needs.map(({ checkFiles }) => checkFiles())) : [];
  const findings = [...unreachable, ...ports, ...imageFindings(settings), ...files.flatMap(({ findings }) => findings)];
  return {
    problems: findings.map((finding) => problem(stack, finding)),
    warnings: [
      ...hostWarnings(settings.host),
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

/** Docker's plain TCP port knows neither encryption nor passwords: https://docs.docker.com/engine/security/protect-access/. */
function hostWarnings(host: string): string[] {
  if (!host.startsWith("tcp://") || isLoopback(new URL(host).hostname)) return [];
  return [`host: ${host} is reached unencrypted: whoever listens on the way reads every secret. Use ssh://user@host.`];
}

/** The registry that the examples of stack files name; nobody can have it (RFC 2606). */
const exampleRegistry = "registry.example.org";

function imageFindings(settings: StackSettings): Finding[] {
  return imageChoices(settings).flatMap(({ path, source }) => {
    if (!("pull" in source) || !source.pull.startsWith(`${exampleRegistry}/`)) return [];
    const key = path.join(".");
    return [
      {
        key,
        value: source.pull,
        message: `must name an image of your registry, but ${exampleRegistry} is the example's`,
        remedy: [{ set: key, value: `<your registry>/${path[2]}@sha256:<digest>` }],
      },
    ];
  });
}
