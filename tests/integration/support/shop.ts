import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Deployment } from "./deployment.ts";
import { exec } from "./docker.ts";
import { freePorts } from "./ports.ts";
import { assertExit } from "./processes.ts";
import type { Sandbox } from "./sandbox.ts";

/** The program of `tests/fixtures/upgrade`, for a sandbox. */
export const shopProgram = "tests/fixtures/upgrade/index.ts";

/** What goes wrong in a release; see the program. */
export type Fault = "migration" | "service" | "address" | "database";

/** An entry of `slipway history --json`, as far as tests look at it. */
export interface HistoryEntry {
  number: number;
  kind: string;
  result: string;
  backup?: string;
  safety?: string[];
}

/** A step in an upgrade's journal. */
export interface JournalStep {
  way: "forward" | "back";
  step: string;
}

/** All that an upgrade must bring forward as a whole or leave as it was. */
export interface Data {
  dump: string;
  files: string;
}

/** A stack with the system of `tests/fixtures/upgrade`: a database, its migration, and a web server with files. */
export class Shop extends Deployment {
  readonly port: number;

  /** Writes the stack's file. */
  static async prepare(sandbox: Sandbox): Promise<Shop> {
    const [port = 0] = await freePorts(1);
    return new Shop(sandbox, port);
  }

  private constructor(sandbox: Sandbox, port: number) {
    super(sandbox, { settings: { hostAddress: "127.0.0.1", hostPort: port } });
    this.port = port;
  }

  /** Makes the clone a release of the program, which may have a fault. */
  release(version: number, fault?: Fault): void {
    const file = join(this.sandbox.clone, "tests/fixtures/upgrade/version.json");
    writeFileSync(file, `${JSON.stringify({ version })}\n`);
    this.sandbox.editStackFile(this.stack, { "upgrade:fault": fault });
  }

  /** What the web server says of its version, from outside. */
  async servedVersion(): Promise<string> {
    const response = await fetch(`http://127.0.0.1:${this.port}/version`);
    return (await response.text()).trim();
  }

  async data(): Promise<Data> {
    const dump = ["mariadb-dump", "--defaults-extra-file=/run/secrets/client.cnf", "--skip-dump-date", "things"];
    const files = ["sh", "-c", "cd /data; for file in *; do printf '%s: ' $file; cat $file; echo; done"];
    return {
      dump: assertExit(await exec(`${this.name}-database`, dump), 0).stdout,
      files: assertExit(await exec(`${this.name}-web`, files), 0).stdout,
    };
  }

  /** Writes as users do: to the database, and to the files. */
  async write(words: string): Promise<void> {
    await this.#query(`INSERT INTO thing (name) VALUES ('${words}')`);
    assertExit(await exec(`${this.name}-web`, ["sh", "-c", `echo '${words}' >>/data/written`]), 0);
  }

  /** What users wrote to the database, as migrations have left it: each appends its version. */
  async things(): Promise<string[]> {
    return (await this.#query("SELECT name FROM thing ORDER BY id")).trimEnd().split("\n");
  }

  /** The version of the schema. */
  async schemaVersion(): Promise<number> {
    return Number(await this.#query("SELECT MAX(number) FROM version"));
  }

  /** The deployments, the first one first. */
  async history(): Promise<HistoryEntry[]> {
    const { stdout } = assertExit(await this.slipway("history", "--json"), 0);
    return JSON.parse(stdout) as HistoryEntry[];
  }

  /** The steps that an upgrade under way, or one that was killed, has begun; none when there is no such. */
  begunSteps(): JournalStep[] {
    const file = join(this.sandbox.home, "deployments", this.stack, "journal.json");
    try {
      return (JSON.parse(readFileSync(file, "utf8")) as { steps: JournalStep[] }).steps;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    }
  }

  async #query(statement: string): Promise<string> {
    const client = ["mariadb", "--defaults-extra-file=/run/secrets/client.cnf", "--batch", "--skip-column-names"];
    const command = [...client, `--execute=${statement}`, "things"];
    return assertExit(await exec(`${this.name}-database`, command), 0).stdout;
  }
}
