import type { Unwrap } from "@pulumi/pulumi";
import type { OutputMap } from "@pulumi/pulumi/automation/index.js";
import { dockerClient } from "../settings/docker-client.ts";
import type { SystemSummary } from "../systems/summary.ts";
import { duration } from "../toolchain/report.js";
import { attach } from "./attach.ts";
import { runEngine } from "./deployment/engine.ts";
import { newVolumes, refuseFoundVolumes } from "./deployment/found-volumes.ts";
import { refuseUnhealthy } from "./docker/health.ts";
import { refuseLostVolumes } from "./deployment/lost-volumes.ts";
import { refuseForeignNames } from "./deployment/names.ts";
import { changeCount, isDestructive } from "./deployment/plan.ts";
import { withoutRefresh } from "./preview.ts";
import { prepare } from "./deployment/prepare.ts";
import { probe } from "./deployment/probe.ts";
import { followProgress } from "./deployment/progress.ts";
import { currentDeployment, otherDeployer, readRecord, writeRecord } from "./deployment/record.ts";
import { commandLine, dockerHost, setInStackFile, type CommonOptions, type Site } from "./site.ts";
import { openStack, recover } from "./deployment/stack.ts";
import { readState } from "./deployment/state.ts";
import { summarise } from "./deployment/summary.ts";
import { readDeclared } from "./drift/declared.ts";
import { driftedUrns, driftLines, findDrift } from "./drift/drift.ts";
import { coloured, consent, remark, say } from "./terminal/terminal.ts";

export interface UpOptions extends CommonOptions {
  /** Builds the base image and all images anew, with fresh packages. */
  rebuild: boolean;
  /** Volumes that may be made anew, empty, where Docker has lost them with their data. */
  emptyVolume: string[];
  /** Shows all logs afterwards, until Ctrl-C, which stops all services. */
  attach: boolean;
  /** Volumes that exist and are to be this stack's own from now on. */
  useVolume: string[];
}

/** What the program says of a system, as the stack output `systems` holds it. */
type SystemOutput = Unwrap<SystemSummary>;

/**
 * Deploys a stack: makes the machine ready, says what would change, asks where something is replaced or deleted, carries it
 * out, and proves that the published addresses answer.
 */
export async function up(options: UpOptions): Promise<void> {
  const began = Date.now();
  const times: string[] = [];
  const timed = async <T>(phase: string, work: () => Promise<T>): Promise<T> => {
    const start = Date.now();
    const result = await work();
    times.push(`${phase} ${duration(Date.now() - start)}`);
    return result;
  };
  const again = commandLine("up", options);

  const { site, env, report } = await timed("machine", () =>
    prepare(options, { docker: true, pulumi: true, baseImage: true }, { rebuild: options.rebuild, deploys: true }),
  );
  const client = dockerClient(dockerHost(site));
  const deployment = await currentDeployment();
  const before = readRecord(site);
  await confirmTakeover(site, options, otherDeployer(before ?? deployment, deployment));
  if (options.rebuild) setInStackFile(site, "imageRevision", deployment.time);

  const stack = await openStack(site, env);
  await recover(site, env);
  await refuseLostVolumes(client, readState(site)?.dataVolumes ?? [], options.emptyVolume, again);
  const configFile = site.stackFile;
  const isDeployed = (readState(site)?.containers.length ?? 0) > 0;
  const drifts = isDeployed ? await findDrift(client, await readDeclared(site.stack, env)) : [];
  const replace = driftedUrns(drifts);
  const preview = await timed("preview", () =>
    report.step("Comparing the settings with what is there", "to say what would change", () =>
      runEngine((engine) => stack.preview({ ...engine, configFile, diff: true, replace }), { again }),
    ),
  );
  for (const warning of preview.warnings) remark(coloured("yellow", `Warning: ${warning}`));
  for (const line of driftLines(drifts)) say(line);
  for (const line of summarise(preview.plan)) say(line);

  const formerOutputs = await stack.outputs();
  let outputs = formerOutputs;
  if (changeCount(preview.result.changeSummary) > 0) {
    await refuseForeignNames(client, preview.plan, readState(site)?.stateId);
    const volumes = [...(before?.volumes ?? []), ...options.useVolume, ...options.emptyVolume];
    await refuseFoundVolumes(client, preview.plan, volumes, again);
    if (isDestructive(preview.plan) || drifts.some(({ foreign }) => foreign)) {
      say();
      say(withoutRefresh(preview.output));
      await consent("Replace or remove this?", options);
    }
    writeRecord(site, { ...deployment, volumes: [...new Set([...volumes, ...newVolumes(preview.plan)])] });
    const progress = followProgress(report);
    const { result } = await timed("deployment", async () => {
      try {
        return await runEngine((engine) => stack.up({ ...engine, configFile, replace }), {
          again,
          onEvent: progress.onEvent,
        });
      } finally {
        progress.end();
      }
    });
    outputs = result.outputs;
  }

  // A deployment waits for the containers that it makes only, and one without changes for none.
  await refuseUnhealthy(client, site, options, "Deployed");
  const systems = (outputs["systems"]?.value ?? []) as SystemOutput[];
  await timed("probe", () => Promise.all(systems.map((system) => probe(system.title, system.probe))));
  remark(`Times: ${times.join(", ")}`);
  for (const system of systems) {
    remarkOnPassword(system, formerOutputs, outputs, options);
    announce(system, options);
  }
  if (options.attach) await attach(client, site, options, Math.floor(began / 1000));
}

async function confirmTakeover(site: Site, options: UpOptions, before: string | undefined): Promise<void> {
  if (before === undefined || (readState(site)?.containers.length ?? 0) === 0) return;
  const sentence = `The stack "${site.stack}" ${before}.`;
  if (options.yes) remark(sentence);
  await consent(`${sentence} Deploy it from here now?`, options);
}

function remarkOnPassword(
  { superuser, passwordOutput, passwordIsInitial }: SystemOutput,
  before: OutputMap,
  after: OutputMap,
  options: UpOptions,
): void {
  if (superuser === undefined || passwordOutput === undefined || passwordIsInitial !== true) return;
  const former: unknown = before[passwordOutput]?.value;
  if (former === undefined || former === after[passwordOutput]?.value) return;
  const command = commandLine(`superuser password ${superuser}`, options);
  remark(
    `The setting ${passwordOutput} has changed, but users who exist keep their passwords. To set it, type: ${command}`,
  );
}

function announce({ title, url, superuser, passwordOutput }: SystemOutput, options: UpOptions): void {
  if (superuser !== undefined && passwordOutput !== undefined) {
    const command = commandLine(`output ${passwordOutput} --show-secrets`, options);
    say(`Log in as ${superuser}. The password: ${command}`);
  }
  say(coloured("green", `The ${title} application is running at ${url}`));
}
