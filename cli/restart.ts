import { withLock, type LockOptions } from "./deployment/command-lock.ts";
import { choose } from "./docker/choice.ts";
import { findDeployed } from "./docker/deployed.ts";
import { refuseUnhealthy } from "./docker/health.ts";
import { siteOf } from "./site.ts";
import { progressReport } from "./terminal/terminal.ts";

/** Stops and starts the containers of services, whether they run or not, and waits until they are healthy. */
export async function restart(names: readonly string[], options: LockOptions): Promise<void> {
  await withLock(siteOf(options), "restart", options, () => restartLocked(names, options));
}

async function restartLocked(names: readonly string[], options: LockOptions): Promise<void> {
  const { site, client, members } = await findDeployed(options);
  const services = choose(
    members.filter(({ kind }) => kind === "service"),
    names,
  );
  const ids = new Set(services.map(({ id }) => id));
  const shown = services.map(({ container }) => container).join(", ");
  await progressReport().step(`Restarting ${shown}`, "until they are healthy", async () => {
    await Promise.all([...ids].map((id) => client.getContainer(id).restart()));
    await refuseUnhealthy(client, site, options, "Restarted", ({ id }) => ids.has(id));
  });
}
