import { mkdirSync, rmSync, statSync, utimes } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** A living holder shows itself this often, in milliseconds. */
const HEARTBEAT = 2_000;

/** A lock without a sign of life for so long, in milliseconds, was left behind by a process that was killed. */
const STALE = 15_000;

/**
 * Does a piece of work while no other process does it. A folder serves as lock; making one either succeeds or fails.
 * Caution: after a process was suspended or killed two may work at once in rare cases, so publish a result by one rename.
 *
 * @template T
 * @param {string} folder - in an existing or missing parent
 * @param {() => void} onWait - called once when another process holds the lock
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(folder, onWait, work) {
  mkdirSync(dirname(folder), { recursive: true });
  let told = false;
  while (!take(folder)) {
    if (!told) onWait();
    told = true;
    await sleep(HEARTBEAT / 4);
  }
  const heartbeat = setInterval(() => {
    // it fails only where another process took this lock for stale, when this one was suspended
    utimes(folder, new Date(), new Date(), () => {});
  }, HEARTBEAT);
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * @param {string} folder
 * @returns {boolean}
 */
function take(folder) {
  try {
    mkdirSync(folder);
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== "EEXIST") throw error;
  }
  const age = Date.now() - (statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
  if (age > STALE) rmSync(folder, { recursive: true, force: true });
  return false;
}
