import { PassThrough, Readable } from "node:stream";
import { createInterface } from "node:readline";
import type Docker from "dockerode";
import { choose } from "./choice.ts";
import { findDeployed } from "./deployed.ts";
import { exitCode, Failure } from "./failure.ts";
import type { CommonOptions } from "./site.ts";
import { coloured, say } from "./terminal.ts";

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
  const { client, members: present } = await findDeployed(options);
  const members = choose(present, names);
  const width = Math.max(...members.map(({ container }) => container.length));
  const from = options.since === undefined ? 0 : sinceSeconds(options.since, Date.now());
  const print = (index: number, line: string) => {
    const name = members[index]?.container ?? "";
    say(`${coloured(colours[index % colours.length] ?? "cyan", `${name.padEnd(width)} |`)} ${line}`);
  };
  const query = { stdout: true, stderr: true, since: from, ...(options.tail !== undefined && { tail: options.tail }) };

  if (options.follow) {
    await Promise.all(
      members.map(async ({ id }, index) => {
        const stream = await client.getContainer(id).logs({ ...query, follow: true });
        for await (const line of linesOf(client, stream)) print(index, line);
      }),
    );
    return;
  }
  // Docker's own time stamps put the lines of all containers into one order.
  const stamped = await Promise.all(
    members.map(async ({ id }, index) => {
      const log = await client.getContainer(id).logs({ ...query, timestamps: true });
      const lines: { time: string; index: number; line: string }[] = [];
      for await (const text of linesOf(client, Readable.from([log]))) {
        const space = text.indexOf(" ");
        lines.push({ time: text.slice(0, space), index, line: text.slice(space + 1) });
      }
      return lines;
    }),
  );
  for (const { index, line } of stamped.flat().sort((a, b) => a.time.localeCompare(b.time, "en"))) print(index, line);
}

/** The lines of a container's log; Docker sends standard output and error interleaved in one stream. */
function linesOf(client: Docker, stream: NodeJS.ReadableStream): AsyncIterable<string> {
  const both = new PassThrough();
  client.modem.demuxStream(stream, both, both);
  stream.on("end", () => both.end());
  return createInterface({ input: both, crlfDelay: Infinity });
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
