import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { resolve } from "node:path";
import { configFileOf, importCamcops } from "../systems/camcops/import.ts";
import { isCamcopsVariable } from "../systems/camcops/variables.ts";
import type { ImportedSystem } from "../systems/import.ts";
import { parseVariables, type VariablesFile } from "../systems/variables-file.ts";
import { exitCode, Failure } from "./failure.ts";
import { newStackText, refuseExisting, settingsProblems, writeNewStack } from "./new-stack.ts";
import { prepare } from "./prepare.ts";
import { commandLine, siteOf, type CommonOptions } from "./site.ts";
import { coloured, remark, say } from "./terminal.ts";

export interface ImportOptions extends CommonOptions {
  /** The installation's `camcops.conf`. @default the one that the settings file names, if it can be read here */
  config?: string;
  /** Says what would be done and does nothing. */
  dryRun: boolean;
  /** Replaces a stack file that is there. */
  overwrite: boolean;
}

/** Writes the file of a stack that is equal to an existing installation, whose settings file it reads. */
export async function importInstallation(settingsFile: string, options: ImportOptions): Promise<void> {
  const site = siteOf(options);
  if (!options.dryRun) refuseExisting(site, options.overwrite);
  const found = parseVariables(readText(settingsFile), { HOME: homedir() });
  if (!found.variables.some(({ name }) => isCamcopsVariable(name))) {
    throw new Failure(
      `${settingsFile} sets no variable of CamCOPS (CAMCOPS_…). A settings file holds lines such as: export CAMCOPS_DOCKER_CAMCOPS_HOST_PORT="443"`,
      exitCode.usage,
    );
  }
  const configText = readConfig(found, options);
  const imported = await importCamcops({ variables: found.variables, configText });
  const stack = { system: "camcops" as const, settings: imported.settings, secrets: imported.secrets };
  const text = newStackText(site, stack);
  report(found, imported);
  const problems = settingsProblems(options.stack, text);
  if (options.dryRun) {
    say();
    say(text.trimEnd());
  } else {
    const { env } = await prepare({ ...options }, { pulumi: true }, { makesStackFile: false });
    const former = await writeNewStack(site, env, stack);
    say();
    if (former !== undefined) say(`The former file is kept as ${former}`);
    say(coloured("green", `The settings of the stack "${options.stack}" are in ${site.stackFile}`));
  }
  if (problems !== undefined) {
    remark("");
    throw new Failure(problems, exitCode.notGood);
  }
  if (options.dryRun) remark("Nothing was changed.");
  else say(`Look through it, then type: ${commandLine("preview", options)}`);
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new Failure(
      `${file} must be a file that you can read, but is not: ${(error as Error).message}`,
      exitCode.usage,
    );
  }
}

function readConfig({ variables }: VariablesFile, { config }: ImportOptions): string | undefined {
  if (config !== undefined) return readText(resolve(config));
  const file = configFileOf(variables);
  if (file === undefined || !existsSync(file)) return undefined;
  remark(`The installation's configuration is read from ${file}.`);
  return readText(file);
}

function report({ problems }: VariablesFile, { taken, left, differences, remarks }: ImportedSystem): void {
  say(coloured("bold", "Taken over"));
  for (const { source, setting } of taken) say(`  ${source} → ${setting}`);
  if (problems.length + left.length > 0) {
    say();
    say(coloured("bold", "Not taken over"));
    for (const { line, name, message } of problems)
      say(`  line ${line}${name === undefined ? "" : `, ${name}`}: ${message}`);
    for (const { source, reason } of left) say(`  ${source}: ${reason}`);
  }
  const changed = differences.filter(({ before }) => before !== undefined);
  const added = differences.filter(({ before }) => before === undefined);
  if (changed.length > 0) {
    say();
    say(coloured("bold", "Different in the stack's own configuration file"));
    for (const { source, before, after, reason } of changed) {
      say(`  ${source}: ${JSON.stringify(before)} → ${JSON.stringify(after)}`);
      say(`    ${reason}`);
    }
  }
  if (added.length > 0) {
    say();
    say(coloured("bold", "Not in the installation's configuration file, but in the stack's"));
    for (const { source, after } of added) say(`  ${source} = ${after}`);
  }
  if (remarks.length > 0) say();
  for (const line of remarks) say(line);
}
