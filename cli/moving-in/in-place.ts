import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type Docker from "dockerode";
import { buildContext } from "../../components/build.ts";
import { parseStack } from "../../settings/parse.ts";
import { valueAt } from "../../settings/path.ts";
import { readStackFile } from "../../settings/stack-file.ts";
import { imageChoices } from "../../settings/systems.ts";
import { readBackupSettings, refuseExampleRecipient } from "../backup/backup-settings.ts";
import { backupTools, type BackupTools } from "../backup/backup-tools.ts";
import { backupFolder } from "../backup/save-stack.ts";
import { prepare, type Prepared } from "../deployment/prepare.ts";
import { ensureBuilt } from "../docker/built-image.ts";
import { volumeNames } from "../docker/docker.ts";
import { exitCode, Failure } from "../failure.ts";
import { dockerHost, type CommonOptions, type Site } from "../site.ts";
import { interruptible } from "../terminal/interruption.ts";
import { consent, remark, say } from "../terminal/terminal.ts";
import { serverUser } from "./database-data.ts";
import type { Installation } from "./installation.ts";
import { readJournal, type FormerData, type Journal } from "./journal.ts";
import { drainQueues, inWords } from "./queues.ts";
import { formerContainers, takeOver } from "./take-over.ts";
import { refuseCopying } from "./volume-data.ts";
import { goBack } from "./way-back.ts";

/** What a take-over does with an installation's data and queues. */
export interface InPlaceOptions extends CommonOptions {
  /** Copies the database's volume to one of the stack's own, in place of mounting it. */
  copyVolume: boolean;
  /** Waits until the workers have emptied the message queues. */
  drain: boolean;
  /** Folder for the database's files. @default the setting `backup.folder`; else `backups` beside the state */
  to?: string;
}

/** An installation, and the stack whose file is written. */
export interface Place {
  client: Docker;
  site: Site;
  installation: Installation;
  /** What to type to go on, and to go back, where it was broken off. */
  commands: Journal["commands"];
}

/** What a deployment is told of the data that it takes charge of. */
export interface DeployedData {
  /** Volumes that exist and are to be the stack's own. */
  useVolume: string[];
  /** The data are saved, and there is a way back. */
  isCovered: boolean;
}

/** Stops an installation and deploys a stack in its place, or goes on with that where it was broken off. */
export async function deployInPlace(
  place: Place,
  options: InPlaceOptions,
  deploy: (data: DeployedData) => Promise<unknown>,
): Promise<void> {
  const { client, site, installation } = place;
  const unfinished = readJournal(site);
  if (unfinished === undefined) refuseToBegin(place, options);
  else refuseToGoOn(place, unfinished, options);
  const prepared = await prepare(options, { docker: true, pulumi: true, baseImage: true }, { deploys: true });
  const tools = await toolsOf(client, site, prepared);
  const data = unfinished === undefined ? await newData(place, options, tools) : unfinished.data;
  const settings = readBackupSettings(site);
  refuseExampleRecipient(settings);
  const backups = { folder: backupFolder(site, options.to && resolve(options.to)), recipient: settings.recipient };
  if (unfinished === undefined) await askToBegin(place, data, backups.folder, options);
  else await askToGoOn(place, unfinished, options);

  await buildImages(client, prepared);
  const { broker } = installation;
  if (unfinished === undefined && options.drain && broker?.container !== undefined) {
    await drainQueues(client.getContainer(broker.container), prepared.report);
  }
  const journal = unfinished ?? (await newJournal(place, data));
  await takeOver({ client, site, env: prepared.env, tools, backups, report: prepared.report, journal }, () =>
    deploy({ useVolume: data?.copyTo === undefined ? [] : [data.copyTo], isCovered: data !== undefined }),
  );
  const names = journal.containers.map(({ name }) => name).join(" ");
  say(`The former containers are kept, stopped. Once you are sure: docker rm ${names}`);
}

/**
 * Gives an unfinished take-over up.
 *
 * @throws Failure when there is none, and when not everything is as it was before.
 */
export async function giveUp(client: Docker, site: Site, options: CommonOptions): Promise<void> {
  const journal = readJournal(site);
  if (journal === undefined) {
    throw new Failure(
      `No take-over by the stack "${site.stack}" is unfinished. Nothing was changed. After one that came to its end, the ` +
        "former containers are kept, stopped, and are yours to start.",
      exitCode.usage,
    );
  }
  const { copyTo } = journal.data ?? {};
  const lost = copyTo === undefined ? "" : `, delete the copy of the data in ${copyTo} with all that has changed in it`;
  await consent(
    `Give up the take-over of ${journal.project} that began at ${journal.began}: stop the stack "${site.stack}"${lost}, and start the former containers that ran?`,
    options,
  );
  const prepared = await prepare(options, { docker: true, pulumi: true, baseImage: true });
  const tools = await toolsOf(client, site, prepared);
  // Ctrl-C would leave it half done.
  const { isBack, said } = await interruptible(
    () => goBack({ client, site, env: prepared.env, tools, journal }),
    () => "",
  );
  if (!isBack) throw new Failure(said);
  say(said);
}

function toolsOf(client: Docker, site: Site, { report }: Prepared): Promise<BackupTools> {
  return backupTools(client, dockerHost(site), site.stack, readBackupSettings(site).image, report);
}

