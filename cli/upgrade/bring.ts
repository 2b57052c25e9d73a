import { join } from "node:path";
import type { EngineEvent, OutputMap } from "@pulumi/pulumi/automation/index.js";
import type { Archive } from "../backup/archive-reader.ts";
import { backupName } from "../backup/backup-name.ts";
import { readBackupSettings } from "../backup/backup-settings.ts";
import type { BackupTools } from "../backup/backup-tools.ts";
import { emptyVolume, load, prove, restoredParts } from "../backup/load-stack.ts";
import { openBackup, verifyBackup, type BackupFile } from "../backup/opened-backup.ts";
import { backupFolder, saveStack } from "../backup/save-stack.ts";
import { saveVolume } from "../backup/save-volume.ts";
import { findParts } from "../backup/saved-parts.ts";
import { readProtected } from "../deployment/state.ts";
import { pulumi } from "../deployment/stack.ts";
import type { Member } from "../docker/containers.ts";
import { ignoring } from "../docker/docker.ts";
import { startAll, stopAll } from "../docker/pause.ts";
import { Failure } from "../failure.ts";
import { interruptible } from "../terminal/interruption.ts";
import { remark } from "../terminal/terminal.ts";
import { checkHealth, deployedNow, probeAll, runUp, toolsOf, type Context, type Source } from "./context.ts";
import { writeDurably } from "./durable-file.ts";
import { updateEntry, type DeployedService } from "./history.ts";
import type { BackupReference, JournalFile } from "./journal.ts";

/** What a stack is brought to. */
export interface Goal extends Source {
  /** The data that it is to have. @default those that it has */
  data?: BackupReference | undefined;
  /** Its services, as they were when it was deployed before; none where it was not. */
  services: Readonly<Record<string, DeployedService>>;
  /** URNs of what was protected then; nothing where it was not deployed before. */
  kept?: readonly string[];
}

/**
 * Brings a stack to a program, settings and, where they are named, data, and proves that it serves. Data come first, so that
 * a program never meets data of a newer one. Where the database server itself is another, or does not run, its data are
 * first saved and then emptied, and are loaded into the server that is deployed then.
 *
 * Whatever it was interrupted in, it can be begun again.
 */
export async function bring(
  context: Context,
  journal: JournalFile,
  goal: Goal,
  onEvent: (event: EngineEvent) => void = () => undefined,
): Promise<OutputMap> {
  const { data } = goal;
  const unloaded =
    data === undefined || journal.current.isLoaded
      ? undefined
      : await journal.step("data", () => putBack(context, journal, goal, data));
  const outputs = await journal.step("deploy", async () => {
    await releaseProtected(context, goal);
    return runUp(context, goal, onEvent);
  });
  if (unloaded !== undefined) {
    await journal.step("load", async () => {
      const { members } = await deployedNow(context);
      const services = members.filter(isWriter);
      await stopAll(context.client, services, context.report);
      await loadBackup(context, unloaded);
      journal.set({ isLoaded: true });
      await startAll(context, services, context.options, context.report);
    });
  }
  await journal.step("health", () => checkHealth(context));
  await journal.step("probe", () => probeAll(outputs));
  return outputs;
}

/** What works with data: services, and a task that a killed deployment has left running. */
function isWriter({ state, operations }: Member): boolean {
  return state === "running" && operations?.database === undefined;
}

/** A backup that was read to its end. */
interface Verified {
  file: BackupFile;
  archive: Archive;
}

/** Replaces the data; where that is not possible now, empties the databases, and returns what is to be loaded later. */
async function putBack(
  context: Context,
  journal: JournalFile,
  goal: Goal,
  data: BackupReference,
): Promise<Verified | undefined> {
  const { client, report } = context;
  const tools = await toolsOf(context);
  const file = openBackup(data.file, data.identity);
  const archive = await interruptible(
    (signal) => verifyBackup(tools, file, report, signal),
    () => `To go on, type: ${context.again}`,
  );
  const { members } = await deployedNow(context);
  await stopAll(client, members.filter(isWriter), report);
  const takesData = await canTake(context, goal, tools, archive);
  if (!journal.current.isSaved) await saveWhatIsThere(context, journal, goal, tools, !takesData);
  if (takesData) {
    await loadBackup(context, { file, archive });
    journal.set({ isLoaded: true });
    return undefined;
  }
  await emptyDatabases(context, goal, tools);
  return { file, archive };
}

/** Whether the databases that run now are those of the goal, and the backup fits what is there. */
async function canTake(context: Context, { services }: Goal, tools: BackupTools, archive: Archive): Promise<boolean> {
  const deployed = await deployedNow(context);
  const databases = Object.entries(services).filter(([, { isDatabase }]) => isDatabase);
  for (const [key, { imageId }] of databases) {
    const member = healthyService(deployed.members, key);
    if (member === undefined) return false;
    const { Image: id } = await context.client.getContainer(member.id).inspect();
    if (id !== imageId) return false;
  }
  try {
    await restoredParts(tools, archive, deployed, context.options);
    return true;
  } catch (error) {
    if (error instanceof Failure) return false;
    throw error;
  }
}

function healthyService(members: readonly Member[], key: string): Member | undefined {
  return members.find(
    ({ kind, system, name, state, health }) =>
      kind === "service" && `${system}/${name}` === key && state === "running" && health === "healthy",
  );
}

/**
 * Saves what is there now, so that nothing is lost that was written since the backup.
 *
 * @param isEmptied whether the volumes are emptied next: a dump holds one database, and somebody may have made others beside it
 */
