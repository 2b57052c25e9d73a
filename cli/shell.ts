import { chooseOne } from "./docker/choice.ts";
import { findDeployed } from "./docker/deployed.ts";
import { execIn, runningOne } from "./exec.ts";
import type { CommonOptions } from "./site.ts";

/** As whom the shell runs. */
export interface ShellOptions extends CommonOptions {
  /** Root, though without capabilities and under a root file system that cannot be written. @default the service's user */
  asRoot: boolean;
}

/** Becomes the command that its arguments are, if there is such a program, or else `sh`. */
const orElseSh = 'command -v "$1" >/dev/null && exec "$@"; exec sh';

/** Opens the shell of a service in its container: the one that its operations name, or `sh` where that is missing. */
export async function shell(service: string | undefined, options: ShellOptions): Promise<void> {
  const { host, members } = await findDeployed(options);
  const services = members.filter(({ kind }) => kind === "service");
  const member = runningOne(chooseOne(services, service), options);
  const command = ["sh", "-c", orElseSh, "sh", ...(member.operations?.shell ?? ["bash"])];
  process.exitCode = await execIn(host, member, command, options.asRoot ? { user: "0:0" } : {});
}
