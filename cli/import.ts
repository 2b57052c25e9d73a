import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import type Docker from "dockerode";
import { valueAt } from "../settings/path.ts";
import { readStackFile } from "../settings/stack-file.ts";
import type { SystemName } from "../settings/systems.ts";
import type { ComposeProject, ImportedSystem, Importer } from "../systems/import.ts";
import type { VariablesFile } from "../systems/variables-file.ts";
import { serverOf, type DatabaseServer } from "./moving-in/database-data.ts";
import { withLock } from "./deployment/command-lock.ts";
import { dockerOf } from "./docker/docker.ts";
import { withCredentials } from "./moving-in/credentials.ts";
import { exitCode, Failure } from "./failure.ts";
import { chooseEnvironment, environmentLine, type EnvironmentOptions } from "./moving-in/environment.ts";
import { deployInPlace, giveUp, type InPlaceOptions } from "./moving-in/in-place.ts";
import { describeInstallation, dumpAndLoad, lookAtInstallation, type Installation } from "./moving-in/installation.ts";
import { readJournal, refuseUnfinishedTakeOver, type Journal } from "./moving-in/journal.ts";
import { newStackText, refuseExisting, settingsProblems, writeNewStack, type NewStack } from "./moving-in/new-stack.ts";
import { prepare } from "./deployment/prepare.ts";
import { withAnswer } from "./moving-in/questions.ts";
import { recognised } from "./moving-in/recognised.ts";
import { commandLine, siteOf, type Site } from "./site.ts";
import { quoted } from "./terminal/quoted.ts";
import { coloured, remark, say } from "./terminal/terminal.ts";
import { deployClone } from "./upgrade/deploy-clone.ts";

/** What an installation is read from, and what is done then. */
export interface ImportOptions extends InPlaceOptions, EnvironmentOptions {
  /** The system's key. @default found by the variables */
  system?: string;
  /** The installation's own configuration file. @default the one that the settings file names, if it can be read here */
  config?: string;
  /** Says what would be done and does nothing. */
  dryRun: boolean;
  /** Replaces a stack file that is there. */
  overwrite: boolean;
  /** Stops the installation's containers and deploys the stack in their place. */
  stop: boolean;
  /** Gives up a take-over that was broken off. */
  goBack: boolean;
}

/**
 * Writes the file of a stack that is equal to an existing installation, whose settings file it reads; on request, deploys
 * the stack in the installation's place.
 */
export async function importInstallation(settingsFile: string, options: ImportOptions): Promise<void> {
  const site = siteOf(options);
  if (options.goBack) {
    const client = await dockerOf(site, options);
    await withLock(site, "import", options, () => giveUp(client, site, options));
    return;
  }
  const unfinished = readJournal(site);
  if (!options.stop && !options.dryRun) refuseUnfinishedTakeOver(site);
  // To take over later, with a file that was looked through and edited, is the usual way.
  const isWritten = options.stop && existsSync(site.stackFile) && (!options.overwrite || unfinished !== undefined);
  if (!options.dryRun && !isWritten) refuseExisting(site, options.overwrite);
  const engine = await engineOf(site, options);
  const found = await findInstallation(settingsFile, site, engine, options);
  const stack = await newStackOf(found, isWritten ? site : undefined, options);

  describe(found, stack, engine);
  const refused = refusalOf(found, options);
  const text = isWritten ? readText(site.stackFile) : newStackText(site, stack);
  const problems = settingsProblems(options.stack, text);
  if (options.dryRun) {
    say();
    say(text.trimEnd());
  } else if (!isWritten) {
    if (options.stop && refused !== undefined) throw new Failure(`${refused}\nNothing was changed.`, exitCode.notGood);
    await write(site, stack, options);
  }
  const wrong = [problems, refused].filter((each) => each !== undefined);
  if (wrong.length > 0) throw new Failure(wrong.join("\n\n"), exitCode.notGood);

  const { installation } = found;
  if (options.dryRun) {
    remark("Nothing was changed.");
  } else if (options.stop && "client" in engine && installation !== undefined) {
    const place = { client: engine.client, site, installation, commands: commandsOf(settingsFile, options) };
    // Who types this migrates by hand.
    const how = { yes: true, rebuild: false, emptyVolume: [], migrate: true };
    await withLock(site, "import", options, () =>
      deployInPlace(place, options, (data) => deployClone("up", { ...options, ...how, ...data })),
    );
  } else {
    say(`Look through it, then type: ${commandLine("preview", options)}`);
    const running = installation?.containers.some(({ isRunning }) => isRunning) === true;
    if (running) say("To stop the installation and deploy the stack in its place, add --stop to this command.");
  }
}

/** The Docker engine, or why it does not answer, which matters only where something is to be deployed. */
type Engine = { client: Docker } | { problem: string };

