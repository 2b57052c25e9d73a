import type Docker from "dockerode";
import type { Report } from "../../toolchain/report.js";
import type { Member } from "./containers.ts";
import type { Deployed } from "./deployed.ts";
import { ignoring } from "./docker.ts";
import { Failure } from "../failure.ts";
import { refuseUnhealthy } from "./health.ts";
import type { CommonOptions } from "../site.ts";

/** Stops services cleanly. Docker does not start them again by itself, not even after a restart of the machine. */
export async function stopAll(client: Docker, members: readonly Member[], report: Report): Promise<void> {
  await Promise.all(
    members.map((member) =>
      report.step(`Stopping ${member.container}`, "nobody works with data that are being replaced", () =>
        client.getContainer(member.id).stop().catch(ignoring(304)),
      ),
    ),
  );
}

/** Runs tasks again, one after the other, in the order in which they ran before. */
export async function runAgain(client: Docker, tasks: readonly Member[], report: Report): Promise<void> {
  for (const task of inOrder(tasks)) {
    await report.step(
      `Running the task ${task.name}`,
      "it brings the data to the version of the services",
      async () => {
        const container = client.getContainer(task.id);
        await container.start().catch(ignoring(304));
        const { StatusCode: code } = (await container.wait()) as { StatusCode: number };
        if (code !== 0) throw new Failure(`The task ${task.name} failed with exit code ${code}.`);
      },
    );
  }
}

/** Starts services again, and waits until all of them are healthy. */
export async function startAll(
  { client, site }: Pick<Deployed, "client" | "site">,
  members: readonly Member[],
  options: CommonOptions,
  report: Report,
): Promise<void> {
  const ids = new Set(members.map(({ id }) => id));
  await report.step("Starting the services", "until all of them are healthy", async () => {
    for (const { id } of inOrder(members)) await client.getContainer(id).start().catch(ignoring(304));
    await refuseUnhealthy(client, site, options, "Restored", ({ id }) => ids.has(id));
  });
}

function inOrder(members: readonly Member[]): Member[] {
  return [...members].sort((a, b) => a.startedAt.getTime() - b.startedAt.getTime());
}
