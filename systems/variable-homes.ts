import type { Environment } from "../settings/environment.ts";
import type { SystemName } from "../settings/systems.ts";
import type { Left, Taken } from "./import.ts";
import type { Variable } from "./variables-file.ts";

/** What an installation's variables say, as settings and secrets of a stack. */
export interface VariableSettings<Settings extends object = Record<string, unknown>> {
  settings: Settings;
  /** By their flat keys. */
  secrets: Record<string, string>;
  /** Undefined: the variables do not tell. */
  environment?: Environment;
  taken: Taken[];
  left: Left[];
}

type Convert = (value: string) => unknown;

/** Where a variable is now: a setting below the system's key, a secret, the stack's environment, or nowhere. */
export type Home =
  { path: string[]; convert: Convert } | { secret: string } | { environment: Environment } | { reason: string };

/** A text as it is. */
export const asText: Convert = (value) => value;

/** A number; what is none stays a text, which the settings refuse with what is allowed. */
export const asNumber: Convert = (value) => (/^\d+$/.test(value) ? Number(value) : value);

/** 1 and 0 as true and false. */
export const asFlag: Convert = (value) => ({ "1": true, "0": false })[value] ?? value;

/** A folder without slashes at its end. */
export const asFolder: Convert = (value) => value.replace(/(.)\/+$/, "$1");

/**
 * A home in a setting.
 *
 * @param path below the system's key, such as `database.userName`
 */
export function setting(path: string, convert: Convert = asText): Home {
  return { path: path.split("."), convert };
}

/** A home in a secret, by its flat key. */
export function secret(name: string): Home {
  return { secret: name };
}

/**
 * No home.
 *
 * @param reason a sentence without its subject and full stop
 */
export function nowhere(reason: string): Home {
  return { reason };
}

/** Puts each variable where it is now, and accounts for it. */
export function takeVariables<Settings extends object = Record<string, unknown>>(
  system: SystemName,
  variables: readonly Variable[],
  homeOf: (name: string, value: string, values: ReadonlyMap<string, string>) => Home,
): VariableSettings<Settings> {
  const values = new Map(variables.map(({ name, value }) => [name, value]));
  const result: VariableSettings<Settings> = { settings: {} as Settings, secrets: {}, taken: [], left: [] };
  for (const { name, value } of variables) {
    const home = homeOf(name, value, values);
    if ("reason" in home) {
      result.left.push({ source: name, reason: home.reason });
    } else if ("secret" in home) {
      result.secrets[home.secret] = value;
      result.taken.push({ source: name, setting: home.secret });
    } else if ("environment" in home) {
      result.environment = home.environment;
      result.taken.push({ source: name, setting: "environment" });
    } else {
      put(result.settings, home.path, home.convert(value));
      result.taken.push({ source: name, setting: [system, ...home.path].join(".") });
    }
  }
  return result;
}

function put(settings: object, path: readonly string[], value: unknown): void {
  const above = path
    .slice(0, -1)
    .reduce<Record<string, unknown>>(
      (group, key) => (group[key] ??= {}) as Record<string, unknown>,
      settings as Record<string, unknown>,
    );
  above[path.at(-1) ?? ""] = value;
}
