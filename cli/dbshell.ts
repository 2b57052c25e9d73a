import { isatty } from "node:tty";
import { chooseOne } from "./docker/choice.ts";
import { findDeployed } from "./docker/deployed.ts";
import { execIn, runningOne } from "./exec.ts";
import { Failure } from "./failure.ts";
import type { CommonOptions } from "./site.ts";
import { remark } from "./terminal/terminal.ts";

/** What the client of a database does. */
export interface DbshellOptions extends CommonOptions {
  /** Writes a dump of the database instead. */
  dump: boolean;
}

/**
 * Opens a database's own client in its container. Without a terminal, the client runs the statements that come in, such as
 * those of a dump; where nobody can type any, because only the output goes elsewhere, a dump is written.
 */
export async function dbshell(service: string | undefined, options: DbshellOptions): Promise<void> {
  const { host, members } = await findDeployed(options);
  const databases = members.flatMap((member) => {
    const { database } = member.operations ?? {};
    return database === undefined ? [] : [{ ...member, database }];
  });
  if (databases.length === 0) {
    throw new Failure("No database of this stack is there. One outside of it is reached by its own tools.");
  }
  const member = runningOne(chooseOne(databases, service), options);
  const dumps = options.dump || (isatty(0) && !isatty(1));
  if (dumps && !options.dump) remark(`Writing a dump of ${member.name}, as with --dump.`);
  process.exitCode = await execIn(host, member, dumps ? member.database.dump : member.database.shell);
}
