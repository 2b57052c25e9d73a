import { join } from "node:path";
import type { OutputMap } from "@pulumi/pulumi/automation/index.js";
import { buildContext, builtReference } from "../../components/build.ts";
import type { StackSettings } from "../../settings/stack.ts";
import { imageChoices } from "../../settings/systems.ts";
import { run as runCommand } from "../../toolchain/run.js";
import { readBackupSettings } from "../backup/backup-settings.ts";
import { backupFolder, saveStack } from "../backup/save-stack.ts";
import { findParts } from "../backup/saved-parts.ts";
import type { Plan } from "../deployment/plan.ts";
import { resourceType } from "../deployment/resources.ts";
import { recover } from "../deployment/stack.ts";
import { readProtected } from "../deployment/state.ts";
import { ensureBuilt } from "../docker/built-image.ts";
import { startAll } from "../docker/pause.ts";
import { exitCode, Failure } from "../failure.ts";
import { commandLine } from "../site.ts";
import { remark } from "../terminal/terminal.ts";
import { adoptSettings } from "./adopt-settings.ts";
import { beginsOn, bring, sessionKey } from "./bring.ts";
import { checkHealth, deployedNow, probeAll, runUp, toolsOf, type Context, type Source } from "./context.ts";
import { endEntry, presentDeployment, readEntry, readHistory, settingsOf, updateEntry, type Entry } from "./history.ts";
import { isTouched, JournalFile, whatNext, type BackupReference } from "./journal.ts";
import { keepImages } from "./kept-images.ts";
import { describeServices } from "./kept-services.ts";
import { keptProgram } from "./program.ts";
import { failureReport } from "./report.ts";
import { tidy } from "./tidy.ts";
import type { Touched } from "./touched.ts";

/** A deployment that is about to be carried out, as far as its preview told. */
export interface Attempt {
  entry: Entry;
  source: Source;
  plan: Plan;
  touched: readonly Touched[];
  /** What the settings say, where they were read: their images are made ready ahead. */
  settings?: StackSettings | undefined;
  /** Data that a rollback brings again. */
  data?: BackupReference | undefined;
  /** The deployment that a rollback brings again. */
  target?: Entry;
  /** Whether the data are backed up first. */
  isSaved: boolean;
}

/** Deploys without a way back, as where no data are touched. */
export async function deployPlainly(context: Context, { entry, source }: Attempt): Promise<OutputMap> {
  try {
    const outputs = await runUp(context, source);
    await checkHealth(context);
    await probeAll(outputs);
    await noteSuccess(context, entry.number);
    return outputs;
  } catch (error) {
    if (!isInterruption(error)) endEntry(context.site, entry.number, "failed");
    throw error;
  }
}

/** Notes that a deployment serves, and how. */
export async function noteSuccess(context: Context, number: number): Promise<void> {
  const services = await describeServices(context);
  endEntry(context.site, number, "succeeded", { services, kept: readProtected(context.site) });
  try {
    await keepImages(context.client, context.site);
    tidy(context.site);
  } catch (error) {
    remark(`What is not needed any more could not be removed: ${(error as Error).message}`);
  }
}

/**
 * Deploys with a backup of the data first, and goes back to the deployment before, data included, when it does not come to
 * serve.
 */
export async function deployWithWayBack(context: Context, attempt: Attempt): Promise<OutputMap> {
  const { site } = context;
  const { entry, touched, data, target } = attempt;
  const journal = JournalFile.begin(site, {
    number: entry.number,
    kind: entry.kind,
    ...(entry.former !== undefined && { former: entry.former }),
    ...(target !== undefined && { target: target.number }),
    ...(data !== undefined && { data }),
    placed: touched.map(({ container, id }) => ({ container, ...(id !== undefined && { id }) })),
  });
  try {
    if (attempt.isSaved) await journal.step("backup", () => backUp(context, journal));
    await journal.step("images", () => makeImages(context, attempt));
  } catch (error) {
    journal.remove();
    endEntry(site, entry.number, "failed");
    throw withNote(error, "Nothing of the stack was changed.");
  }
  const urns = new Set(touched.map(({ urn }) => urn));
  return goForward(context, journal, attempt.source, urns);
}

/**
 * Takes up what was interrupted.
 *
 * @param forget drops it instead: what is there stays as it is
 * @param goesBack gives up to go forward
 * @throws Failure when it was brought back, so that the deployment before serves again; with exit code 3 when it was a
 *   rollback and is done now, because what is to be deployed otherwise would undo it.
 */