async function saveWhatIsThere(
  context: Context,
  journal: JournalFile,
  goal: Goal,
  tools: BackupTools,
  isEmptied: boolean,
): Promise<void> {
  const { options, report, site } = context;
  const deployed = await deployedNow(context);
  const folder = backupFolder(site);
  const databases = Object.entries(goal.services).filter(([, { isDatabase }]) => isDatabase);
  const isDumpable =
    databases.every(([key]) => healthyService(deployed.members, key) !== undefined) &&
    (await findParts(context.client, deployed.members)).length > 0;
  if (!isDumpable) remark("A database does not run, so that it cannot be dumped.");
  const meanwhile = "what works with the data is stopped meanwhile";
  const safety = [
    ...journal.current.safety,
    ...(isDumpable ? [await saveStack(deployed, { folder: () => folder, meanwhile }, options, report)] : []),
    ...(isEmptied || !isDumpable ? await saveVolumes(context, goal, tools, folder) : []),
  ];
  updateEntry(site, journal.current.number, { safety });
  journal.set({ safety, isSaved: true });
}

/** Saves the volumes of databases, which are stopped for it, file by file, and those that a backup saves anyway. */
async function saveVolumes(
  context: Context,
  { services }: Goal,
  tools: BackupTools,
  folder: string,
): Promise<string[]> {
  const { client, site, report } = context;
  for (const { id } of await databasesOf(context)) await client.getContainer(id).stop().catch(ignoring(304, 404));
  const { recipient } = readBackupSettings(site);
  const created = new Date();
  const files: string[] = [];
  for (const volume of new Set(Object.values(services).flatMap(({ volumes }) => volumes))) {
    const name = backupName(`${site.stack}-volume-${volume}`, created, { encrypted: recipient !== undefined });
    const file = join(folder, name);
    await interruptible(
      (signal) => saveVolume(tools, volume, { file, why: `to ${file}`, recipient, signal }, report),
      () => `What was written of ${file} has been removed. To go on, type: ${context.again}`,
    );
    files.push(file);
  }
  return files;
}

async function databasesOf(context: Context): Promise<Member[]> {
  return (await deployedNow(context)).members.filter(({ operations }) => operations?.database !== undefined);
}

/** Removes the databases' containers and everything in their volumes; all of it was saved before. */
async function emptyDatabases(context: Context, { services }: Goal, tools: BackupTools): Promise<void> {
  const { client, report } = context;
  for (const { id } of await databasesOf(context)) {
    const container = client.getContainer(id);
    await container.stop().catch(ignoring(304, 404));
    await container.remove({ v: false, force: true }).catch(ignoring(404));
  }
  const volumes = Object.values(services).flatMap(({ isDatabase, volumes }) => (isDatabase ? volumes : []));
  for (const volume of new Set(volumes)) {
    await report.step(`Emptying the volume ${volume}`, "the former database server fills it from the backup", () =>
      emptyVolume(tools, volume),
    );
  }
}

/** Loads a backup into the databases that run, and proves that they are equal to what was saved. */
async function loadBackup(context: Context, { file, archive }: Verified): Promise<void> {
  const { options, report } = context;
  const tools = await toolsOf(context);
  await interruptible(
    async (signal) => {
      const targets = await restoredParts(tools, archive, await deployedNow(context), options);
      await load(tools, file, archive, targets, report, signal);
      for (const target of targets) await prove(tools, target, report);
    },
    () => `The data may be replaced in part only. To go on, type: ${context.again}`,
  );
}

/** What is protected in the state, but was not when the goal was deployed. */
function newlyProtected({ site }: Context, { kept }: Pick<Goal, "kept">): string[] {
  return kept === undefined ? [] : readProtected(site).filter((urn) => !kept.includes(urn));
}

/** Lets the engine forget what the goal did not have, though it is protected: volumes stay in Docker with their data. */
async function releaseProtected(context: Context, goal: Pick<Goal, "kept">): Promise<void> {
  const { site, env } = context;
  for (const urn of newlyProtected(context, goal)) {
    remark(`${urn.split("::").at(-1) ?? urn} came with the deployment that is left; the stack forgets it.`);
    await pulumi(["state", "unprotect", urn, "--yes", "--stack", site.stack], env);
  }
}

/** Does what only looks, such as a preview, as if the engine might forget that; it is protected again afterwards. */
export async function whileReleased<T>(context: Context, goal: Pick<Goal, "kept">, look: () => Promise<T>): Promise<T> {
  const { site, env } = context;
  const released = newlyProtected(context, goal);
  try {
    for (const urn of released) await pulumi(["state", "unprotect", urn, "--yes", "--stack", site.stack], env);
    return await look();
  } finally {
    for (const urn of released) await pulumi(["state", "protect", urn, "--yes", "--stack", site.stack], env);
  }
}

/** Whether an event of the engine says that one of these containers is made anew. */
export function beginsOn(event: EngineEvent, urns: ReadonlySet<string>): boolean {
  const metadata = event.resourcePreEvent?.metadata;
  if (metadata === undefined || !urns.has(metadata.urn)) return false;
  return ["create", "create-replacement", "replace"].includes(metadata.op);
}

/**
 * Makes a key of age that opens a backup until its upgrade is done, and keeps the private one in a file of its own.
 *
 * @returns the public one.
 */
export async function sessionKey(tools: BackupTools, file: string): Promise<string> {
  const text = await tools.newIdentity();
  const recipient = /age1[0-9a-z]+/.exec(text)?.[0];
  if (recipient === undefined) throw new Error("age-keygen printed no public key");
  // The way back depends on it, also after a loss of power.
  writeDurably(file, text);
  return recipient;
}
