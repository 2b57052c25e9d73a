import { readFileSync } from "node:fs";
import type { OutputMap, Stack } from "@pulumi/pulumi/automation/index.js";
import { dockerClient } from "../../settings/docker-client.ts";
import type { StackSettings } from "../../settings/stack.ts";
import { duration } from "../../toolchain/report.js";
import { projectRoot } from "../../toolchain/root.js";
import type { LockOptions } from "../deployment/command-lock.ts";
import { runEngine, type EngineRun } from "../deployment/engine.ts";
import { newVolumes, refuseFoundVolumes } from "../deployment/found-volumes.ts";
import { refuseLostVolumes } from "../deployment/lost-volumes.ts";
import { refuseForeignNames } from "../deployment/names.ts";
import { changeCount, isDestructive } from "../deployment/plan.ts";
import { prepare } from "../deployment/prepare.ts";
import { currentDeployment, otherDeployer } from "../deployment/record.ts";
import { readLastUpdate, readState } from "../deployment/state.ts";
import { summarise } from "../deployment/summary.ts";
import { readDeclared } from "../drift/declared.ts";
import { driftedUrns, driftLines, findDrift, type Drift } from "../drift/drift.ts";
import { exitCode, Failure } from "../failure.ts";
import { withoutRefresh } from "../preview.ts";
import { commandLine, dockerHost, setInStackFile, type CommonOptions, type Site } from "../site.ts";
import { coloured, consent, remark, say } from "../terminal/terminal.ts";
import { checkHealth, deployedNow, probeAll, stackOf, systemsOf, type Context, type SystemOutput } from "./context.ts";
import { deployPlainly, deployWithWayBack, makeImages, noteSuccess, takeUp, wayBackOf } from "./deployment.ts";
import {
  beginEntry,
  deployedImages,
  endInterrupted,
  lastDeployer,
  presentDeployment,
  readHistory,
  settingsOf,
  type Entry,
} from "./history.ts";
import { keepProgram } from "./program.ts";
import { endRestore, halfRestore } from "./half-restore.ts";
import { manualTasks, touchedData, type Touched } from "./touched.ts";

/** What a deployment may do with images, volumes and data. */
export interface DeployOptions extends LockOptions {
  /** Builds the base image and all images anew, with fresh packages. */
  rebuild: boolean;
  /** Volumes that may be made anew, empty, where Docker has lost them with their data. */
  emptyVolume: string[];
  /** Volumes that exist and are to be this stack's own from now on. */
  useVolume: string[];
  /** Migrates although the settings say that it is done by hand: this is the hand. */
  migrate?: boolean;
  /** Touches data without saving them before. */
  withoutBackup?: boolean;
  /** Touches data that whoever calls this has saved, and has a way back for. */
  isCovered?: boolean;
  /** Drops what is known of an unfinished upgrade. */
  forgetUnfinished?: boolean;
}

/**
 * Deploys the clone with the stack's settings: makes the machine ready, says what would change, asks where something is
 * replaced or deleted, carries it out, and proves that the published addresses answer. What touches data is done with a
 * backup first and with a way back; an upgrade always is.
 */
export async function deployClone(kind: "up" | "upgrade", options: DeployOptions): Promise<Context> {
  const times: string[] = [];
  const timed = async <T>(phase: string, work: () => Promise<T>): Promise<T> => {
    const start = Date.now();
    const result = await work();
    times.push(`${phase} ${duration(Date.now() - start)}`);
    return result;
  };
  const again = commandLine(kind, options);
  const { site, env, report, settings } = await timed("machine", () =>
    prepare(options, { docker: true, pulumi: true, baseImage: true }, { rebuild: options.rebuild, deploys: true }),
  );
  const host = dockerHost(site);
  const client = dockerClient(host);
  const context: Context = { site, options, env, client, host, report, again };
  const deployment = await currentDeployment();
  await confirmTakeover(site, options, otherDeployer(lastDeployer(site) ?? deployment, deployment));
  if (options.rebuild) setInStackFile(site, "imageRevision", deployment.time);

  await takeUp(context, { forget: options.forgetUnfinished === true, goesBack: false });
  endInterrupted(site);
  const half = halfRestore(site, options);
  if (half !== undefined) remark(coloured("yellow", `Warning: ${half}`));
  const stack = await stackOf(context, projectRoot);
  await refuseLostVolumes(client, readState(site)?.dataVolumes ?? [], options.emptyVolume, again);
  const isDeployed = (readState(site)?.containers.length ?? 0) > 0;
  const drifts = isDeployed ? await findDrift(client, await readDeclared(site.stack, env)) : [];
  const preview = await timed("preview", () => previewed(context, stack, site.stackFile, drifts));
  const isDestroying = isDestructive(preview.plan) || drifts.some(({ foreign }) => foreign);
  for (const line of planLines(preview, { drifts, hasDifference: isDestroying })) say(line);
  const formerOutputs = await stack.outputs();
  const outputs = await timed("deployment", () =>
    changeCount(preview.result.changeSummary) === 0
      ? serveUnchanged(context, kind, formerOutputs)
      : deployChanges(context, { kind, options, preview, settings, drifts, isDestroying }),
  );
  endRestore(site);
  remark(`Times: ${times.join(", ")}`);
  for (const task of manualTasks(preview.plan)) {
    remark(
      `The task ${task} is run by hand, where the new version asks for it: ${commandLine(`task run ${task}`, options)}`,
    );
  }
  for (const system of systemsOf(outputs)) {
    remarkOnPassword(system, formerOutputs, outputs, options);
    announce(system, options);
  }
  return context;
}

