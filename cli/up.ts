import { attach } from "./attach.ts";
import { withLock } from "./deployment/command-lock.ts";
import { refuseUnfinishedTakeOver } from "./moving-in/journal.ts";
import { siteOf } from "./site.ts";
import { deployClone, type DeployOptions } from "./upgrade/deploy-clone.ts";

/** How a stack is deployed, and what is shown then. */
export interface UpOptions extends DeployOptions {
  /** Shows all logs afterwards, until Ctrl-C, which stops all services. */
  attach: boolean;
}

/** Deploys a stack, and shows its logs where that is asked for. */
export async function up(options: UpOptions): Promise<void> {
  const began = Date.now();
  const site = siteOf(options);
  const { client } = await withLock(site, "up", options, () => {
    refuseUnfinishedTakeOver(site);
    return deployClone("up", options);
  });
  if (options.attach) await attach(client, site, options, Math.floor(began / 1000));
}