export async function takeUp(
  context: Context,
  { forget, goesBack }: { forget: boolean; goesBack: boolean },
): Promise<void> {
  const { site } = context;
  const journal = JournalFile.open(site);
  if (journal === undefined) return;
  const { number, kind, step } = journal.current;
  const entry = readEntry(site, number);
  if (entry !== undefined && entry.result !== "unfinished") {
    // It was killed when it had ended.
    journal.remove();
    return;
  }
  const name = `The ${kind === "up" ? "deployment" : kind} ${number}, which was interrupted in the step ${step},`;
  const next = whatNext(journal.current);
  if (forget || next === "anew") {
    remark(forget ? `${name} is forgotten, as you asked.` : `${name} had changed nothing yet.`);
    endEntry(site, number, "interrupted");
    journal.remove();
    return;
  }
  // What a killed engine has left running would go on to make containers.
  await recover(site, context.env);
  const touched = await touchedNow(context, journal);
  if (goesBack && touched && journal.current.backup === undefined) {
    throw new Failure(
      `${name} may have changed data of which there is no backup, so that nothing can be brought back. Nothing was changed. ` +
        `To let it go on, type: ${commandLine("up", context.options)}`,
    );
  }
  if (next === "back" || goesBack) {
    remark(`${name} is brought back.`);
    if (next === "forward") journal.turnBack({ touched, failure: `It was interrupted in the step ${step}.` });
    await goBack(context, journal);
  }
  remark(`${name} goes on.`);
  journal.set({ touched });
  const program = entry === undefined ? undefined : keptProgram(site, entry.program);
  if (program === undefined) throw missingProgram(context, number);
  // Whether data may be changed is known by now.
  await goForward(context, journal, { program, settings: settingsOf(site, number) }, new Set());
  if (kind !== "rollback") return;
  throw new Failure(
    `The rollback ${number} is done, and this clone was not deployed: that would undo it. ` +
      `To deploy the clone all the same, type again: ${context.again}`,
    exitCode.notGood,
  );
}

async function goForward(
  context: Context,
  journal: JournalFile,
  source: Source,
  urns: ReadonlySet<string>,
): Promise<OutputMap> {
  const { site } = context;
  const { number, data, target } = journal.current;
  const reached = target === undefined ? undefined : readEntry(site, target);
  let outputs: OutputMap;
  try {
    outputs = await bring(
      context,
      journal,
      { ...source, data, services: reached?.services ?? {}, ...(reached && { kept: reached.kept }) },
      (event) => {
        if (!journal.current.touched && beginsOn(event, urns)) journal.set({ touched: true });
      },
    );
  } catch (error) {
    const { former, backup } = journal.current;
    if (isInterruption(error)) {
      throw former === undefined
        ? error
        : withNote(error, `To go back instead, type: ${commandLine("rollback", context.options)}`);
    }
    // Data that a rollback brought are others than those before in any case.
    const touched = data !== undefined || (await touchedNow(context, journal));
    const isKnown = !touched || backup !== undefined;
    if (former === undefined || !isKnown) {
      endEntry(site, number, "failed");
      journal.remove();
      if (isKnown) throw error;
      throw withNote(error, "Data may have been changed, and there is no backup of them: nothing was brought back.");
    }
    journal.turnBack({ touched, failure: (error as Error).message });
    return goBack(context, journal);
  }
  remark(`Steps: ${journal.times().join(", ")}`);
  // Before the rollback counts as done: else the next deployment would be one with the settings that it left.
  if (target !== undefined) adoptSettings(site, target);
  await noteSuccess(context, number);
  journal.remove();
  return outputs;
}

/** Whether data may have been changed by now. The engine's last events may be lost when it fails; containers are not. */
async function touchedNow(context: Context, journal: JournalFile): Promise<boolean> {
  const { members } = await deployedNow(context);
  return isTouched(journal.current, new Map(members.map(({ container, id }) => [container, id])));
}

