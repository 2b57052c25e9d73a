import { homedir } from "node:os";
import type { SystemName } from "../../settings/systems.ts";
import type { Importer } from "../../systems/import.ts";
import { importers } from "../../systems/importers.ts";
import type { VariablesFile } from "../../systems/variables-file.ts";
import { exitCode, Failure } from "../failure.ts";

/** A settings file, read as the system reads it whose it is. */
export interface Recognised {
  system: SystemName;
  importer: Importer;
  found: VariablesFile;
}

/**
 * Finds out which system a settings file is of: the one whose variables it holds, those first that no other system has.
 *
 * @param wanted the system's key, where the user has said it
 * @throws Failure with exit code 2 when it can be of none or of several.
 */
export function recognised(text: string, file: string, wanted: string | undefined): Recognised {
  const names = importers.map(({ system }) => system).join(", ");
  const asked = importers
    .filter(({ system }) => wanted === undefined || system === wanted)
    .map((each) => ({ ...each, found: each.importer.parse(text, { HOME: homedir() }) }));
  if (asked.length === 0) {
    throw new Failure(`There is no system "${wanted ?? ""}". --system takes one of: ${names}`, exitCode.usage);
  }
  if (wanted !== undefined) return asked[0] as Recognised;
  const knownTo = (name: string) => importers.filter(({ importer }) => importer.isVariable(name)).length;
  const holding = (isMeant: (name: string) => boolean) =>
    asked.filter(({ importer, found }) =>
      found.variables.some(({ name }) => importer.isVariable(name) && isMeant(name)),
    );
  const own = holding((name) => knownTo(name) === 1);
  const candidates = own.length > 0 ? own : holding(() => true);
  const [first, ...others] = candidates;
  if (first !== undefined && others.length === 0) return first;
  if (first !== undefined) {
    const titles = candidates.map(({ importer }) => importer.title).join(" or ");
    throw new Failure(
      `${file} may be of ${titles}, by its variables. Say which, by: ${candidates.map(({ system }) => `--system ${system}`).join(" or ")}`,
      exitCode.usage,
    );
  }
  const examples = importers.map(({ importer: { title, example } }) => `${title}: ${example}`).join(", ");
  throw new Failure(
    `${file} sets no variable of a system that can be taken over. A settings file holds lines such as, for ${examples}. To say of which system it is, add --system ${names.replaceAll(", ", "|")}`,
    exitCode.usage,
  );
}
