import type { OutputMap, Stack } from "@pulumi/pulumi/automation/index.js";
import type { EngineEvent } from "@pulumi/pulumi/automation/index.js";
import type { Unwrap } from "@pulumi/pulumi";
import type Docker from "dockerode";
import type { SystemSummary } from "../../systems/summary.ts";
import type { Report } from "../../toolchain/report.js";
import { backupTools, type BackupTools } from "../backup/backup-tools.ts";
import { readBackupSettings } from "../backup/backup-settings.ts";
import { runEngine } from "../deployment/engine.ts";
import { probe } from "../deployment/probe.ts";
import { followProgress } from "../deployment/progress.ts";
import { openStack, recover } from "../deployment/stack.ts";
import { readState } from "../deployment/state.ts";
import { listMembers } from "../docker/containers.ts";
import type { Deployed } from "../docker/deployed.ts";
import { refuseUnhealthy } from "../docker/health.ts";
import type { CommonOptions, Site } from "../site.ts";

/** What every part of a deployment works with. */
export interface Context {
  site: Site;
  options: CommonOptions;
  /** The environment variables for Pulumi. */
  env: Record<string, string>;
  client: Docker;
  /** URL of the Docker engine. */
  host: string;
  report: Report;
  /** What to type to do the same again. */
  again: string;
}

/** What the program says of a system, as the stack output `systems` holds it. */
export type SystemOutput = Unwrap<SystemSummary>;

/** A program with settings. */
export interface Source {
  /** Folder of the program. */
  program: string;
  /** The file with the settings. */
  settings: string;
  /** URNs of what is made anew though it is declared as before. @default none */
  replace?: string[];
}

/** The stack's services and tasks as they are now. */
export async function deployedNow({ site, client, host }: Context): Promise<Deployed> {
  return { site, host, client, members: await listMembers(client, site.stack, readState(site)) };
}

/** The tools for a stack's data, made ready where they are missing. */
export function toolsOf({ site, client, host, report }: Context): Promise<BackupTools> {
  return backupTools(client, host, site.stack, readBackupSettings(site).image, report);
}

/** Opens a stack for a program, after what a killed deployment left was cleared. */
export async function stackOf({ site, env }: Context, program: string): Promise<Stack> {
  const stack = await openStack(site, env, program);
  await recover(site, env);
  return stack;
}

/** Lets the engine bring a stack to a program and its settings. */
export async function runUp(
  context: Context,
  { program, settings, replace = [] }: Source,
  onEvent: (event: EngineEvent) => void = () => undefined,
): Promise<OutputMap> {
  const stack = await stackOf(context, program);
  const progress = followProgress(context.report);
  try {
    const { result } = await runEngine((engine) => stack.up({ ...engine, configFile: settings, replace }), {
      again: context.again,
      onEvent: (event) => {
        onEvent(event);
        progress.onEvent(event);
      },
    });
    return result.outputs;
  } finally {
    progress.end();
  }
}

/** Waits for the health of all services: a deployment waits for the containers that it makes only. */
export function checkHealth({ client, site, options }: Context): Promise<void> {
  return refuseUnhealthy(client, site, options, "Deployed");
}

export function systemsOf(outputs: OutputMap): SystemOutput[] {
  return (outputs["systems"]?.value ?? []) as SystemOutput[];
}

/** Tries the published addresses from outside. */
export async function probeAll(outputs: OutputMap): Promise<void> {
  await Promise.all(systemsOf(outputs).map((system) => probe(system.title, system.probe)));
}