/** Goes back to the deployment before, and says so. */
async function goBack(context: Context, journal: JournalFile): Promise<never> {
  const { site } = context;
  const { number, former: formerNumber = 0, touched, backup, identity, step, failure = "" } = journal.current;
  const former = readEntry(site, formerNumber);
  const program = former === undefined ? undefined : keptProgram(site, former.program);
  if (former === undefined || program === undefined) throw missingProgram(context, formerNumber);
  remark(`${failure}\n`);
  remark(`It failed in the step ${step}. The deployment ${former.number} is brought back.`);
  const failedStep = journal.current.steps.findLast(({ way }) => way === "forward")?.step ?? step;
  try {
    await bring(context, journal, {
      program,
      settings: settingsOf(site, former.number),
      services: former.services,
      kept: former.kept,
      data: touched && backup !== undefined ? { file: backup, ...(identity !== undefined && { identity }) } : undefined,
    });
  } catch (error) {
    if (isInterruption(error)) throw error;
    throw new Failure(
      [
        (error as Error).message,
        "",
        `The way back to the deployment ${former.number} is not finished: it failed in the step ${journal.current.step}.`,
        ...(backup === undefined ? [] : [`The data as they were before are in ${backup}`]),
        `To go on going back, type: ${commandLine("up", context.options)}`,
        `To leave everything as it is now, and deploy on top of it, add: --forget-unfinished`,
      ].join("\n"),
    );
  }
  remark(`Steps: ${journal.times().join(", ")}`);
  const { safety } = journal.current;
  endEntry(site, number, "rolled back");
  journal.remove();
  throw new Failure(
    failureReport({
      entry: readEntry(site, number) ?? { ...former, number },
      former,
      failedStep,
      failure,
      touched,
      backup,
      safety,
      stackFile: site.stackFile,
      options: context.options,
    }),
  );
}

/** Saves the data, encrypted as the settings say, and for as long as the way back may need it, with a key of its own. */
async function backUp(context: Context, journal: JournalFile): Promise<void> {
  const { site, options, report, client } = context;
  const before = await deployedNow(context);
  if ((await findParts(client, before.members)).length === 0) {
    remark("Nothing of the stack can be saved; a database outside of it is backed up by its own tools.");
    return;
  }
  const stopped = before.members.filter(
    ({ state, operations }) => operations?.database !== undefined && state !== "running",
  );
  if (stopped.length > 0) {
    remark(`Started for the backup: ${stopped.map(({ name }) => name).join(", ")}`);
    await startAll(context, stopped, options, report).catch((error: unknown) => {
      throw withNote(error, `To go on without a backup, type: ${context.again} --without-backup`);
    });
  }
  const tools = await toolsOf(context);
  const isEncrypted = readBackupSettings(site).recipient !== undefined;
  const identity = join(site.deploymentsFolder, "identity");
  if (isEncrypted) journal.set({ identity });
  const alsoFor = isEncrypted ? await sessionKey(tools, identity) : undefined;
  const folder = backupFolder(site);
  const file = await saveStack(
    await deployedNow(context),
    { folder: () => folder, occasion: "upgrade", alsoFor },
    options,
    report,
  );
  remark(`The data as they are now are in ${file}`);
  journal.set({ backup: file });
  updateEntry(site, journal.current.number, { backup: file });
}

/** Builds and pulls what the plan asks for while the former version still serves. */
export async function makeImages(
  context: Context,
  { plan, settings }: Pick<Attempt, "plan" | "settings">,
): Promise<void> {
  if (settings === undefined) return;
  const wanted = new Set(
    [...plan.values()]
      .filter(({ type, change }) => type === resourceType.image && (change === "create" || change === "replace"))
      .map(({ newInputs }) => String(newInputs?.["name"])),
  );
  for (const { source } of imageChoices(settings)) {
    if ("build" in source) {
      const build = buildContext(source.build, settings.imageRevision);
      if (wanted.has(builtReference(build))) await ensureBuilt(context.client, context.report, build);
    } else if (wanted.has(source.pull)) {
      await pull(context, source.pull);
    }
  }
}

async function pull({ client, host, report }: Context, reference: string): Promise<void> {
  const isThere = await client
    .getImage(reference)
    .inspect()
    .then(() => true)
    .catch(() => false);
  if (isThere) return;
  await report.step(`Image ${reference}`, "it is pulled while the former version serves", (detail) =>
    runCommand("docker", ["--host", host, "pull", reference], { onLine: detail }),
  );
}

/** The deployment that is gone back to when the next one fails, with its program. */
export function wayBackOf({ site }: Pick<Context, "site">): Entry | undefined {
  const present = presentDeployment(readHistory(site));
  return present !== undefined && keptProgram(site, present.program) !== undefined ? present : undefined;
}

function missingProgram({ site, options }: Context, number: number): Failure {
  return new Failure(
    `The program of the deployment ${number} is not in ${site.programsFolder} any more, or not whole. Nothing was changed. ` +
      `To deploy on top of what is there, type: ${commandLine("up --forget-unfinished", options)}`,
  );
}

function isInterruption(error: unknown): boolean {
  return error instanceof Failure && error.exitCode === exitCode.interrupted;
}

function withNote(error: unknown, note: string): Error {
  if (!(error instanceof Failure)) return new Failure(`${(error as Error).message}\n${note}`);
  return new Failure(`${error.message}\n${note}`, error.exitCode);
}
