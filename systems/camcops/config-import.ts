import { checkConfig } from "../../settings/camcops/config-check.ts";
import {
  gunicornIsGone,
  gunicornKeys,
  imagePackages,
  keysOf,
  listItems,
  packagesFolder,
  reservedKeys,
  type ConfigKey,
  type ConfigSections,
  type ConfigValue,
} from "../../settings/camcops/config-keys.ts";
import type { Difference, Left, Taken } from "../import.ts";
import { renderConfig, type ConfigInput } from "./config.ts";
import { readConfigFile, type ConfigFile } from "./config-file.ts";
import { shownUrl } from "./installed-database.ts";

/** The keys of an existing `camcops.conf` that have no setting of their own. */
export interface ConfigImport {
  /** What `camcops.config` has to hold. */
  config: Record<string, Record<string, ConfigValue>>;
  /** What `camcopsSecretConfig` has to hold. */
  secretConfig: Record<string, Record<string, string>>;
  taken: Taken[];
  left: Left[];
  /** How many keys the stack generates with the values that they have. */
  equal: number;
  /** What the stack's `camcops.conf` will have otherwise. */
  differences: Difference[];
}

/**
 * Finds what a stack's settings have to say so that its `camcops.conf` is equal to an existing one, and compares the two
 * key by key.
 *
 * @param generated what the stack's own is made from, without further keys
 */
export function importConfig(file: ConfigFile, generated: Omit<ConfigInput, "config" | "secretConfig">): ConfigImport {
  const result: ConfigImport = { config: {}, secretConfig: {}, taken: [], left: [], equal: 0, differences: [] };
  const before = renderedWith(generated, {}, {});
  for (const [section, values] of file.sections) {
    const keys = keysOf(section);
    if (keys === undefined) {
      result.left.push({ source: `[${section}]`, reason: "is no section that CamCOPS 2.4.24 knows" });
      continue;
    }
    for (const [key, text] of values) {
      const source = sourceName(section, key);
      const known = keys[key];
      if (reservedKeys[section]?.[key] !== undefined) continue;
      if (!/^[A-Z][A-Z0-9_]*$/.test(key)) {
        result.left.push({ source, reason: "is no name of a key that CamCOPS could know" });
        continue;
      }
      if (section === "server" && gunicornKeys.includes(key)) {
        result.left.push({ source, reason: `is for Gunicorn; ${gunicornIsGone}` });
        continue;
      }
      const isWorkerArguments = section === "export" && key === "CELERY_WORKER_EXTRA_ARGS";
      const value = isWorkerArguments ? withoutConcurrency(text) : valueOf(newPaths(text), known);
      const standard = before.get(section)?.get(key);
      const isStandard =
        standard !== undefined &&
        isSame(isWorkerArguments ? withConcurrency(value, generated) : newPaths(text), standard, known);
      if (isStandard) {
        result.equal += 1;
      } else if (known?.secret === true && text !== "") {
        (result.secretConfig[section] ??= {})[key] = text;
        result.taken.push({ source, setting: `camcopsSecretConfig.${section}.${key}` });
      } else {
        (result.config[section] ??= {})[key] = value;
        result.taken.push({ source, setting: `camcops.config.${section}.${key}` });
      }
    }
  }
  const after = renderedWith(generated, result.config, result.secretConfig);
  return { ...result, differences: differences(file.sections, after) };
}

/** The stack's `camcops.conf`, as CamCOPS will read it, without the keys that the settings' own rules refuse. */
function renderedWith(
  generated: Omit<ConfigInput, "config" | "secretConfig">,
  config: ConfigSections,
  secretConfig: ConfigSections,
): ConfigFile["sections"] {
  const valid = (sections: ConfigSections): ConfigSections => {
    const errors = checkConfig(sections).filter(({ kind, key }) => kind === "error" && key !== "RECIPIENTS");
    return Object.fromEntries(
      Object.entries(sections).map(([section, values]) => [
        section,
        Object.fromEntries(
          Object.entries(values).filter(
            ([key]) => !errors.some((error) => error.section === section && error.key === key),
          ),
        ),
      ]),
    );
  };
  return readConfigFile(renderConfig({ ...generated, config: valid(config), secretConfig: valid(secretConfig) }))
    .sections;
}

