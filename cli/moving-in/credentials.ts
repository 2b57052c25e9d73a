import { valueAt } from "../../settings/path.ts";
import { isServersOwn } from "../../settings/postgresql.ts";
import { fieldAt, stackFields } from "../../settings/schema.ts";
import { secretNames, type SystemName } from "../../settings/systems.ts";
import type { ImportedSystem } from "../../systems/import.ts";
import type { Installation } from "./installation.ts";
import { withAnswer } from "./questions.ts";

/**
 * An installation with what its database's container was told, which goes before the settings file: with another password
 * the former containers could not log in any more if they had to run again.
 */
export function withCredentials(
  system: SystemName,
  imported: ImportedSystem,
  { project, identity, database }: Installation,
): ImportedSystem {
  const credentials = project.database?.credentials;
  if (credentials === undefined) return imported;
  const told: [key: string, variable: string, value: string | undefined][] = [
    [credentials.databaseName, "POSTGRES_DB", identity?.databaseName],
    [credentials.userName, "POSTGRES_USER", identity?.userName],
    [credentials.password, "POSTGRES_PASSWORD", identity?.password],
  ];
  const result = told.reduce(
    (sum, [key, variable, value]) =>
      value === undefined || value === "" || (!secretNames.has(key) && isServersOwn(value))
        ? sum
        : withValue(system, sum, key, value, `${variable} of the container ${identity?.container ?? ""}`),
    imported,
  );
  if (database === undefined || result.secrets[credentials.password] !== undefined) return result;
  return {
    ...result,
    remarks: [
      ...result.remarks,
      `The password of the database's user is not known: the stack sets another one, which the former containers could not use. To keep it, set ${credentials.password} before you take over.`,
    ],
  };
}

function withValue(
  system: SystemName,
  imported: ImportedSystem,
  key: string,
  value: string,
  source: string,
): ImportedSystem {
  const path = key.split(".");
  const stack = { [system]: imported.settings, ...imported.secrets };
  const former = valueAt(stack, path);
  if (value === (former ?? fieldAt(stackFields(), path, stack)?.default)) return imported;
  const { [system]: settings, ...secrets } = withAnswer(stack, path, value);
  const isOverridden = ({ setting }: { setting: string }) => setting === key;
  return {
    ...imported,
    settings: settings as Record<string, unknown>,
    secrets,
    taken: [...imported.taken.filter((taken) => !isOverridden(taken)), { source, setting: key }],
    left: [
      ...imported.left,
      ...imported.taken.filter(isOverridden).map((taken) => ({
        source: taken.source,
        reason: `is overridden by ${source}, which the data were made with`,
      })),
    ],
  };
}