/** Refuses what cannot be meant, before anything is made ready. */
function refuseToBegin({ site, installation }: Place, { copyVolume, drain }: InPlaceOptions): void {
  const { database: place, project, broker } = installation;
  if (drain && broker?.queues === undefined) {
    throw new Failure(
      "The message queues cannot be looked at: start their container, or leave --drain out.",
      exitCode.usage,
    );
  }
  if (place === undefined || project.database === undefined) {
    if (copyVolume) throw new Failure("There is no volume to copy: leave --copy-volume out.", exitCode.usage);
    return;
  }
  if (copyVolume && place.folder !== "") {
    throw new Failure(
      `The data are in a folder of the volume, ${place.folder}, and a volume of the stack's own has them at its top: leave --copy-volume out.`,
      exitCode.usage,
    );
  }
  refuseOtherData(site, installation, copyVolume);
}

/** Refuses to go on with another take-over than the unfinished one. */
function refuseToGoOn({ installation }: Place, { project, data, commands }: Journal, options: InPlaceOptions): void {
  if (project !== installation.project.name) {
    throw new Failure(
      `A take-over of ${project} into this stack is unfinished, but this is ${installation.project.name}. To go on with the other, type: ${commands.goOn}`,
      exitCode.usage,
    );
  }
  if (options.copyVolume !== (data?.copyTo !== undefined)) {
    throw new Failure(
      `The unfinished take-over began ${options.copyVolume ? "without" : "with"} --copy-volume. To go on, type: ${commands.goOn}`,
      exitCode.usage,
    );
  }
}

/** The database's data, and what is to be done with them. */
async function newData(
  { client, site, installation }: Place,
  { copyVolume }: InPlaceOptions,
  { image }: BackupTools,
): Promise<FormerData | undefined> {
  const { database: place, project } = installation;
  if (place === undefined || project.database === undefined) return undefined;
  const { service, setting, ownVolume } = project.database;
  const { volume, data } = place;
  const former = { service, volume, userId: data.userId };
  if (!copyVolume) return former;
  const stack = parseStack(readStackFile(site.stack, readFileSync(site.stackFile, "utf8")));
  const copyTo = `${String(valueAt(stack, [setting.split(".")[0] ?? "", "name"]))}-${ownVolume}`;
  await refuseCopying(dockerHost(site), await volumeNames(client), { from: volume, to: copyTo, image });
  return { ...former, copyTo };
}

/** Refuses to begin without the installation's data where the stack's file does not name them, or names them besides a copy. */
function refuseOtherData(
  { stack, stackFile }: Site,
  { database: place, project }: Installation,
  copyVolume: boolean,
): void {
  const { setting, folderSetting } = project.database ?? {};
  const { values } = readStackFile(stack, readFileSync(stackFile, "utf8"));
  const wanted: [key: string | undefined, value: string | undefined][] = copyVolume
    ? [[setting, undefined]]
    : [
        [setting, place?.volume],
        [folderSetting, place?.folder === "" ? undefined : place?.folder],
      ];
  for (const [key, value] of wanted) {
    if (key === undefined || valueAt(values, key.split(".")) === value) continue;
    const problem = copyVolume
      ? "The stack's file names a volume, and so would not use the copy."
      : "The stack's file does not name the database's volume, so that the stack would begin without the data.";
    throw new Failure(`${problem} ${value === undefined ? `Take out ${key}` : `Set ${key}: ${value}`}`, exitCode.usage);
  }
}

async function askToBegin(
  { site, installation: { containers, broker } }: Place,
  data: FormerData | undefined,
  folder: string,
  options: InPlaceOptions,
): Promise<void> {
  const queues = broker?.queues ?? [];
  if (queues.length > 0 && !options.drain) {
    await consent(
      `The message queues hold ${inWords(queues)}, which are left behind (--drain waits for them). Go on?`,
      options,
    );
  }
  if (data !== undefined && data.copyTo === undefined && data.userId !== serverUser) {
    await consent(`Give the files in the volume ${data.volume} from user ${data.userId} to ${serverUser}?`, options);
  }
  const names = containers.map(({ name }) => name).join(", ");
  const keeping =
    data === undefined
      ? ""
      : data.copyTo === undefined
        ? ` save the files of the volume ${data.volume} in ${folder},`
        : ` copy the volume ${data.volume} to ${data.copyTo},`;
  const caution = data === undefined ? " (Back up the database before.)" : "";
  await consent(
    `Stop ${names || "nothing"},${keeping} and deploy the stack "${site.stack}" in their place?${caution}`,
    options,
  );
}

async function askToGoOn(
  { site }: Place,
  { project, began, commands }: Journal,
  options: InPlaceOptions,
): Promise<void> {
  remark(
    `The take-over of ${project} that began at ${began} is unfinished. To give it up instead, type: ${commands.goBack}`,
  );
  await consent(`Go on, and deploy the stack "${site.stack}"?`, options);
}

/** Notes the containers as they are now, directly before the first one is stopped. */
async function newJournal(
  { client, installation: { containers, project }, commands }: Place,
  data: FormerData | undefined,
): Promise<Journal> {
  const first = [project.database?.service, project.broker?.service].filter((service) => service !== undefined);
  return {
    version: 1,
    project: project.name,
    began: new Date().toISOString(),
    commands,
    containers: await formerContainers(client, containers, first),
    ...(data !== undefined && { data }),
  };
}

/** Builds what the stack builds while the installation still runs, so that it is away for as short as can be. */
async function buildImages(client: Docker, { report, settings }: Prepared): Promise<void> {
  for (const { source } of imageChoices(settings)) {
    if (!("build" in source)) continue;
    await ensureBuilt(client, report, buildContext(source.build, settings?.imageRevision));
  }
}
