import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { duration } from "../../toolchain/report.js";
import type { Site } from "../site.ts";
import { writeJsonDurably } from "./durable-file.ts";
import type { DeploymentKind } from "./history.ts";

/** The steps of an upgrade that change something, in their order; on the way back there are those from `data` on. */
export const steps = ["backup", "images", "data", "deploy", "load", "health", "probe"] as const;

export type Step = (typeof steps)[number];

/** A container that runs on data, as it was before. */
export interface Placed {
  container: string;
  /** Its id in Docker; nothing where there was none. */
  id?: string;
}

/** How far an upgrade is. */
export interface Journal {
  version: 1;
  /** Number of its deployment. */
  number: number;
  kind: DeploymentKind;
  way: "forward" | "back";
  step: Step;
  /** When each step began, in ISO 8601. */
  steps: { way: "forward" | "back"; step: Step; began: string }[];
  /** Number of the deployment that is gone back to when this one fails. */
  former?: number;
  /** Number of the deployment that a rollback brings again. */
  target?: number;
  /** File with the data as they were before. */
  backup?: string;
  /** File with the private key that opens it, where it is encrypted; removed at the end. */
  identity?: string;
  /** The data that a rollback brings again. */
  data?: BackupReference;
  /** Files with the data that were replaced, as they were just before. */
  safety: string[];
  /** Whether these are complete. */
  isSaved: boolean;
  /** Whether the data that this way brings are in their places: what is written from then on must not be replaced again. */
  isLoaded: boolean;
  /** Whether a step that may change data has begun. */
  touched: boolean;
  /** The containers of such steps, as they were before. */
  placed: Placed[];
  /** Why it failed. */
  failure?: string;
}

/** A backup, and the file with the private key that opens it. */
export interface BackupReference {
  file: string;
  identity?: string;
}

/**
 * What is to be done about an upgrade that was interrupted: begin `anew`, because nothing was changed yet; go on `forward`,
 * with the same backup, because data may have been changed; or go on going `back`.
 */
export function whatNext({ way, step }: Pick<Journal, "way" | "step">): "anew" | "forward" | "back" {
  if (way === "back") return "back";
  return step === "backup" || step === "images" ? "anew" : "forward";
}

/** Whether data may have been changed, by the containers that there are now: by name, their ids. */
export function isTouched({ touched, placed }: Pick<Journal, "touched" | "placed">, now: ReadonlyMap<string, string>) {
  return touched || placed.some(({ container, id }) => id === undefined || now.get(container) !== id);
}

/** The journal of a stack's upgrade: on the disk, whatever happens, before the step that it names begins. */
export class JournalFile {
  readonly #file: string;
  #current: Journal;

  private constructor(file: string, journal: Journal) {
    this.#file = file;
    this.#current = journal;
  }

  static #fileOf({ deploymentsFolder }: Site): string {
    return join(deploymentsFolder, "journal.json");
  }

  static begin(
    site: Site,
    begun: Pick<Journal, "number" | "kind" | "former" | "target" | "data" | "placed">,
  ): JournalFile {
    const journal: Journal = {
      version: 1,
      way: "forward",
      step: "backup",
      steps: [],
      safety: [],
      isSaved: false,
      isLoaded: false,
      touched: false,
      ...begun,
    };
    return new JournalFile(JournalFile.#fileOf(site), journal);
  }

  /** The journal of an upgrade that was interrupted; nothing when there is none. */
  static open(site: Site): JournalFile | undefined {
    const file = JournalFile.#fileOf(site);
    return existsSync(file) ? new JournalFile(file, JSON.parse(readFileSync(file, "utf8")) as Journal) : undefined;
  }

  get current(): Journal {
    return this.#current;
  }

  set(more: Partial<Journal>): void {
    this.#current = { ...this.#current, ...more };
    writeJsonDurably(this.#file, this.#current);
  }

  /** Turns round, because of a failure. */
  turnBack(more: Partial<Journal>): void {
    this.set({ way: "back", isSaved: false, isLoaded: false, ...more });
  }

  /** Does a step, and notes before that it begins. */
  async step<T>(step: Step, work: () => Promise<T>): Promise<T> {
    const { way, steps: before } = this.#current;
    this.set({ step, steps: [...before, { way, step, began: new Date().toISOString() }] });
    return work();
  }

  /** How long the steps took that were begun, such as `backup 4 s`. */
  times(now = Date.now()): string[] {
    const { steps: begun } = this.#current;
    return begun.map(({ way, step, began }, index) => {
      const end = Date.parse(begun[index + 1]?.began ?? new Date(now).toISOString());
      return `${way === "back" ? "back: " : ""}${step} ${duration(end - Date.parse(began))}`;
    });
  }

  remove(): void {
    const { identity } = this.#current;
    rmSync(this.#file, { force: true });
    if (identity !== undefined) rmSync(identity, { force: true });
  }
}
