import { setTimeout as sleep } from "node:timers/promises";
import type { Readable } from "node:stream";
import type Docker from "dockerode";
import { label } from "../../components/labels.ts";
import type { Member } from "./containers.ts";
import { ignoring } from "./docker.ts";
import { logLines, type LogLine } from "./log-lines.ts";

/** How long nothing may run, in milliseconds, as while a service is restarted. */
const patience = 2_000;

/** Which lines of the logs are shown, and for how long. */
export interface FollowOptions {
  /** Finds what is followed, as it is now: containers may be replaced and more be made. */
  look: () => Promise<Member[]>;
  /** Seconds since 1970 from which on lines are wanted. */
  since: number;
  /** How many of the last lines there are of each container to begin with. @default all */
  tail?: number | undefined;
  print: (member: Member, line: LogLine) => void;
}

/** Prints lines of logs as they come, also of what is started again, until nothing of what is followed runs any more. */
export async function followLogs(
  client: Docker,
  stack: string,
  { look, since, tail, print }: FollowOptions,
): Promise<void> {
  const lastTimes = new Map<string, string>();
  const following = new Map<string, Promise<void>>();

  async function followOne(member: Member): Promise<void> {
    const container = client.getContainer(member.id);
    do {
      const last = lastTimes.get(member.id);
      lastTimes.set(member.id, last ?? "");
      const log = await container.logs({
        follow: true,
        stdout: true,
        stderr: true,
        timestamps: true,
        since: last === undefined || last === "" ? since : Math.floor(Date.parse(last) / 1000),
        ...(last === undefined && tail !== undefined && { tail }),
      });
      for await (const line of logLines(log as AsyncIterable<Buffer>)) {
        if (last !== undefined && line.time <= last) continue;
        lastTimes.set(member.id, line.time);
        print(member, line);
      }
    } while ((await container.inspect()).State.Running);
  }

  async function follow(member: Member): Promise<void> {
    await following.get(member.id);
    if (following.has(member.id) || (lastTimes.has(member.id) && !isUp(member))) return;
    const lines = followOne(member)
      // It was removed meanwhile.
      .catch(ignoring(404, 409))
      .finally(() => following.delete(member.id));
    following.set(member.id, lines);
    await lines;
  }
  const followAll = async () => {
    await Promise.all((await look()).map(follow));
  };

  const starts = (await client.getEvents({
    filters: { type: ["container"], event: ["start"], label: [`${label.stack}=${stack}`] },
  })) as unknown as Readable;
  const { promise: failed, reject } = Promise.withResolvers<never>();
  starts.on("data", () => void followAll().catch(reject));
  try {
    do {
      await Promise.race([followAll(), failed]);
      await sleep(patience);
    } while (following.size > 0 || (await look()).some(isUp));
  } finally {
    starts.destroy();
  }
}

function isUp({ state }: Member): boolean {
  return state === "running" || state === "restarting";
}