type Preview = EngineRun<Awaited<ReturnType<Stack["preview"]>>>;

/** Finds out what would change. */
export async function previewed(
  context: Context,
  stack: Stack,
  settings: string,
  drifts: readonly Drift[] = [],
): Promise<Preview> {
  const replace = driftedUrns(drifts);
  const preview = await context.report.step(
    "Comparing the settings with what is there",
    "to say what would change",
    () =>
      runEngine((engine) => stack.preview({ ...engine, configFile: settings, diff: true, replace }), {
        again: context.again,
      }),
  );
  for (const warning of preview.warnings) remark(coloured("yellow", `Warning: ${warning}`));
  return preview;
}

/**
 * What would change. Pulumi's long difference comes first, so that the summary stands just above the question that follows.
 *
 * @param drifts what differs from what was declared
 */
export function planLines(
  { plan, output }: Pick<Preview, "plan" | "output">,
  { drifts = [], hasDifference }: { drifts?: readonly Drift[]; hasDifference: boolean },
): string[] {
  return [...(hasDifference ? [withoutRefresh(output), ""] : []), ...driftLines(drifts), ...summarise(plan)];
}

/** Proves that what is there serves, and notes the program and settings that it is equal to. */
async function serveUnchanged(context: Context, kind: "up" | "upgrade", outputs: OutputMap): Promise<OutputMap> {
  const { site } = context;
  if (kind === "upgrade") say("Nothing is to be upgraded.");
  await checkHealth(context);
  await probeAll(outputs);
  const program = keepProgram(site);
  const settings = readFileSync(site.stackFile, "utf8");
  const present = presentDeployment(readHistory(site));
  if (present?.program !== program || readFileSync(settingsOf(site, present.number), "utf8") !== settings) {
    const volumes = lastDeployer(site)?.volumes ?? [];
    const unchanged = { ...(await currentDeployment()), kind, summary: ["no change"], program, volumes };
    const entry = beginEntry(site, unchanged, settings);
    await noteSuccess(context, entry.number);
  }
  return outputs;
}

async function deployChanges(
  context: Context,
  how: {
    kind: "up" | "upgrade";
    options: DeployOptions;
    preview: Preview;
    settings: StackSettings | undefined;
    drifts: readonly Drift[];
    /** Whether something is replaced or removed. */
    isDestroying: boolean;
  },
): Promise<OutputMap> {
  const { site, client, again } = context;
  const { kind, options, preview, settings, drifts, isDestroying } = how;
  const { plan } = preview;
  await refuseForeignNames(client, plan, readState(site)?.stateId);
  const volumes = [...(lastDeployer(site)?.volumes ?? []), ...options.useVolume, ...options.emptyVolume];
  await refuseFoundVolumes(client, plan, volumes, again);

  const touched = touchedData(plan, deployedImages(readHistory(site)));
  const former = wayBackOf(context);
  const isSaved =
    options.withoutBackup !== true &&
    options.isCovered !== true &&
    touched.some((one) => one.isSaved) &&
    (former !== undefined || (await databasesRun(context)));
  if (options.isCovered !== true) for (const line of describeTouched(touched, isSaved)) say(line);
  if (settings?.upgrade?.migrate === "by-hand" && options.migrate !== true && touched.some(({ isTask }) => isTask)) {
    await makeImages(context, { plan, settings });
    throw new Failure(
      [
        "The settings say that data are migrated by hand (slipway:upgrade: migrate), so this stops here.",
        "The images are ready, nothing of the stack was changed.",
        `To back up, migrate and go on, type: ${commandLine(`${kind} --migrate`, options)}`,
      ].join("\n"),
      exitCode.notGood,
    );
  }
  if (isDestroying || kind === "upgrade") await consent(question(kind, isDestroying), options);

  const entry = beginEntry(
    site,
    {
      ...(await currentDeployment()),
      kind,
      summary: summarise(plan),
      program: keepProgram(site),
      volumes: [...new Set([...volumes, ...newVolumes(plan)])],
      ...(former !== undefined && { former: former.number }),
    },
    readFileSync(site.stackFile, "utf8"),
  );
  const source = { program: projectRoot, settings: settingsOf(site, entry.number), replace: driftedUrns(drifts) };
  const attempt = { entry, source, plan, touched, settings, isSaved };
  warnOfChangesSince(context, former);
  const isGuarded = isSaved || (kind === "upgrade" && former !== undefined);
  return isGuarded ? deployWithWayBack(context, attempt) : deployPlainly(context, attempt);
}

