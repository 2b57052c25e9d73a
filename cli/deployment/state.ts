import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { label } from "../../components/labels.ts";
import { isDataVolume, isStateId, labelsOf, resourceType } from "./resources.ts";
import { projectName, type Site } from "../site.ts";

/** An operation that a killed deployment was in the middle of. */
export interface PendingOperation {
  /** Such as `creating`. */
  type: string;
  urn: string;
}

/** A container that the state holds. */
export interface StoredContainer {
  /** Id in Docker. */
  id: string;
  name: string;
  /** The service or task that it belongs to; nothing for a carrier of files. */
  member?: string;
}

/** What Pulumi's state of a stack says, as far as it can be read without the engine and the passphrase. */
export interface StoredState {
  /** How many resources there are. */
  resources: number;
  /** The id that the stack's containers and networks carry; nothing before the first deployment. */
  stateId?: string;
  pending: PendingOperation[];
  containers: StoredContainer[];
  /** Names in Docker of the volumes that hold data. */
  dataVolumes: string[];
}

interface StoredResource {
  urn: string;
  type: string;
  id?: string;
  inputs?: Record<string, unknown>;
  outputs?: Record<string, unknown>;
  protect?: boolean;
}

interface Checkpoint {
  checkpoint: {
    latest?: {
      resources?: StoredResource[];
      pending_operations?: { type: string; resource: StoredResource }[];
    };
  };
}

/** Reads a checkpoint of Pulumi's file backend, the JSON file that holds a stack's state. */
export function parseCheckpoint(text: string): StoredState {
  const { latest } = (JSON.parse(text) as Checkpoint).checkpoint;
  const resources = latest?.resources ?? [];
  const ofType = (type: string) => resources.filter((resource) => resource.type === type);
  const stateId = resources.find(({ urn }) => isStateId(urn))?.outputs?.["hex"];
  return {
    resources: resources.length,
    ...(typeof stateId === "string" && { stateId }),
    pending: (latest?.pending_operations ?? []).map(({ type, resource }) => ({ type, urn: resource.urn })),
    containers: ofType(resourceType.container).map(({ id = "", inputs }) => {
      const labels = labelsOf(inputs);
      const member = labels.get(label.service) ?? labels.get(label.task);
      return { id, name: String(inputs?.["name"]), ...(member !== undefined && { member }) };
    }),
    dataVolumes: ofType(resourceType.volume)
      .filter(({ urn }) => isDataVolume(urn))
      .map(({ inputs }) => String(inputs?.["name"])),
  };
}

/** Where Pulumi keeps the state of a stack. */
export function stateFile({ stack, folders }: Site): string {
  return join(folders.state, ".pulumi", "stacks", projectName, `${stack}.json`);
}

/** Reads the state of a stack; nothing when the stack does not exist. */
export function readState(site: Site): StoredState | undefined {
  const file = stateFile(site);
  return existsSync(file) ? parseCheckpoint(readFileSync(file, "utf8")) : undefined;
}

/** The URNs of what the state protects from being deleted. */
export function readProtected(site: Site): string[] {
  const file = stateFile(site);
  if (!existsSync(file)) return [];
  const { latest } = (JSON.parse(readFileSync(file, "utf8")) as Checkpoint).checkpoint;
  return (latest?.resources ?? []).filter(({ protect }) => protect === true).map(({ urn }) => urn);
}

/** How the last operation on a stack ended, in Pulumi's words: `succeeded` or `failed`. */
export interface LastUpdate {
  kind: string;
  result: string;
  /** When it ended. */
  time: Date;
}

/** How the last operation on a stack ended, whoever started it; nothing before the first one. */
export function readLastUpdate({ stack, folders }: Site): LastUpdate | undefined {
  const folder = join(folders.state, ".pulumi", "history", projectName, stack);
  if (!existsSync(folder)) return undefined;
  // The names hold the time in nanoseconds.
  const [newest] = readdirSync(folder)
    .filter((name) => name.endsWith(".history.json"))
    .sort()
    .reverse();
  if (newest === undefined) return undefined;
  const { kind, result, endTime } = JSON.parse(readFileSync(join(folder, newest), "utf8")) as {
    kind: string;
    result: string;
    endTime: number;
  };
  return { kind, result, time: new Date(endTime * 1000) };
}
