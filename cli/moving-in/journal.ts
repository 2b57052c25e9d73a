import { existsSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import type Docker from "dockerode";
import { exitCode, Failure } from "../failure.ts";
import type { Site } from "../site.ts";
import { writeJsonDurably } from "../upgrade/durable-file.ts";

/** A container of an installation, as it was before its take-over began. */
export interface FormerContainer {
  id: string;
  name: string;
  service: string;
  isRunning: boolean;
  /** When Docker starts it again, whole: `on-failure` has a number. */
  restartPolicy: Docker.HostRestartPolicy;
}

/** The data of an installation's database, of which the stack's server takes charge. */
export interface FormerData {
  /** The database's service. */
  service: string;
  volume: string;
  /** The user whose the files were. */
  userId: number;
  /** The stack's own volume, where the data are copied to; absent: the stack mounts the installation's volume. */
  copyTo?: string;
  /** Where the files were saved. Once they are, they are not as they were. */
  backup?: string;
  /** The copy is complete. Once it is, the stack may have changed it. */
  isCopied?: true;
}

/**
 * What is known of a take-over from before its first step on, so that it can go on, or go back, after this process was
 * killed at any moment. Nothing in it is secret.
 */
export interface Journal {
  version: 1;
  /** Docker Compose's name for the installation. */
  project: string;
  /** When, in ISO 8601. */
  began: string;
  /** What to type. */
  commands: { goOn: string; goBack: string };
  /** In the order in which they are started: the database first. */
  containers: FormerContainer[];
  /** Absent where the database is elsewhere. */
  data?: FormerData;
}

/** Where the journal of a stack's unfinished take-over is: beside the state. */
export function journalFile({ stack, folders }: Site): string {
  return join(dirname(folders.state), "take-overs", `${stack}.json`);
}

/** Reads the journal of a take-over that is unfinished; nothing where none is. */
export function readJournal(site: Site): Journal | undefined {
  const file = journalFile(site);
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Journal) : undefined;
}

/** Says that a take-over is unfinished, and what to type; nothing where none is. */
export function unfinishedTakeOver(journal: Journal | undefined): string | undefined {
  if (journal === undefined) return undefined;
  const { project, began, commands } = journal;
  return [
    `the take-over of ${project} that began at ${began} is unfinished.`,
    `  to go on:   ${commands.goOn}`,
    `  to go back: ${commands.goBack}`,
  ].join("\n");
}

/**
 * Refuses to do anything else with a stack while a take-over into it is unfinished.
 *
 * @throws Failure with exit code 2 when one is, with what to type.
 */
export function refuseUnfinishedTakeOver(site: Site): void {
  const problem = unfinishedTakeOver(readJournal(site));
  if (problem !== undefined) throw new Failure(`Nothing was changed: ${problem}`, exitCode.usage);
}

/** Writes the journal: on the disk, and whole at every moment. */
export function writeJournal(site: Site, journal: Journal): void {
  writeJsonDurably(journalFile(site), journal);
}

/** Forgets a take-over that has come to its end. */
export function removeJournal(site: Site): void {
  rmSync(journalFile(site), { force: true });
}
