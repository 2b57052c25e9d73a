import { withLock, type LockOptions } from "./deployment/command-lock.ts";
import { findDeployed } from "./docker/deployed.ts";
import { ignoring } from "./docker/docker.ts";
import { refuseUnhealthy } from "./docker/health.ts";
import { databasesAndOthers } from "./docker/service-order.ts";
import { siteOf } from "./site.ts";
import { progressReport } from "./terminal/terminal.ts";

/**
 * Starts services, databases before all others, and waits until they are healthy. Those that stand by until a user starts
 * them have to be named.
 */
export async function start(names: readonly string[], options: LockOptions): Promise<void> {
  await withLock(siteOf(options), "start", options, () => startLocked(names, options));
}

async function startLocked(names: readonly string[], options: LockOptions): Promise<void> {
  const { site, client, members } = await findDeployed(options);
  const report = progressReport();
  const meant = names.length === 0 ? members.filter(({ standby }) => !standby) : members;
  for (const services of databasesAndOthers(meant, names)) {
    const ids = new Set(services.map(({ id }) => id));
    const shown = services.map(({ container }) => container).join(", ");
    if (services.length === 0) continue;
    await report.step(`Starting ${shown}`, "until they are healthy", async () => {
      await Promise.all([...ids].map((id) => client.getContainer(id).start().catch(ignoring(304))));
      await refuseUnhealthy(client, site, options, "Started", ({ id }) => ids.has(id));
    });
  }
}
