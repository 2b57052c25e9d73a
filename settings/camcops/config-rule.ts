import { checkConfig } from "./config-check.ts";
import { configFolder, imagePackages, keysOf, listItems, packagesFolder } from "./config-keys.ts";
import type { ConfigSections, ConfigValue } from "./config-keys.ts";
import { containerPath } from "./files.ts";
import { configValue } from "./settings.ts";
import { entries, settingKey, valueAt } from "../path.ts";
import type { Report, Step } from "../remedy.ts";

/** The settings that hold keys of camcops.conf: plain and encrypted ones. */
const plain = ["camcops", "config"];
const secret = ["camcopsSecretConfig"];

/** Reports the keys of camcops.conf that CamCOPS could not read, must not be given, or stand in the wrong setting. */
export function camcopsConfigRule(stack: unknown, report: Report): void {
  const plainSections = validSections(valueAt(stack, plain));
  const { export: secretExport, ...secretSections } = validSections(valueAt(stack, secret));
  if (secretExport !== undefined) {
    const path = [...secret, "export"];
    report(
      path,
      "must not be set: nothing in this section is secret, and Celery's arguments, which everybody can see, are made from it. Its keys belong in camcops.config.export",
      { unset: settingKey(path) },
    );
  }
  for (const { kind, section, key, message } of checkConfig(merged(plainSections, secretSections))) {
    if (kind !== "error") continue;
    const part = key === undefined ? [section] : [section, key];
    const path = [...(valueAt(secretSections, part) === undefined ? plain : secret), ...part];
    const configDirectory = valueAt(stack, ["camcops", "configDirectory"]);
    report(path, message.replace(/\.$/, ""), ...mend(path, valueAt(stack, path), configDirectory));
  }
  for (const { kind, section, key = "" } of checkConfig(plainSections)) {
    if (kind !== "secret") continue;
    report(
      [...plain, section, key],
      "must not stand in plain text: it belongs, encrypted, in camcopsSecretConfig",
      { unset: settingKey([...plain, section, key]) },
      { setSecret: settingKey([...secret, section, key]) },
    );
  }
  folderIsNamed(stack, plainSections, report);
}

/** What warns of sections and keys without effect. */
export function camcopsConfigWarnings(config: ConfigSections): string[] {
  return checkConfig(config)
    .filter(({ kind }) => kind === "warning")
    .map(({ section, key, message }) => `${settingKey([...plain, section, ...(key ? [key] : [])])}: ${message}`);
}

function mend(path: string[], value: unknown, configDirectory: unknown): Step[] {
  const [section = "", key = ""] = path.slice(-2);
  const folders = keysOf(section)?.[key]?.folders ?? [];
  const steps = (Array.isArray(value) ? value : [value]).flatMap((file: unknown, index): Step[] => {
    if (folders[0] !== configFolder || typeof file !== "string") return [];
    const seen = seenAs(file, folders, configDirectory);
    const key = Array.isArray(value) ? [...path, index] : path;
    return seen === file ? [] : [{ set: settingKey(key), value: seen }];
  });
  return steps.length > 0 ? steps : [{ unset: settingKey(path) }];
}

/** Where the containers probably see a file that was named otherwise. */
function seenAs(file: string, folders: readonly string[], configDirectory: unknown): string {
  const path = containerPath(file, typeof configDirectory === "string" ? configDirectory : undefined);
  if (!folders.some((folder) => path.startsWith(`${folder}/`))) {
    return `${configFolder}/${path.slice(path.lastIndexOf("/") + 1)}`;
  }
  return path.startsWith(`${packagesFolder}/`)
    ? path.replace(/^.*?\/python\d+\.\d+\/site-packages(?=\/)/, imagePackages)
    : path;
}

function folderIsNamed(stack: unknown, sections: ConfigSections, report: Report): void {
  if (valueAt(stack, ["camcops", "configDirectory"]) !== undefined) return;
  // The certificate's own rule asks for the folder then.
  if (valueAt(stack, ["camcops", "certificate", "kind"]) === "files") return;
  for (const [section, keys] of Object.entries(sections)) {
    for (const [key, value] of Object.entries(keys)) {
      const isThere = (path: string) => path.startsWith(`${configFolder}/`);
      if (keysOf(section)?.[key]?.folders === undefined || !listItems(value).some(isThere)) continue;
      report(
        ["camcops", "configDirectory"],
        `must be set, because ${settingKey([...plain, section, key])} names files in ${configFolder}`,
        { set: "camcops.configDirectory", value: "/etc/camcops" },
      );
      return;
    }
  }
}

/** The part of a group of sections that has the right form; the rest is reported elsewhere. */
function validSections(sections: unknown): ConfigSections {
  return Object.fromEntries(
    entries(sections).map(([section, keys]) => [
      section,
      Object.fromEntries(
        entries(keys).flatMap(([key, value]): [string, ConfigValue][] => {
          const valid = configValue.safeParse(value).data;
          return valid === undefined ? [] : [[key, valid]];
        }),
      ),
    ]),
  );
}

function merged(one: ConfigSections, other: ConfigSections): ConfigSections {
  const names = [...new Set([...Object.keys(one), ...Object.keys(other)])];
  return Object.fromEntries(names.map((name) => [name, { ...one[name], ...other[name] }]));
}
