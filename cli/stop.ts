import { withLock, type LockOptions } from "./deployment/command-lock.ts";
import { findDeployed } from "./docker/deployed.ts";
import { ignoring } from "./docker/docker.ts";
import { databasesAndOthers } from "./docker/service-order.ts";
import { siteOf } from "./site.ts";
import { progressReport } from "./terminal/terminal.ts";

/** Stops services, databases after all others. Containers and data are kept. */
export async function stop(names: readonly string[], options: LockOptions): Promise<void> {
  await withLock(siteOf(options), "stop", options, () => stopLocked(names, options));
}

async function stopLocked(names: readonly string[], options: LockOptions): Promise<void> {
  const { client, members } = await findDeployed(options);
  const report = progressReport();
  for (const services of databasesAndOthers(members, names).reverse()) {
    await Promise.all(
      services.map(({ id, container }) =>
        report.step(`Stopping ${container}`, "so that it ends cleanly", () =>
          client.getContainer(id).stop().catch(ignoring(304)),
        ),
      ),
    );
  }
}
