import { withLock, type LockOptions } from "./deployment/command-lock.ts";
import { chooseOne } from "./docker/choice.ts";
import { findDeployed } from "./docker/deployed.ts";
import { runOneOff } from "./docker/one-off.ts";
import { siteOf } from "./site.ts";

/** Runs a task, which a deployment ran or only declared, in a new container, and passes its exit code on. */
export async function runTask(name: string, options: LockOptions): Promise<void> {
  await withLock(siteOf(options), `task run ${name}`, options, () => runLocked(name, options));
}

async function runLocked(name: string, options: LockOptions): Promise<void> {
  const { client, host, members } = await findDeployed(options);
  const tasks = members.filter(({ kind }) => kind === "task");
  process.exitCode = await runOneOff(client, host, chooseOne(tasks, name));
}
