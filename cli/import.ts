import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import type Docker from "dockerode";
import { buildContext } from "../components/build.ts";
import { valueAt } from "../settings/path.ts";
import { readStackFile } from "../settings/stack-file.ts";
import { imageChoices, type SystemName } from "../settings/systems.ts";
import type { ComposeProject, ImportedSystem, Importer } from "../systems/import.ts";
import type { VariablesFile } from "../systems/variables-file.ts";
import { ensureBuilt } from "./docker/built-image.ts";
import { serverOf, serverUser, type DatabaseServer } from "./moving-in/database-data.ts";
import { dockerOf } from "./docker/docker.ts";
import { withCredentials } from "./moving-in/credentials.ts";
import { exitCode, Failure } from "./failure.ts";
import { chooseEnvironment, environmentLine, type EnvironmentOptions } from "./moving-in/environment.ts";
import {
  describeInstallation,
  dumpAndLoad,
  giveVolumeTo,
  lookAtInstallation,
  type Installation,
} from "./moving-in/installation.ts";
import { newStackText, refuseExisting, settingsProblems, writeNewStack } from "./moving-in/new-stack.ts";
import { prepare } from "./deployment/prepare.ts";
import { withAnswer } from "./moving-in/questions.ts";
import { recognised } from "./moving-in/recognised.ts";
import { commandLine, siteOf, type CommonOptions, type Site } from "./site.ts";
import { takeOver } from "./moving-in/take-over.ts";
import { coloured, consent, remark, say } from "./terminal/terminal.ts";
import { up } from "./up.ts";

export interface ImportOptions extends CommonOptions, EnvironmentOptions {
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
}

/**
 * Writes the file of a stack that is equal to an existing installation, whose settings file it reads; on request, deploys
 * the stack in the installation's place.
 */
