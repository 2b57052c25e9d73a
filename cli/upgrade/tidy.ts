import { existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Site } from "../site.ts";
import { readHistory, type Entry } from "./history.ts";

/** So many of a stack's newest deployments are kept whole: with their program and the backup that was made before them. */
export const keptWhole = 20;

/** How long ago a program has to have been used last, in milliseconds: another stack may just be about to name it. */
const settled = 24 * 60 * 60 * 1000;

/** Removes the programs that no newer deployment of any stack names, and the backups that older upgrades of this one made. */
export function tidy(site: Site, now = Date.now()): void {
  const stacks = dirname(site.deploymentsFolder);
  const newest = readdirSync(stacks).flatMap((stack) =>
    readHistory({ ...site, stack, deploymentsFolder: join(stacks, stack) }).slice(-keptWhole),
  );
  const named = new Set(newest.map(({ program }) => program));
  const programs = existsSync(site.programsFolder) ? readdirSync(site.programsFolder) : [];
  for (const program of programs) {
    const folder = join(site.programsFolder, program);
    if (!named.has(program) && now - statSync(folder).mtimeMs > settled)
      rmSync(folder, { recursive: true, force: true });
  }
  for (const file of superfluousBackups(readHistory(site))) rmSync(file, { force: true });
}

/** The backups that upgrades made, but for those of the newest deployments. */
export function superfluousBackups(history: readonly Entry[]): string[] {
  const backups = (entries: readonly Entry[]) =>
    entries.flatMap(({ backup }) => (backup === undefined ? [] : [backup]));
  const kept = new Set(backups(history.slice(-keptWhole)));
  return backups(history.slice(0, -keptWhole)).filter((file) => !kept.has(file));
}