async function engineOf(site: Site, options: ImportOptions): Promise<Engine> {
  try {
    return { client: await dockerOf(site, options) };
  } catch (error) {
    if (options.stop) throw error;
    return { problem: (error as Error).message };
  }
}

/** An installation by its files, and by what Docker has of it. */
interface Found {
  system: SystemName;
  file: VariablesFile;
  imported: ImportedSystem;
  /** Absent where Docker was not looked at. */
  installation?: Installation;
}

async function findInstallation(
  settingsFile: string,
  site: Site,
  engine: Engine,
  options: ImportOptions,
): Promise<Found> {
  const { system, importer, found: file } = recognised(readText(settingsFile), settingsFile, options.system);
  const configText = readConfig(importer, file, options);
  const read = await importer.read({ variables: file.variables, configText });
  if ("problem" in engine) return { system, file, imported: read };
  const server = databaseServer(site, read.compose);
  const installation = await lookAtInstallation(engine.client, read.compose, server, settingsFile);
  return { system, file, imported: withCredentials(system, read, installation), installation };
}

/**
 * The stack that is equal to an installation; it mounts the database's volume, unless that is to be copied.
 *
 * @param written where the stack's file is, if it is written already
 */
async function newStackOf(
  { system, imported, installation }: Found,
  written: Site | undefined,
  options: ImportOptions,
): Promise<NewStack> {
  const chosen = written && readStackFile(written.stack, readText(written.stackFile)).values["environment"];
  const environment = await chooseEnvironment(options, chosen ?? imported.environment);
  const settings = options.copyVolume ? imported.settings : withDatabase(system, imported.settings, installation);
  return { system, environment, settings, secrets: imported.secrets };
}

function describe({ file, imported, installation }: Found, { environment }: NewStack, engine: Engine): void {
  report(file, imported);
  say();
  say(environmentLine(environment));
  say();
  say(coloured("bold", "Docker"));
  if ("problem" in engine) say(`  Was not looked at: ${engine.problem}`);
  if (installation !== undefined) for (const line of describeInstallation(installation)) say(`  ${line}`);
}

/** Why the stack cannot have the database's data as they are, and what to type; nothing when it can. */
function refusalOf({ installation }: Found, options: ImportOptions): string | undefined {
  const database = installation?.project.database;
  if (database === undefined || installation?.refusal === undefined) return undefined;
  const type = { up: commandLine("up", options), dbshell: commandLine("dbshell", options) };
  return `${installation.refusal}.\n${dumpAndLoad(installation, database, type)}`;
}

async function write(site: Site, stack: NewStack, options: ImportOptions): Promise<void> {
  const { env } = await prepare(options, { pulumi: true }, { makesStackFile: false });
  const former = await writeNewStack(site, env, stack);
  say();
  if (former !== undefined) say(`The former file is kept as ${former}`);
  say(coloured("green", `The settings of the stack "${options.stack}" are in ${site.stackFile}`));
}

/** What to type to go on with a take-over that was broken off, and to go back. */
function commandsOf(settingsFile: string, options: ImportOptions): Journal["commands"] {
  const start = `import ${quoted(resolve(settingsFile))}`;
  const more = [
    options.system === undefined ? "" : ` --system ${options.system}`,
    options.config === undefined ? "" : ` --config ${quoted(resolve(options.config))}`,
    options.copyVolume ? " --copy-volume" : "",
    options.to === undefined ? "" : ` --to ${quoted(resolve(options.to))}`,
  ].join("");
  return {
    goOn: commandLine(`${start} --stop${more}`, options),
    goBack: commandLine(`${start} --go-back`, options),
  };
}

/** The server of the stack's database, by the stack's file, be the rest of it right or wrong. */
function databaseServer({ stack, stackFile }: Site, { database }: ComposeProject): DatabaseServer {
  if (database === undefined) return {};
  const image = existsSync(stackFile)
    ? valueAt(readStackFile(stack, readText(stackFile)).values, database.image.split("."))
    : undefined;
  return serverOf(image, database.server);
}

/** The settings with the volume that has the database's data, where the stack can have them. */
function withDatabase(
  system: SystemName,
  settings: Record<string, unknown>,
  installation: Installation | undefined,
): Record<string, unknown> {
  const { database: place, project, refusal } = installation ?? {};
  const { setting, folderSetting } = project?.database ?? {};
  if (place === undefined || setting === undefined || refusal !== undefined) return settings;
  const withVolume = withAnswer({ [system]: settings }, setting.split("."), place.volume);
  const whole =
    folderSetting === undefined || place.folder === ""
      ? withVolume
      : withAnswer(withVolume, folderSetting.split("."), place.folder);
  return whole[system] as Record<string, unknown>;
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

function readConfig(importer: Importer, { variables }: VariablesFile, { config }: ImportOptions): string | undefined {
  if (config !== undefined) return readText(resolve(config));
  const file = importer.configFile(variables);
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
