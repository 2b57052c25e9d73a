import { attach } from "./attach.ts";
import { withLock } from "./deployment/command-lock.ts";
import { siteOf } from "./site.ts";
import { deployClone, type DeployOptions } from "./upgrade/deploy-clone.ts";

export interface UpOptions extends DeployOptions {
  /** Shows all logs afterwards, until Ctrl-C, which stops all services. */
  attach: boolean;
}

/** Deploys a stack, and shows its logs where that is asked for. */
export async function up(options: UpOptions): Promise<void> {
  const began = Date.now();
  const { client, site } = await withLock(siteOf(options), "up", options, () => deployClone("up", options));
  if (options.attach) await attach(client, site, options, Math.floor(began / 1000));
}