export async function importInstallation(settingsFile: string, options: ImportOptions): Promise<void> {
  const site = siteOf(options);
  // To take over later, with a file that was looked through and edited, is the usual way.
  const isWritten = options.stop && !options.overwrite && existsSync(site.stackFile);
  if (!options.dryRun && !isWritten) refuseExisting(site, options.overwrite);
  const { system, importer, found } = recognised(readText(settingsFile), settingsFile, options.system);
  const read = await importer.read({
    variables: found.variables,
    configText: readConfig(importer, found, options),
  });
  const docker = await dockerOf(site, options).catch((error: unknown) => {
    if (options.stop) throw error;
    return (error as Error).message;
  });
  const installation =
    typeof docker === "string"
      ? undefined
      : await lookAtInstallation(docker, read.compose, databaseServer(site, read.compose), settingsFile);
  const imported = installation === undefined ? read : withCredentials(system, read, installation);
  const settings = withDatabase(system, imported.settings, installation);
  const written = isWritten ? readStackFile(site.stack, readText(site.stackFile)).values["environment"] : undefined;
  const environment = await chooseEnvironment(options, written ?? imported.environment);
  const stack = { system, environment, settings, secrets: imported.secrets };

  report(found, imported);
  say();
  say(environmentLine(environment));
  say();
  say(coloured("bold", "Docker"));
  if (typeof docker === "string") say(`  Was not looked at: ${docker}`);
  if (installation !== undefined) for (const line of describeInstallation(installation)) say(`  ${line}`);
  const database = installation?.project.database;
  const refused =
    database === undefined || installation?.refusal === undefined
      ? undefined
      : `${installation.refusal}.\n${dumpAndLoad(installation, database, commandLine("dbshell", options))}`;

  const text = isWritten ? readText(site.stackFile) : newStackText(site, stack);
  const problems = settingsProblems(options.stack, text);
  if (options.dryRun) {
    say();
    say(text.trimEnd());
  } else if (!isWritten) {
    if (options.stop && refused !== undefined) throw new Failure(`${refused}\nNothing was changed.`, exitCode.notGood);
    const { env } = await prepare(options, { pulumi: true }, { makesStackFile: false });
    const former = await writeNewStack(site, env, stack);
    say();
    if (former !== undefined) say(`The former file is kept as ${former}`);
    say(coloured("green", `The settings of the stack "${options.stack}" are in ${site.stackFile}`));
  }
  const wrong = [problems, refused].filter((each) => each !== undefined);
  if (wrong.length > 0) throw new Failure(wrong.join("\n\n"), exitCode.notGood);
  if (options.dryRun) {
    remark("Nothing was changed.");
  } else if (options.stop && typeof docker !== "string" && installation !== undefined) {
    await deployInPlace(docker, site, installation, options);
  } else {
    say(`Look through it, then type: ${commandLine("preview", options)}`);
    const running = installation?.containers.some(({ isRunning }) => isRunning) === true;
    if (running) say("To stop the installation and deploy the stack in its place, add --stop to this command.");
  }
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

/** Stops the installation and deploys the stack, whose file is written. */
async function deployInPlace(
  client: Docker,
  site: Site,
  installation: Installation,
  options: ImportOptions,
): Promise<void> {
  const { containers, database, broker, project: compose } = installation;
  refuseOtherData(site, installation);
  if (broker?.messages !== undefined && broker.messages > 0) {
    await consent(`The message queue holds ${broker.messages} messages, which are left behind. Go on?`, options);
  }
  const formerUser = database?.data.userId ?? serverUser;
  const isForeign = formerUser !== serverUser;
  if (isForeign) {
    await consent(
      `Give the files in the volume ${database?.volume ?? ""} from user ${formerUser} to ${serverUser}?`,
      options,
    );
  }
  const names = containers.map(({ name }) => name).join(", ");
  await consent(
    `Stop ${names || "nothing"}, and deploy the stack "${site.stack}" in their place? (Back up the database before.)`,
    options,
  );
  await buildImages(client, options);
  const give = async (userId: number) => {
    const image = containers.find(({ service }) => service === compose.database?.service)?.image;
    if (isForeign && database !== undefined && image !== undefined) {
      await giveVolumeTo(client, database.volume, userId, image);
    }
  };
  const order = [compose.database?.service, compose.broker?.service].filter((service) => service !== undefined);
  await takeOver(client, site, containers, order, {
    deploy: async () => {
      await give(serverUser);
      await up({ ...options, yes: true, attach: false, rebuild: false, emptyVolume: [], useVolume: [] });
    },
    undo: () => give(formerUser),
  });
  say(`The former containers are kept, stopped. Once you are sure: docker rm ${names.replaceAll(",", "")}`);
}

/** Refuses to begin without the installation's data where the stack's file does not name them. */
function refuseOtherData({ stack, stackFile }: Site, { database: place, project }: Installation): void {
  if (place === undefined || project.database === undefined) return;
  const { setting, folderSetting } = project.database;
  const { values } = readStackFile(stack, readText(stackFile));
  const wanted: [key: string | undefined, value: string | undefined][] = [
    [setting, place.volume],
    [folderSetting, place.folder === "" ? undefined : place.folder],
  ];
  for (const [key, value] of wanted) {
    if (key === undefined || valueAt(values, key.split(".")) === value) continue;
    throw new Failure(
      `The stack's file does not name the database's volume, so that the stack would begin without the data. ${value === undefined ? `Take out ${key}` : `Set ${key}: ${value}`}`,
      exitCode.usage,
    );
  }
}

/** Builds what the stack builds while the installation still runs, so that it is away for as short as can be. */
async function buildImages(client: Docker, options: ImportOptions): Promise<void> {
  const { report, settings } = await prepare(options, { docker: true, baseImage: true }, { deploys: true });
  for (const { source } of imageChoices(settings)) {
    if (!("build" in source)) continue;
    await ensureBuilt(client, report, buildContext(source.build, settings?.imageRevision));
  }
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