/** Says that what is there is not what would be brought back. */
function warnOfChangesSince({ site }: Context, former: Entry | undefined): void {
  const last = readLastUpdate(site);
  const ended = readHistory(site).findLast(({ result }) => result === "succeeded" || result === "rolled back")?.ended;
  if (former === undefined || ended === undefined || last?.kind !== "update" || last.time <= new Date(ended)) return;
  remark(
    `The stack was changed since the deployment ${former.number}, by plain \`pulumi up\` or by a deployment that failed. ` +
      `Should this one fail, the deployment ${former.number} is brought back.`,
  );
}

function question(kind: "up" | "upgrade", isDestroying: boolean): string {
  if (kind === "up") return "Replace or remove this?";
  return isDestroying ? "Upgrade, and replace or remove this?" : "Upgrade?";
}

function describeTouched(touched: readonly Touched[], isSaved: boolean): string[] {
  const because = (some: readonly Touched[]) => some.map(({ what }) => what).join(", ");
  const own = touched.filter((one) => one.isSaved);
  const down = touched.filter((one) => one.isDown);
  const others = touched.filter((one) => !one.isSaved && !one.isDown);
  return [
    ...(own.length === 0
      ? []
      : [
          isSaved
            ? `Data are backed up before, because ${because(own)}.`
            : `Data may be changed WITHOUT a backup, because ${because(own)}.`,
        ]),
    ...(down.length === 0
      ? []
      : [
          `Data may be changed WITHOUT a backup, because no database is up that could be asked for one, and ${because(down)}. ` +
            "For a backup, bring the former version up first.",
        ]),
    ...(others.length === 0
      ? []
      : [`Not backed up is what is outside of the stack, such as an external database: ${because(others)}.`]),
  ];
}

async function databasesRun(context: Context): Promise<boolean> {
  const { members } = await deployedNow(context);
  const databases = members.filter(({ operations }) => operations?.database !== undefined);
  return databases.every(({ state, health }) => state === "running" && health === "healthy");
}

async function confirmTakeover(site: Site, options: CommonOptions, before: string | undefined): Promise<void> {
  if (before === undefined || (readState(site)?.containers.length ?? 0) === 0) return;
  const sentence = `The stack "${site.stack}" ${before}.`;
  if (options.yes) remark(sentence);
  await consent(`${sentence} Deploy it from here now?`, options);
}

function remarkOnPassword(
  { superuser, passwordOutput, passwordIsInitial }: SystemOutput,
  before: OutputMap,
  after: OutputMap,
  options: CommonOptions,
): void {
  if (superuser === undefined || passwordOutput === undefined || passwordIsInitial !== true) return;
  const former: unknown = before[passwordOutput]?.value;
  if (former === undefined || former === after[passwordOutput]?.value) return;
  const command = commandLine(`superuser password ${superuser}`, options);
  remark(
    `The setting ${passwordOutput} has changed, but users who exist keep their passwords. To set it, type: ${command}`,
  );
}

/** Says how a system is reached. */
export function announce({ title, url, superuser, passwordOutput }: SystemOutput, options: CommonOptions): void {
  if (superuser !== undefined && passwordOutput !== undefined) {
    const command = commandLine(`output ${passwordOutput} --show-secrets`, options);
    say(`Log in as ${superuser}. The password: ${command}`);
  }
  say(coloured("green", `The ${title} application is running at ${url}`));
}
