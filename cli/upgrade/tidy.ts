import { existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Site } from "../site.ts";
import { presentDeployment, readHistory, type Entry } from "./history.ts";

/** So many of a stack's newest deployments are kept with their program, and so many of the newest backups before upgrades. */
export const kept = 20;

/** How long ago a program has to have been used last, in milliseconds: another stack may just be about to name it. */
const settled = 24 * 60 * 60 * 1000;

/**
 * Removes the programs that no newer deployment of any stack names, nor the present one, and the backups that older upgrades
 * of this stack made.
 */
export function tidy(site: Site, now = Date.now()): void {
  const stacks = dirname(site.deploymentsFolder);
  const named = new Set(
    readdirSync(stacks).flatMap((stack) => {
      const history = readHistory({ ...site, stack, deploymentsFolder: join(stacks, stack) });
      return [...history.slice(-kept), presentDeployment(history)].map((entry) => entry?.program);
    }),
  );
  const programs = existsSync(site.programsFolder) ? readdirSync(site.programsFolder) : [];
  for (const program of programs) {
    const folder = join(site.programsFolder, program);
    if (!named.has(program) && now - statSync(folder).mtimeMs > settled)
      rmSync(folder, { recursive: true, force: true });
  }
  for (const file of superfluousBackups(readHistory(site))) rmSync(file, { force: true });
}

/** The backups that upgrades made, but for the newest: deployments that made none do not count. */
function superfluousBackups(history: readonly Entry[]): string[] {
  const backups = history.flatMap(({ backup }) => (backup === undefined ? [] : [backup]));
  return backups.slice(0, -kept);
}