function differences(before: ConfigFile["sections"], after: ConfigFile["sections"]): Difference[] {
  const found: Difference[] = [];
  for (const section of new Set([...before.keys(), ...after.keys()])) {
    const keys = keysOf(section);
    if (keys === undefined) continue;
    const [old, now] = [before.get(section), after.get(section)];
    for (const key of new Set([...(old?.keys() ?? []), ...(now?.keys() ?? [])])) {
      const [was, is] = [old?.get(key), now?.get(key)];
      if (is === undefined ? was === undefined : isSame(was ?? "", is, keys[key])) continue;
      found.push({
        source: sourceName(section, key),
        before: was === undefined ? undefined : shown(was, keys[key]),
        after: shown(is ?? "", keys[key]),
        reason: reasonOf(section, key, was, is),
      });
    }
  }
  return found;
}

function reasonOf(section: string, key: string, was: string | undefined, is: string | undefined): string {
  const decidedBy = reservedKeys[section]?.[key];
  if (decidedBy !== undefined) return `is decided by ${decidedBy}`;
  if (section === "server" && gunicornKeys.includes(key)) return "is for Gunicorn, which does not serve here";
  if (was === undefined) return `is written by the stack; camcops.config.${section}.${key} sets another value`;
  if (key === "CELERY_WORKER_EXTRA_ARGS") return "has the tasks at a time from camcops.workers.concurrency";
  const isRenamed = is !== undefined && isSame(newPaths(was), is, keysOf(section)?.[key]);
  return isRenamed
    ? "names a file of the image, which is elsewhere in the stack's"
    : "cannot be written as it is: the problem of this setting says why";
}

function sourceName(section: string, key: string): string {
  return `[${section}] ${key}`;
}

function shown(value: string, known: ConfigKey | undefined): string {
  if (known?.secret !== true)
    return value
      .trim()
      .split(/\s*\n\s*/)
      .join(" | ");
  return value.includes("://") ? shownUrl(value) : value === "" ? "" : "(hidden)";
}

/** A key's text as the value that a stack's file holds. */
function valueOf(text: string, known: ConfigKey | undefined): ConfigValue {
  switch (known?.type) {
    case "list":
      return listItems(text);
    case "boolean":
      return asBoolean(text) ?? text;
    case "integer":
      return /^-?(?:0|[1-9]\d{0,14})$/.test(text) ? Number(text) : text;
    default:
      return text;
  }
}

function asBoolean(text: string): boolean | undefined {
  if (/^(?:true|yes|on|1)$/i.test(text)) return true;
  return /^(?:false|no|off|0)$/i.test(text) ? false : undefined;
}

/** Whether CamCOPS takes two texts for the same value. */
function isSame(one: string, other: string, known: ConfigKey | undefined): boolean {
  const asRead = (text: string) => {
    const value = valueOf(text, known);
    return JSON.stringify(known?.type === "logLevel" ? text.toLowerCase() : value);
  };
  return asRead(one) === asRead(other);
}

/** Names files of the old image's packages by where they are in the new one; a pattern stays one. */
function newPaths(text: string): string {
  return text
    .split("\n")
    .map((line) =>
      line.replace(
        /\/camcops\/(?:venv\/lib\/python3(?:\.[\d*]+)?\/site-packages|src\/server)(?=\/camcops_server\/)/g,
        line.includes("*") ? `${packagesFolder}/lib/python3.*/site-packages` : imagePackages,
      ),
    )
    .join("\n");
}

const concurrency = /^(?:--concurrency[= ]|-c ?)(\d+)$/;

/** How many tasks at a time Celery's arguments ask for. */
export function concurrencyOf(text: string): number | undefined {
  const found = listItems(text).map((item) => concurrency.exec(item)?.[1]);
  const last = found.filter((each) => each !== undefined).at(-1);
  return last === undefined ? undefined : Number(last);
}

function withoutConcurrency(text: string): string[] {
  return listItems(text).filter((item) => !concurrency.test(item));
}

function withConcurrency(value: ConfigValue, { workerConcurrency }: Pick<ConfigInput, "workerConcurrency">): string {
  return [`--concurrency=${String(workerConcurrency)}`, ...listItems(value)].join("\n");
}
