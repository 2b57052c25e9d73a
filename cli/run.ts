import { chooseOne } from "./docker/choice.ts";
import { findDeployed } from "./docker/deployed.ts";
import { runOneOff } from "./docker/one-off.ts";
import type { CommonOptions } from "./site.ts";

/** Runs a command in a new container of a service, and passes its exit code on. */
export async function run(service: string | undefined, command: readonly string[], options: CommonOptions) {
  const { client, host, members } = await findDeployed(options);
  const services = members.filter(({ kind }) => kind === "service");
  process.exitCode = await runOneOff(client, host, chooseOne(services, service), command);
}
