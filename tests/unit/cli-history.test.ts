import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { detailsOf } from "../../cli/history.ts";
import { siteOf, type Site } from "../../cli/site.ts";
import {
  beginEntry,
  dataOf,
  deploymentBefore,
  endEntry,
  endInterrupted,
  lastDeployer,
  presentDeployment,
  readEntry,
  readHistory,
  settingsOf,
  updateEntry,
  type Entry,
  type NewEntry,
} from "../../cli/upgrade/history.ts";
import { kept, tidy } from "../../cli/upgrade/tidy.ts";
import { keepProgram, keptProgram, programHash } from "../../cli/upgrade/program.ts";

const begun: NewEntry = {
  user: "eva",
  machine: "lab",
  clone: "/clone",
  time: "2026-01-31T12:00:00.000Z",
  kind: "up",
  summary: ["clinic: creates 2 services"],
  program: "abc",
  volumes: ["clinic-data"],
};

describe("a stack's history", () => {
  let home: string;
  let site: Site;

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), "slipway-history-test-"));
    site = siteOf({ stack: "dev", home });
  });

  afterEach(() => {
    rmSync(home, { recursive: true });
  });

  it("keeps each deployment with its settings, for its owner alone", () => {
    assert.deepEqual(readHistory(site), []);
    const first = beginEntry(site, begun, "config: {}\n");
    assert.deepEqual(first, { version: 1, number: 1, ...begun, result: "unfinished", services: {}, kept: [] });
    updateEntry(site, 1, { backup: "/b" });
    endEntry(site, 1, "succeeded", { kept: ["urn"] });
    const second = beginEntry(site, { ...begun, kind: "upgrade", former: 1 }, "config: { a: 1 }\n");
    assert.equal(second.number, 2);
    const [one, two] = readHistory(site);
    assert.ok(one?.ended !== undefined);
    assert.deepEqual({ ...one, ended: "" }, { ...first, backup: "/b", result: "succeeded", kept: ["urn"], ended: "" });
    assert.deepEqual(two, second);
    assert.deepEqual(readEntry(site, 2), second);
    assert.equal(readEntry(site, 3), undefined);
    assert.equal(readFileSync(settingsOf(site, 1), "utf8"), "config: {}\n");
    assert.equal(settingsOf(site, 2), join(home, "deployments", "dev", "0002", "Pulumi.dev.yaml"));
    assert.equal(statSync(settingsOf(site, 1)).mode & 0o777, 0o600);
  });

  it("leaves out what was killed before it was noted, and gives its number to nobody else", () => {
    mkdirSync(join(home, "deployments", "dev", "0001"), { recursive: true });
    assert.deepEqual(readHistory(site), []);
    assert.equal(beginEntry(site, begun, "").number, 2);
  });

  it("names what was saved of the data, whether the deployment succeeded or not", () => {
    beginEntry(site, { ...begun, kind: "rollback", backTo: 1 }, "");
    updateEntry(site, 1, { backup: "/before", safety: ["/replaced"] });
    endEntry(site, 1, "succeeded");
    assert.deepEqual(detailsOf(readEntry(site, 1)), [
      "clinic: creates 2 services",
      "backup of the data before it: /before",
      "data that were replaced: /replaced",
    ]);
  });

  it("notes of a deployment that nobody ended that it was interrupted", () => {
    beginEntry(site, begun, "");
    endEntry(site, 1, "succeeded");
    beginEntry(site, begun, "");
    endInterrupted(site);
    assert.deepEqual(
      readHistory(site).map(({ result }) => result),
      ["succeeded", "interrupted"],
    );
  });

  it("knows who deployed last, also before there was a history", () => {
    assert.equal(lastDeployer(site), undefined);
    mkdirSync(dirname(site.recordFile), { recursive: true });
    writeFileSync(site.recordFile, JSON.stringify({ user: "old", machine: "m", clone: "/c", time: "t" }));
    assert.equal(lastDeployer(site)?.user, "old");
    beginEntry(site, begun, "");
    assert.equal(lastDeployer(site)?.user, "eva");
  });

  describe("tells", () => {
    const entry = (number: number, result: Entry["result"], more: Partial<Entry> = {}): Entry => ({
      version: 1,
      number,
      ...begun,
      result,
      services: {},
      kept: [],
      ...more,
    });
    const history = [
      entry(1, "succeeded"),
      entry(2, "failed"),
      entry(3, "succeeded", { former: 1, backup: "/of-1" }),
      entry(4, "rolled back", { former: 3, backup: "/of-3-first" }),
      entry(5, "rolled back", { former: 3, backup: "/of-3" }),
      entry(6, "interrupted", { former: 3 }),
    ];

    it("which deployment runs, and which ran before it", () => {
      assert.equal(presentDeployment(history)?.number, 3);
      assert.equal(deploymentBefore(history)?.number, 1);
      assert.equal(presentDeployment([]), undefined);
      assert.equal(deploymentBefore(history.slice(0, 2)), undefined);
    });

    it("which backup holds the data of a deployment: the newest that was made when it was to be left", () => {
      assert.equal(dataOf(history, 1), "/of-1");
      assert.equal(dataOf(history, 3), "/of-3");
      assert.equal(dataOf(history, 4), undefined);
    });
  });

  it("keeps the program that runs, however often another one failed since, and backups however often there was none", () => {
    const past = new Date(Date.now() - 2 * 24 * 60 * 60 * 1000);
    for (const program of ["present", "failed"]) {
      mkdirSync(join(home, "programs", program), { recursive: true });
      utimesSync(join(home, "programs", program), past, past);
    }
    const backup = join(home, "backup");
    writeFileSync(backup, "");
    beginEntry(site, { ...begun, program: "present" }, "");
    endEntry(site, 1, "succeeded", { backup });
    for (let number = 2; number <= kept + 2; number++) {
      beginEntry(site, { ...begun, program: "failed" }, "");
      endEntry(site, number, "failed");
    }
    tidy(siteOf({ stack: "other", home }));
    tidy(site);
    assert.deepEqual(readdirSync(join(home, "programs")).sort(), ["failed", "present"]);
    assert.equal(existsSync(backup), true);
  });

  it("keeps the newest deployments whole, and of the others what was done and the settings", () => {
    const programs = ["old", "other stack's", "new", "just made"];
    for (const program of programs) mkdirSync(join(home, "programs", program), { recursive: true });
    const past = new Date(Date.now() - 2 * 24 * 60 * 60 * 1000);
    for (const program of programs.slice(0, 3)) utimesSync(join(home, "programs", program), past, past);
    const backup = (number: number) => join(home, `backup-${number}`);
    for (let number = 1; number <= kept + 2; number++) {
      beginEntry(site, { ...begun, program: number <= 2 ? "old" : "new" }, "");
      writeFileSync(backup(number), "");
      updateEntry(site, number, { backup: backup(number) });
    }
    writeFileSync(join(home, "backup-of-somebody"), "");
    beginEntry(siteOf({ stack: "other", home }), { ...begun, program: "other stack's" }, "");
    tidy(site);
    assert.deepEqual(readdirSync(join(home, "programs")).sort(), ["just made", "new", "other stack's"]);
    assert.deepEqual(
      readdirSync(home)
        .filter((name) => name.startsWith("backup"))
        .sort(),
      [...Array.from({ length: kept }, (_, index) => `backup-${index + 3}`), "backup-of-somebody"].sort(),
    );
    assert.equal(readHistory(site).length, kept + 2);
  });

  describe("keeps a program that", () => {
    let clone: string;

    const write = (path: string, text: string) => {
      mkdirSync(dirname(join(clone, path)), { recursive: true });
      writeFileSync(join(clone, path), text);
    };

    beforeEach(() => {
      clone = join(home, "clone");
      write("Pulumi.yaml", "name: slipway\nmain: tests/fixtures/x/index.ts\n");
      write("tests/fixtures/x/index.ts", "export default 1;\n");
      write("components/a.ts", "a\n");
      write("images/x/run", "#!/bin/sh\n");
      write("docs/a.md", "not part of it\n");
      mkdirSync(join(clone, "node_modules"));
      chmodSync(join(clone, "images/x/run"), 0o755);
      symlinkSync("a.ts", join(clone, "components", "link.ts"));
    });

    it("is the clone's, whatever becomes of that, and can be deployed", () => {
      const hash = keepProgram(site, clone);
      write("components/a.ts", "b\n");
      const folder = keptProgram(site, hash, clone) ?? "";
      assert.equal(folder, join(home, "programs", hash));
      assert.equal(readFileSync(join(folder, "components/a.ts"), "utf8"), "a\n");
      assert.equal(readFileSync(join(folder, "tests/fixtures/x/index.ts"), "utf8"), "export default 1;\n");
      assert.equal(readlinkSync(join(folder, "components/link.ts")), "a.ts");
      assert.equal(readlinkSync(join(folder, "node_modules")), join(clone, "node_modules"));
      assert.equal(readlinkSync(join(folder, ".stacks")), join(home, "stacks"));
      assert.equal(existsSync(join(folder, "docs")), false);
      // The same hash as the clone's: the name of a built image depends on what may be executed.
      assert.equal(programHash(folder), hash);
      assert.notEqual(keepProgram(site, clone), hash);
      assert.equal(keptProgram(site, "0123456789abcdef", clone), undefined);
    });

    it("is kept again when it was damaged, and is not deployed until then", () => {
      const hash = keepProgram(site, clone);
      for (const path of ["components/a.ts", "Pulumi.yaml"]) {
        writeFileSync(join(home, "programs", hash, path), "");
        assert.equal(keptProgram(site, hash, clone), undefined, path);
        assert.equal(keepProgram(site, clone), hash);
        assert.equal(keptProgram(site, hash, clone), join(home, "programs", hash), path);
      }
    });

    it("is another when a file, its name or whether it may be executed is another", () => {
      const hash = programHash(clone);
      write("docs/a.md", "changed\n");
      assert.equal(programHash(clone), hash);
      chmodSync(join(clone, "images/x/run"), 0o644);
      const changed = programHash(clone);
      assert.notEqual(changed, hash);
      write("components/c.ts", "");
      assert.notEqual(programHash(clone), changed);
    });
  });
});
