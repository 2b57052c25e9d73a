import { chooseOne } from "./docker/choice.ts";
import type { Member } from "./docker/containers.ts";
import { findDeployed } from "./docker/deployed.ts";
import { attachment, hasTerminal, runDocker } from "./docker/docker-command.ts";
import { Failure } from "./failure.ts";
import { commandLine, type CommonOptions } from "./site.ts";

/** Runs a command in the container of a service, and passes its exit code on. */
export async function exec(service: string | undefined, command: readonly string[], options: CommonOptions) {
  const { host, members } = await findDeployed(options);
  const services = members.filter(({ kind }) => kind === "service");
  const member = runningOne(chooseOne(services, service), options);
  process.exitCode = await execIn(host, member, command);
}

/**
 * Runs a command in a service's container, with a terminal if there is one here.
 *
 * @param host URL of the Docker engine
 * @returns the command's exit code.
 */
export function execIn(
  host: string,
  { id }: Member,
  command: readonly string[],
  { user, input }: { user?: string; input?: string } = {},
): Promise<number> {
  const terminal = input === undefined && hasTerminal() ? ["--tty"] : [];
  const asUser = user === undefined ? [] : ["--user", user];
  return runDocker(
    host,
    ["exec", ...attachment(), ...terminal, ...asUser, id, ...command],
    input === undefined ? {} : { input },
  );
}

/**
 * A container in which something can be run.
 *
 * @throws Failure with what to type when it does not run.
 */
export function runningOne<M extends Member>(member: M, options: CommonOptions): M {
  if (member.state === "running") return member;
  throw new Failure(
    [
      `${member.name} does not run (${member.container}: ${member.state}).`,
      `To start it, type: ${commandLine(`start ${member.name}`, options)}`,
      `Its log: ${commandLine(`logs ${member.name}`, options)}`,
      `For a command in a new container of it, type: ${commandLine(`run ${member.name}`, options)} -- COMMAND`,
    ].join("\n"),
  );
}
