import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { Failure } from "../failure.ts";
import { projectName, type Site } from "../site.ts";

/** What Pulumi's file backend writes into the lock of a stack. */
export interface EngineLock {
  pid: number;
  username: string;
  hostname: string;
  /** When the deployment began, in ISO 8601. */
  timestamp: string;
}

/** `left behind`: its process has ended. `held`: it runs. `elsewhere`: another machine's, of which nothing is known. */
export type LockState = "left behind" | "held" | "elsewhere";

/** Tells a lock that a killed deployment left behind from one that is in use. */
export function lockState(lock: EngineLock, machine: { hostname: string; runs: (pid: number) => boolean }): LockState {
  if (lock.hostname !== machine.hostname) return "elsewhere";
  return machine.runs(lock.pid) ? "held" : "left behind";
}

/**
 * Whether a process is a running engine: on Linux one of another name has only got the same number later, and one in
 * state Z (see proc(5)) has ended, though nobody has asked for its exit code yet.
 */
function engineRuns(pid: number): boolean {
  const file = `/proc/${pid}/stat`;
  if (existsSync("/proc/self/stat")) {
    return existsSync(file) && /^\d+ \(pulumi.*\) [^ZX]/.test(readFileSync(file, "utf8"));
  }
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/**
 * Removes the locks of a stack that killed deployments left behind.
 *
 * @returns the removed locks.
 * @throws Failure when another deployment is under way, or may be on another machine.
 */
export function clearLocks({ stack, folders }: Site): EngineLock[] {
  const folder = join(folders.state, ".pulumi", "locks", "organization", projectName, stack);
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".json")) : [];
  return files.map((name) => {
    const file = join(folder, name);
    const lock = JSON.parse(readFileSync(file, "utf8")) as EngineLock;
    const state = lockState(lock, { hostname: hostname(), runs: engineRuns });
    const owner = `${lock.username} (process ${lock.pid} on ${lock.hostname})`;
    if (state === "held") {
      throw new Failure(
        `${owner} has been deploying the stack "${stack}" since ${lock.timestamp}. Wait for it to end.`,
      );
    }
    if (state === "elsewhere") {
      throw new Failure(
        `${owner} began to deploy the stack "${stack}" at ${lock.timestamp}, and this machine cannot tell whether it ` +
          `still does. If it does not, type: rm '${file}'`,
      );
    }
    rmSync(file, { force: true });
    return lock;
  });
}
