import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { readRecord, type DeploymentRecord } from "../deployment/record.ts";
import type { Site } from "../site.ts";
import { writeDurably, writeJsonDurably } from "./durable-file.ts";

/** What made a deployment. */
export type DeploymentKind = "up" | "upgrade" | "rollback";

/** How a deployment ended. `interrupted`: nobody ended it, and another began. */
export type DeploymentResult = "unfinished" | "succeeded" | "failed" | "rolled back" | "interrupted";

/** A service as a deployment left it. */
export interface DeployedService {
  /** The image's reference. */
  image: string;
  /** The image's id in Docker. */
  imageId: string;
  isDatabase: boolean;
  /** Names of the volumes that hold its data. */
  volumes: string[];
}

/** A deployment in a stack's history. */
export interface Entry extends DeploymentRecord {
  version: 1;
  number: number;
  kind: DeploymentKind;
  result: DeploymentResult;
  /** When it ended, in ISO 8601. */
  ended?: string;
  /** What changed, in plain words. */
  summary: string[];
  /** What its program is kept by. */
  program: string;
  /** Number of the deployment that ran before. */
  former?: number;
  /** Number of the deployment that a rollback brought again. */
  backTo?: number;
  /** File with the data as they were before. */
  backup?: string;
  /** Files with the data that were replaced, as they were just before. */
  safety?: string[];
  /** The services by system and name, such as `clinic/mysql`. */
  services: Record<string, DeployedService>;
  /** URNs of what was protected in the state. */
  kept: string[];
}

/** What is known of a deployment when it begins. */
export type NewEntry = DeploymentRecord & Pick<Entry, "kind" | "summary" | "program" | "former" | "backTo">;

const digits = 4;

function entryFolder({ deploymentsFolder }: Site, number: number): string {
  return join(deploymentsFolder, String(number).padStart(digits, "0"));
}

function numbers({ deploymentsFolder }: Site): number[] {
  if (!statSync(deploymentsFolder, { throwIfNoEntry: false })?.isDirectory()) return [];
  return readdirSync(deploymentsFolder)
    .filter((name) => /^\d{4,}$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

/** The file with the settings of a deployment, secrets in it encrypted as always. */
export function settingsOf(site: Site, number: number): string {
  return join(entryFolder(site, number), `Pulumi.${site.stack}.yaml`);
}

/** All deployments of a stack, oldest first. */
export function readHistory(site: Site): Entry[] {
  return numbers(site).flatMap((number) => {
    const file = join(entryFolder(site, number), "entry.json");
    return existsSync(file) ? [JSON.parse(readFileSync(file, "utf8")) as Entry] : [];
  });
}

/** The deployment of a number. */
export function readEntry(site: Site, number: number): Entry | undefined {
  return readHistory(site).find((entry) => entry.number === number);
}

/** The deployment that a stack runs, as far as its commands know: the last that succeeded. */
export function presentDeployment(history: readonly Entry[]): Entry | undefined {
  return history.findLast(({ result }) => result === "succeeded");
}

/** The references of the images that a stack's services were deployed with last. */
export function deployedImages(history: readonly Entry[]): ReadonlySet<string> {
  return new Set(Object.values(presentDeployment(history)?.services ?? {}).map(({ image }) => image));
}

/** The deployment that the present one took the place of. */
export function deploymentBefore(history: readonly Entry[]): Entry | undefined {
  const present = presentDeployment(history);
  return history.findLast(({ number, result }) => result === "succeeded" && number < (present?.number ?? 0));
}

/** The newest backup of the data that were there when a deployment was left. */
export function dataOf(history: readonly Entry[], number: number): string | undefined {
  return history.findLast(({ former, backup }) => former === number && backup !== undefined)?.backup;
}

/** Who deployed a stack last; nothing before the first deployment by `slipway up`. */
export function lastDeployer(site: Site): DeploymentRecord | undefined {
  return readHistory(site).at(-1) ?? readRecord(site);
}

/**
 * Notes that a deployment begins.
 *
 * @param settings text of the stack's file
 */
export function beginEntry(site: Site, begun: NewEntry, settings: string): Entry {
  const number = (numbers(site).at(-1) ?? 0) + 1;
  const entry: Entry = { version: 1, number, ...begun, result: "unfinished", services: {}, kept: [] };
  writeDurably(settingsOf(site, number), settings);
  writeJsonDurably(join(entryFolder(site, number), "entry.json"), entry);
  return entry;
}

/** Notes what has become known of a deployment. */
export function updateEntry(site: Site, number: number, more: Partial<Entry>): void {
  const entry = readEntry(site, number);
  if (entry === undefined) return;
  writeJsonDurably(join(entryFolder(site, number), "entry.json"), { ...entry, ...more });
}

/** Notes how a deployment ended. */
export function endEntry(site: Site, number: number, result: DeploymentResult, more: Partial<Entry> = {}): void {
  updateEntry(site, number, { ...more, result, ended: new Date().toISOString() });
}

/** Notes of the deployments that nobody ended that they were interrupted. */
export function endInterrupted(site: Site): void {
  for (const { number, result } of readHistory(site)) {
    if (result === "unfinished") endEntry(site, number, "interrupted");
  }
}
