import {
  configFolder,
  gunicornIsGone,
  gunicornKeys,
  imagePackages,
  isList,
  keysOf,
  listItems,
  packagesFolder,
  reservedKeys,
  sectionNames,
  temporaryFolder,
} from "./config-keys.ts";
import type { ConfigKey, ConfigSections, ConfigValue } from "./config-keys.ts";

/** Something about one section or key of a user's `camcops.conf` sections. */
export interface ConfigProblem {
  /**
   * - `error`: CamCOPS would not start, or would read something else than what was written;
   * - `secret`: a password or key, which may come from an encrypted configuration key only;
   * - `warning`: without effect in CamCOPS 2.4.24.
   */
  kind: "error" | "secret" | "warning";
  section: string;
  /** Absent when the section as a whole is meant. */
  key?: string;
  /** What is wrong and what is allowed, as a sentence. Holds no value, which may be secret. */
  message: string;
}

const logLevels = ["debug", "info", "warn", "warning", "error", "critical", "fatal"];
const booleans = ["true", "false", "yes", "no", "on", "off", "1", "0"];

/** Finds everything that is wrong with the sections that a user adds to `camcops.conf`. */
export function checkConfig(config: ConfigSections): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  for (const [section, values] of Object.entries(config)) {
    const keys = keysOf(section);
    if (!keys) {
      const message = `CamCOPS knows no such section. Allowed: ${sectionNames.join(", ")}, a name being letters, digits and _.`;
      problems.push({ kind: "error", section, message });
      continue;
    }
    for (const [key, value] of Object.entries(values)) {
      problems.push(...checkKey(section, key, value, keys[key]).map((problem) => ({ ...problem, section, key })));
    }
  }
  return [...problems, ...checkRecipients(config)];
}

function checkKey(
  section: string,
  key: string,
  value: ConfigValue,
  known: ConfigKey | undefined,
): Pick<ConfigProblem, "kind" | "message">[] {
  if (!/^[A-Z][A-Z0-9_]*$/.test(key)) {
    return [{ kind: "error", message: "A key consists of capital letters, digits and _." }];
  }
  const decidedBy = reservedKeys[section]?.[key];
  if (decidedBy !== undefined) {
    return [{ kind: "error", message: `Cannot be set here: it is decided by ${decidedBy}.` }];
  }
  const mistake = misread(value) ?? (known && (wrongType(value, known) ?? wrongFolder(value, known)));
  return [
    ...(mistake === undefined ? [] : [{ kind: "error" as const, message: mistake }]),
    ...(known?.secret && value !== "" ? [{ kind: "secret" as const, message: "Holds a password or key." }] : []),
    ...(section === "server" && gunicornKeys.includes(key)
      ? [{ kind: "warning" as const, message: `Has no effect: ${gunicornIsGone}.` }]
      : []),
    ...(known ? [] : [{ kind: "warning" as const, message: "CamCOPS 2.4.24 does not know this key." }]),
  ];
}

/** Why the file's format cannot hold the value so that CamCOPS gets the same, or undefined. */
function misread(value: ConfigValue): string | undefined {
  const items = isList(value) ? value.map(String) : undefined;
  const lines = items ?? String(value).trimEnd().split("\n");
  if (lines.some((line) => !line.isWellFormed() || /[\p{Cc}\u2028\u2029]/u.test(line.replaceAll("\t", "")))) {
    return "Holds a line separator or another control character, which CamCOPS would take for the end of the line.";
  }
  if ((items ?? lines.slice(1)).some((line) => /^\s*[#;]/.test(line))) {
    return "A line that begins with # or ; would be taken for a comment and left out.";
  }
  if (items?.some((item) => item.trim() === "")) return "An empty item of a list would be left out.";
  if ((items ?? (lines.length === 1 ? [String(value).replace(/\n+$/, "")] : [])).some((line) => line !== line.trim())) {
    return "A blank at the beginning or end would be left out.";
  }
  return undefined;
}

function wrongType(value: ConfigValue, { type }: ConfigKey): string | undefined {
  if (type === "list" || value === "") return undefined;
  if (isList(value)) return "Takes a single value, not a list.";
  const written = String(value);
  switch (type) {
    case "boolean":
      return booleans.includes(written.toLowerCase()) ? undefined : "Allowed: true, false.";
    case "integer":
      return /^[+-]?\d+$/.test(written) ? undefined : "Allowed: a whole number.";
    case "logLevel":
      return logLevels.includes(written.toLowerCase()) ? undefined : `Allowed: ${logLevels.join(", ")}.`;
    case "text":
      return undefined;
  }
}

/** What the containers have in each folder. */
const folderContents: Readonly<Record<string, string>> = {
  [configFolder]: "the files of camcops.configDirectory",
  [packagesFolder]: "the image's own files",
  [temporaryFolder]: "a volume, for what CamCOPS writes",
};

function wrongFolder(value: ConfigValue, { folders }: ConfigKey): string | undefined {
  if (!folders) return undefined;
  const inside = (path: string) =>
    folders.some((folder) => path.startsWith(`${folder}/`)) && !path.split("/").includes("..");
  const paths = listItems(value);
  if (!paths.every(inside)) {
    const allowed = folders.map((folder) => `${folder} (${folderContents[folder] ?? ""})`);
    return `Names a file as the containers see it, not as the host does. Allowed: a path under ${allowed.join(" or ")}.`;
  }
  const isMissing = (path: string) => path.startsWith(`${packagesFolder}/`) && isOfOtherPython(path);
  return paths.some(isMissing) ? `Names a file of the image, whose packages are in ${imagePackages}.` : undefined;
}

/** Whether a path, or pattern, names the packages of another Python than the image has. */
function isOfOtherPython(path: string): boolean {
  const [named] = /\/python\d+\.\d+\//.exec(path) ?? [];
  return named !== undefined && !imagePackages.includes(named);
}

function checkRecipients(config: ConfigSections): ConfigProblem[] {
  const listed = listItems(config["export"]?.["RECIPIENTS"] ?? []);
  const undefinedOnes = listed.filter((name) => !(`recipient:${name}` in config));
  const unused = Object.keys(config).filter((section) => {
    return section.startsWith("recipient:") && !listed.includes(section.slice("recipient:".length));
  });
  return [
    ...undefinedOnes.map((name): ConfigProblem => {
      const message = `Lists ${JSON.stringify(name)}, for which there is no section recipient:${name}.`;
      return { kind: "error", section: "export", key: "RECIPIENTS", message };
    }),
    ...unused.map((section): ConfigProblem => {
      return { kind: "warning", section, message: "Has no effect until RECIPIENTS of the section export lists it." };
    }),
  ];
}
