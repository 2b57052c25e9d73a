import { setTimeout as sleep } from "node:timers/promises";

/** Waits until something is so, looking five times a second; fails when the time is up. */
export async function until(what: string, seconds: number, isSo: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`Waited ${seconds} s in vain until ${what}.`);
    await sleep(200);
  }
}
