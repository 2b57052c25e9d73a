import { withLock } from "./deployment/command-lock.ts";
import { siteOf } from "./site.ts";
import { deployClone, type DeployOptions } from "./upgrade/deploy-clone.ts";

/** Upgrades a stack to the clone and the settings: with a backup of what it touches, and a way back. */
export async function upgrade(options: DeployOptions): Promise<void> {
  await withLock(siteOf(options), "upgrade", options, () => deployClone("upgrade", options));
}
