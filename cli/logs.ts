import type Docker from "dockerode";
import { choose, named } from "./docker/choice.ts";
import { listMembers, type Member } from "./docker/containers.ts";
import { findDeployed } from "./docker/deployed.ts";
import { ignoring } from "./docker/docker.ts";
import { exitCode, Failure } from "./failure.ts";
import { followLogs } from "./docker/follow.ts";
import { logLines, type LogLine } from "./docker/log-lines.ts";
import type { CommonOptions } from "./site.ts";
import { readState } from "./deployment/state.ts";
import { coloured, remark, say } from "./terminal/terminal.ts";

/** Which lines of the logs are shown. */
export interface LogsOptions extends CommonOptions {
  follow: boolean;
  /** A time span such as `10m`, or a time in ISO 8601. @default from the beginning */
  since?: string;
  /** How many of the last lines of each container. @default all */
  tail?: number;
}

const colours = ["cyan", "green", "magenta", "yellow", "blue"] as const;
const secondsOf: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** Prints the logs of a stack's services and tasks, each line after the name of its container. */
export async function logs(names: readonly string[], options: LogsOptions): Promise<void> {
  const { site, client, members: present } = await findDeployed(options);
  const members = choose(present, names);
  const print = linePrinter(members);
  const since = options.since === undefined ? 0 : sinceSeconds(options.since, Date.now());
  if (options.follow) {
    const look = async () => named(await listMembers(client, site.stack, readState(site)), names);
    await followLogs(client, site.stack, { look, since, tail: options.tail, print });
    return;
  }
  // Docker's own time stamps put the lines of all containers into one order.
  const logs = await Promise.all(members.map((member) => readLog(client, member, since, options.tail)));
  const lines = logs.flat().sort((a, b) => (a.line.time < b.line.time ? -1 : Number(a.line.time > b.line.time)));
  for (const { member, line } of lines) print(member, line);
}

/** Prints lines after the name of their container, in a colour of its own. */
export function linePrinter(members: readonly Member[]): (member: Member, line: LogLine) => void {
  const known = members.map(({ container }) => container);
  return ({ container }, { text }) => {
    if (!known.includes(container)) known.push(container);
    const width = Math.max(...known.map((name) => name.length));
    const colour = colours[known.indexOf(container) % colours.length] ?? "cyan";
    say(`${coloured(colour, `${container.padEnd(width)} |`)} ${text}`);
  };
}

async function readLog(
  client: Docker,
  member: Member,
  since: number,
  tail: number | undefined,
): Promise<{ member: Member; line: LogLine }[]> {
  const options = { stdout: true, stderr: true, timestamps: true, since, ...(tail !== undefined && { tail }) };
  const log = await client.getContainer(member.id).logs(options).catch(ignoring(404, 409));
  if (log === undefined) {
    remark(`${member.container} is just being removed: its log has gone.`);
    return [];
  }
  const lines: { member: Member; line: LogLine }[] = [];
  for await (const line of logLines([log])) lines.push({ member, line });
  return lines;
}

/**
 * The time, in seconds since 1970, that `--since` means.
 *
 * @throws Failure with exit code 2 when it is neither a time span nor a time.
 */
export function sinceSeconds(text: string, now: number): number {
  const [, number, unit = ""] = /^(\d+)([smhd])$/.exec(text) ?? [];
  if (number !== undefined) return Math.floor(now / 1000) - Number(number) * (secondsOf[unit] ?? 1);
  const time = Date.parse(text);
  if (Number.isNaN(time)) {
    throw new Failure(
      `--since cannot be "${text}". Allowed: a span such as 30s, 10m, 2h, 1d, or a time such as 2026-01-31T12:00`,
      exitCode.usage,
    );
  }
  return Math.floor(time / 1000);
}
