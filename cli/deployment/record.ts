import { existsSync, readFileSync, rmSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { projectRoot } from "../../toolchain/root.js";
import { run } from "../../toolchain/run.js";
import type { Site } from "../site.ts";

/** Who deployed a stack last, and from where. */
export interface DeploymentRecord {
  user: string;
  /** The machine's name. */
  machine: string;
  /** Folder of the clone. */
  clone: string;
  /** The clone's commit; absent where Git does not tell. */
  commit?: string;
  /** When, in ISO 8601. */
  time: string;
  /** The volumes for data that the stack made or was to make: a killed deployment leaves some that no state names. */
  volumes?: string[];
}

/** Says who is about to deploy. */
export async function currentDeployment(): Promise<DeploymentRecord> {
  const commit = await run("git", ["rev-parse", "HEAD"], { cwd: projectRoot }).catch(() => undefined);
  return {
    user: userInfo().username,
    machine: hostname(),
    clone: projectRoot,
    ...(commit !== undefined && { commit: commit.trim() }),
    time: new Date().toISOString(),
  };
}

/** Reads who deployed a stack last, as versions without a history noted it. */
export function readRecord({ recordFile }: Site): DeploymentRecord | undefined {
  return existsSync(recordFile) ? (JSON.parse(readFileSync(recordFile, "utf8")) as DeploymentRecord) : undefined;
}

/** Forgets who deployed a stack, and its history. */
export function removeHistory({ recordFile, deploymentsFolder }: Site): void {
  rmSync(recordFile, { force: true });
  rmSync(deploymentsFolder, { recursive: true, force: true });
}

/** Says who deployed before, when that was another user, machine or clone. */
export function otherDeployer(before: DeploymentRecord, now: DeploymentRecord): string | undefined {
  const differs = (["user", "machine", "clone"] as const).some((key) => before[key] !== now[key]);
  if (!differs) return undefined;
  const commit = before.commit === undefined ? "" : ` (commit ${before.commit.slice(0, 12)})`;
  return `was last deployed by ${before.user} on ${before.machine}, from the clone ${before.clone}${commit}, at ${before.time}`;
}
