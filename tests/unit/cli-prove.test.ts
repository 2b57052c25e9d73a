import assert from "node:assert/strict";
import { Readable, Writable } from "node:stream";
import type { BackupTools } from "../../cli/backup/backup-tools.ts";
import { prove, type Restored } from "../../cli/backup/load-stack.ts";
import type { Report } from "../../toolchain/report.js";

const report = {
  step: (_: string, __: string, work: (detail: () => void) => unknown) => work(() => undefined),
} as unknown as Report;

/** Proves a database with one table, and tells which commands were run for it. */
async function proven(comparable: boolean, rows: string): Promise<string[]> {
  const asked: string[] = [];
  const tools = {
    ask: (_: unknown, [command = ""]: string[]) => {
      asked.push(command);
      return Promise.resolve(rows);
    },
    execIn: (_: unknown, [command = ""]: string[]) => {
      asked.push(command);
      const stdin = new Writable({
        write: (_chunk, _encoding, done) => {
          done();
        },
      });
      return {
        stdin,
        stdout: Readable.from([Buffer.from("a dump\n")]),
        ended: Promise.resolve(),
        kill: () => undefined,
      };
    },
  } as unknown as BackupTools;
  const part = { kind: "database", system: "clinic", service: "db" } as const;
  const to = { part, member: { id: "1", name: "db" }, database: { dump: ["dump"], rows: ["rows"] } };
  const saved = { bytes: 7, sha256: "", proof: { kind: "database", rows: { visits: [2, 3] }, dump: "another" } };
  await prove(tools, { part, to, saved, comparable } as unknown as Restored, report);
  return asked;
}

describe("what was restored of a database", () => {
  it("is proven by its rows alone where a dump of equal data would be another", async () => {
    assert.deepEqual(await proven(false, "visits\t3\n"), ["rows"]);
    await assert.rejects(proven(false, "visits\t4\n"), /visits has 4 rows; saved were 2 to 3/);
  });

  it("is dumped and compared where it would be the same", async () => {
    await assert.rejects(proven(true, "visits\t3\n"), /a dump of it is another than the saved one/);
  });
});
