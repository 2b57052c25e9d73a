import type Docker from "dockerode";
import type { BackupTools } from "../backup/backup-tools.ts";
import { emptyVolume } from "../backup/load-stack.ts";
import { recover } from "../deployment/stack.ts";
import { readState } from "../deployment/state.ts";
import { listMembers } from "../docker/containers.ts";
import { ignoring, volumeNames } from "../docker/docker.ts";
import { databasesAndOthers } from "../docker/service-order.ts";
import type { Site } from "../site.ts";
import { quoted } from "../terminal/quoted.ts";
import { remark } from "../terminal/terminal.ts";
import { serverUser } from "./database-data.ts";
import { giveVolumeTo } from "./installation.ts";
import { removeJournal, type FormerContainer, type FormerData, type Journal } from "./journal.ts";

/** A take-over that has begun. */
export interface Begun {
  client: Docker;
  site: Site;
  /** The environment variables for Pulumi. */
  env: Record<string, string>;
  tools: BackupTools;
  journal: Journal;
}

/** How going back ended. */
export interface Ending {
  /** Whether everything is as it was before the take-over. */
  isBack: boolean;
  /** What is now, and what to type, in sentences. */
  said: string;
}

/**
 * Gives a take-over up, wherever it was: stops the stack's containers, gives the data back, and starts those of the
 * installation that ran, with the restart policies that they had. While anything of the stack may still run, nothing of
 * the installation is started. May be repeated.
 */
export async function goBack(under: Begun): Promise<Ending> {
  const { client, site, env, journal } = under;
  const { containers, data, commands } = journal;
  try {
    await recover(site, env);
    await stopStack(client, site);
    if (data !== undefined) await giveBack(under, data);
  } catch (error) {
    const reason = (error as Error).message;
    return {
      isBack: false,
      said: `The former containers are not started again, because two servers must never open the same data:\n${reason}\nOnce that is mended, to go back, type: ${commands.goBack}`,
    };
  }
  const problems = await startInstallation(client, containers);
  const names = containers.filter(({ isRunning }) => isRunning).map(({ name }) => name);
  const saved = data?.backup === undefined ? "" : `\n${howToPutBack(under, data, data.backup)}`;
  if (problems.length > 0) {
    const said = `Not everything is as it was before:\n${problems.join("\n")}\nOnce that is mended, type: ${commands.goBack}${saved}`;
    return { isBack: false, said };
  }
  removeJournal(site);
  const running = names.length === 0 ? "" : `The former containers run again: ${names.join(", ")}. `;
  return { isBack: true, said: `${running}To try again, type: ${commands.goOn}${saved}` };
}

/** Stops whatever of a stack runs, databases last, so that Docker does not start it by itself. */
async function stopStack(client: Docker, site: Site): Promise<void> {
  const state = readState(site);
  if (state === undefined) return;
  const members = await listMembers(client, site.stack, state);
  const tasks = members.filter(({ kind }) => kind === "task");
  const [databases, others] = databasesAndOthers(members, []);
  for (const { id, name, state: now } of [...tasks, ...others, ...databases]) {
    const container = client.getContainer(id);
    // `always` is the one policy by which Docker starts with the machine what somebody has stopped.
    const { HostConfig: host } = await container.inspect();
    if (host.RestartPolicy?.Name === "always") await container.update({ RestartPolicy: { Name: "no" } });
    if (now !== "running" && now !== "restarting") continue;
    remark(`Stopping the stack's ${name}`);
    // In its own grace time.
    await container.stop().catch(ignoring(304));
  }
}

async function giveBack({ client, tools }: Pick<Begun, "client" | "tools">, data: FormerData): Promise<void> {
  const { volume, copyTo, userId } = data;
  if (copyTo !== undefined) {
    if ((await volumeNames(client)).has(copyTo)) await emptyVolume(tools, copyTo);
  } else if (userId !== serverUser && data.backup !== undefined) {
    await giveVolumeTo(client, volume, userId, tools.image);
  }
}

/** Starts what ran before; returns what could not be done. */
async function startInstallation(client: Docker, containers: readonly FormerContainer[]): Promise<string[]> {
  const problems: string[] = [];
  const attempt = async (name: string, what: string, work: () => Promise<unknown>) => {
    await work().catch((error: unknown) => {
      problems.push(`  ${name} ${what}: ${(error as Error).message}`);
    });
  };
  for (const { id, name, restartPolicy } of containers) {
    await attempt(name, "does not get its restart policy back", () =>
      client.getContainer(id).update({ RestartPolicy: restartPolicy }),
    );
  }
  for (const { id, name } of containers.filter(({ isRunning }) => isRunning)) {
    remark(`Starting ${name} again`);
    await attempt(name, "does not start", () => client.getContainer(id).start().catch(ignoring(304)));
  }
  return problems;
}

function howToPutBack({ tools: { image } }: Pick<Begun, "tools">, { volume }: FormerData, file: string): string {
  const tools = `docker run --rm -i --tmpfs /tmp:mode=1777 ${image}`;
  const unpacked = file.endsWith(".age")
    ? `{ cat KEY_FILE; echo; cat ${quoted(file)}; } | ${tools} unpack --identity`
    : `${tools} unpack < ${quoted(file)}`;
  return [
    "The database's files as they were before are saved. To put them back, while nothing uses the volume, type:",
    `  ${unpacked} | docker run --rm -i --user 0:0 -v ${volume}:/files ${image} load-files`,
  ].join("\n");
}
