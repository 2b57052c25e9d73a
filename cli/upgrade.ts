import { withLock } from "./deployment/command-lock.ts";
import { refuseUnfinishedTakeOver } from "./moving-in/journal.ts";
import { siteOf } from "./site.ts";
import { deployClone, type DeployOptions } from "./upgrade/deploy-clone.ts";

/** Upgrades a stack to the clone and the settings: with a backup of what it touches, and a way back. */
export async function upgrade(options: DeployOptions): Promise<void> {
  const site = siteOf(options);
  await withLock(site, "upgrade", options, () => {
    refuseUnfinishedTakeOver(site);
    return deployClone("upgrade", options);
  });
}
