import { environments } from "./environment.ts";
import { type Field, stackFields } from "./schema.ts";
import { secretNames, systemNames } from "./systems.ts";

/** A setting under its full name. */
interface Setting {
  key: string;
  field: Field;
}

/** The reference page of all settings, `docs/settings.md`. */
export function settingsReference(): string {
  const top = settingsOf({ key: "", field: stackFields() });
  const secrets = top.filter(({ key }) => secretNames.has(key));
  const plain = top.filter(({ key }) => !secretNames.has(key));
  const single = plain.filter((setting) => !isGroup(setting));
  return `${[
    "<!-- Made by `npm run generate` from the schemas in settings/. Edits are overwritten. -->",
    "# Settings",
    "A stack's settings stand in `Pulumi.<stack>.yaml` below `config:`, each with the prefix `slipway:`. From the command " +
      "line, `pulumi config set --path camcops.hostPort 8443` sets one. An editor that reads the schema named in the " +
      "file's first line completes and checks them. A preview reports every problem of the file at once, and then every one with the host, before anything is created " +
      "or changed.",
    "Complete, commented examples: [Pulumi.dev.yaml](../Pulumi.dev.yaml), [Pulumi.staging.yaml](../Pulumi.staging.yaml), " +
      "[Pulumi.prod.yaml](../Pulumi.prod.yaml).",
    "## Environments",
    "Environments differ in this and in nothing else:",
    environmentTable(),
    "## Stack",
    settingTable(single),
    "## Secrets",
    "Secrets have keys of their own and are always encrypted; plain text is refused. What you do not choose, the stack " +
      "generates and keeps. `pulumi config set --secret camcopsSuperuserPassword` asks for the value, so that it stays " +
      "out of the shell's history.",
    settingTable(secrets),
    ...plain.filter(isGroup).flatMap((setting) => groupSections(setting, 2)),
    "## Variables of the systems' own documentation",
    "Every variable that a system's documentation has its users set, and the setting that takes its place.",
    ...systemNames.flatMap((system) => [
      `### Variables that \`${system}\` replaces`,
      variableTable([...secrets, ...plain.flatMap(leaves)].filter(({ key }) => key.startsWith(system))),
    ]),
  ].join("\n\n")}\n`;
}

function environmentTable(): string {
  const images = {
    built: "what is not set is built from `images/`",
    tag: "all set, by exact tag or digest",
    digest: "all set, by digest",
  };
  return table(
    ["Environment", "Images", "Self-signed certificate", "Django applications"],
    Object.entries(environments).map(([name, defaults]) => [
      code(name),
      images[defaults.images],
      defaults.selfSignedIsFit ? "accepted" : "each preview warns",
      defaults.isForDevelopment
        ? "code from a folder of the host, debugging, migrated by each deployment that changes them"
        : "from their images alone, migrated by hand (`slipway task run migrate`)",
    ]),
  );
}

/** The section of a group and those of the groups within. */
function groupSections(group: Setting, level: number): string[] {
  const one = itemOf(group);
  const kind = alternatives(one.field)[0]?.properties?.["kind"];
  const within = settingsOf(one);
  return [
    `${"#".repeat(level)} ${group.key}`,
    ...(group.field.description === undefined ? [] : [group.field.description]),
    ...(kind === undefined
      ? [settingTable(within.filter((setting) => !isGroup(setting)))]
      : alternatives(group.field).flatMap((field) => {
          const settings = settingsOf({ key: group.key, field });
          return [`With \`kind: ${field.properties?.["kind"]?.const ?? ""}\`:`, settingTable(settings)];
        })),
    ...within.filter(isGroup).flatMap((setting) => groupSections(setting, level + 1)),
  ].filter((paragraph) => paragraph !== "");
}

/** The forms that a field may take: usually its own only. */
function alternatives(field: Field): Field[] {
  return field.oneOf ?? [field];
}

/** Of a list of groups, any of its items; anything else is itself. */
function itemOf(setting: Setting): Setting {
  const { items } = setting.field;
  return items?.properties === undefined ? setting : { key: `${setting.key}[]`, field: items };
}

function isGroup(setting: Setting): boolean {
  return alternatives(itemOf(setting).field).some(({ properties }) => properties !== undefined);
}

/** The settings right below a group. */
function settingsOf({ key, field }: Setting): Setting[] {
  return Object.entries(field.properties ?? {}).map(([name, part]) => ({
    key: key === "" ? name : `${key}.${name}`,
    field: part,
  }));
}

/** The settings below a setting that are no groups themselves. */
function leaves(setting: Setting): Setting[] {
  if (!isGroup(setting)) return [setting];
  const { key, field } = itemOf(setting);
  return alternatives(field).flatMap((option) => settingsOf({ key, field: option }).flatMap(leaves));
}

function settingTable(settings: readonly Setting[]): string {
  if (settings.length === 0) return "";
  return table(
    ["Setting", "Meaning", "Allowed", "Default"],
    settings.map(({ key, field }) => [code(key), meaning(field), allowed(field), defaultOf(field)]),
  );
}

function meaning({ description = "", examples = [], caution, variable }: Field): string {
  return [
    description,
    ...(examples.length > 0 ? [`Example: ${examples.map(code).join(", ")}.`] : []),
    ...(variable === undefined ? [] : [`Replaces ${code(variable)}.`]),
    ...(caution === undefined ? [] : [`**Caution:** ${caution}`]),
  ].join(" ");
}

function allowed(field: Field): string {
  if (field.const !== undefined) return code(field.const);
  return field.allowed ?? "sections, keys and values";
}

function defaultOf(field: Field): string {
  return field.default === undefined ? "" : code(field.default);
}

function variableTable(settings: readonly Setting[]): string {
  const replacing = settings.filter(({ field }) => field.variable !== undefined);
  const variables = [...new Set(replacing.map(({ field }) => field.variable ?? ""))].sort();
  return table(
    ["Variable", "Setting", "Default"],
    variables.map((variable) => {
      const homes = replacing.filter(({ field }) => field.variable === variable);
      return [
        code(variable),
        homes.map(({ key, field }) => code(field.const === undefined ? key : `${key}: ${field.const}`)).join(" or "),
        homes.map(({ field }) => defaultOf(field)).find((value) => value !== "") ?? "",
      ];
    }),
  );
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

function code(value: unknown): string {
  return `\`${typeof value === "string" ? value : JSON.stringify(value)}\``;
}
