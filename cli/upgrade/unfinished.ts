import { Failure } from "../failure.ts";
import { commandLine, type CommonOptions, type Site } from "../site.ts";
import { JournalFile } from "./journal.ts";

/** Says that an upgrade is unfinished, for commands that cannot go on then. */
export function unfinished({ site, options }: { site: Site; options: CommonOptions }): string | undefined {
  const journal = JournalFile.open(site);
  if (journal === undefined) return undefined;
  const { number, way, step } = journal.current;
  return (
    `The deployment ${number} is unfinished: it was interrupted in the step ${step}${way === "back" ? " of the way back" : ""}. ` +
    `To take it up, type: ${commandLine("up", options)}`
  );
}

/** @throws Failure when an upgrade is unfinished. */
export function refuseUnfinished({ site, options }: { site: Site; options: CommonOptions }): void {
  const problem = unfinished({ site, options });
  if (problem !== undefined) throw new Failure(`${problem}\nNothing was changed.`);
}
