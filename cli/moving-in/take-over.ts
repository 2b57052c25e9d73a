import type Docker from "dockerode";
import type { ComposeContainer } from "./compose.ts";
import { listMembers } from "../docker/containers.ts";
import { ignoring } from "../docker/docker.ts";
import { Failure } from "../failure.ts";
import type { Site } from "../site.ts";
import { readState } from "../deployment/state.ts";
import { remark } from "../terminal/terminal.ts";

/** Seconds in which a database ends cleanly; Docker's default of 10 kills a large one. */
const stopGraceSeconds = 120;

/** What is done once the installation's containers are stopped, and what is undone before they are started again. */
export interface Deployment {
  deploy: () => Promise<void>;
  undo: () => Promise<void>;
}

/**
 * Stops an installation's containers and deploys a stack in their place. They stay, stopped, and Docker does not start
 * them with the machine any more: two servers must never open the same data. If the deployment fails, the stack's
 * containers are stopped and those that ran are started again.
 *
 * @param order the services in the order in which they are started again, the database first; others follow
 */
export async function takeOver(
  client: Docker,
  site: Site,
  containers: readonly ComposeContainer[],
  order: readonly string[],
  { deploy, undo }: Deployment,
): Promise<void> {
  const rank = ({ service }: ComposeContainer) => (order.includes(service) ? order.indexOf(service) : order.length);
  const starting = [...containers].sort((a, b) => rank(a) - rank(b));
  const running = starting.filter(({ isRunning }) => isRunning);
  try {
    for (const { id } of starting) await client.getContainer(id).update({ RestartPolicy: { Name: "no" } });
    for (const { id, name, service } of [...running].reverse()) {
      remark(`Stopping ${name}`);
      await client.getContainer(id).stop(service === order[0] ? { t: stopGraceSeconds } : {});
    }
    await deploy();
  } catch (error) {
    await stopStack(client, site);
    await undo();
    for (const { id, restartPolicy } of starting) {
      await client.getContainer(id).update({ RestartPolicy: { Name: restartPolicy } });
    }
    for (const { id, name } of running) {
      remark(`Starting ${name} again`);
      await client.getContainer(id).start().catch(ignoring(304));
    }
    const names = running.map(({ name }) => name);
    const kept = names.length === 0 ? "" : ` The former containers run again: ${names.join(", ")}.`;
    throw new Failure(
      `${(error as Error).message}\n\nThe take-over failed.${kept} To try again, type the same command.`,
    );
  }
}

async function stopStack(client: Docker, site: Site): Promise<void> {
  const state = readState(site);
  if (state === undefined) return;
  const members = await listMembers(client, site.stack, state);
  for (const { id } of members.filter(({ state }) => state === "running" || state === "restarting")) {
    // In its own grace time.
    await client.getContainer(id).stop();
  }
}
