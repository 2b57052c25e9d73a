import { findDeployed } from "./docker/deployed.ts";
import { ignoring } from "./docker/docker.ts";
import { databasesAndOthers } from "./docker/service-order.ts";
import type { CommonOptions } from "./site.ts";
import { progressReport } from "./terminal/terminal.ts";

/** Stops services, databases after all others. Containers and data are kept. */
export async function stop(names: readonly string[], options: CommonOptions): Promise<void> {
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
