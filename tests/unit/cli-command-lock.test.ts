import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { commandLockState, startOf, underWay, withLock, type CommandLock } from "../../cli/deployment/command-lock.ts";
import { siteOf, type Site } from "../../cli/site.ts";

describe("the lock of a command", () => {
  let home: string;
  let site: Site;
  let file: string;
  const options = { stack: "dev", yes: false };

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), "slipway-lock-test-"));
    site = siteOf({ stack: "dev", home });
    file = join(home, "deployments", "dev", "lock.json");
  });

  afterEach(() => {
    rmSync(home, { recursive: true });
  });

  const leave = (more: Partial<CommandLock> = {}) => {
    const lock: CommandLock = {
      pid: process.pid,
      started: startOf("self") ?? "",
      user: "eva",
      host: hostname(),
      command: "upgrade",
      since: "2026-01-31T12:00:00Z",
      ...more,
    };
    mkdirSync(join(home, "deployments", "dev"), { recursive: true });
    writeFileSync(file, JSON.stringify(lock));
  };
  const use = (more: { clearLock?: boolean } = {}) =>
    withLock(site, "up", { ...options, ...more }, () => Promise.resolve("done"));

  it("names its process while the command runs, and is gone afterwards, also when it fails", async () => {
    await withLock(site, "up", options, () => {
      const lock = JSON.parse(readFileSync(file, "utf8")) as CommandLock;
      assert.deepEqual([lock.pid, lock.host, lock.command], [process.pid, hostname(), "up"]);
      assert.equal(lock.started, startOf(process.pid));
      return Promise.resolve();
    });
    assert.equal(existsSync(file), false);
    await assert.rejects(
      withLock(site, "up", options, () => Promise.reject(new Error("no luck"))),
      /no luck/,
    );
    assert.equal(existsSync(file), false);
  });

  it("lets a command do what another one does", async () => {
    assert.equal(await withLock(site, "import", options, use), "done");
    assert.equal(existsSync(file), false);
  });

  it("refuses a second command while the first one runs, with who holds it and since when", async () => {
    leave();
    await assert.rejects(use({ clearLock: true }), (error: Error) => {
      assert.match(
        error.message,
        new RegExp(`^eva \\(process ${process.pid} on .*\\) has been changing the stack "dev"`),
      );
      assert.match(error.message, /since 2026-01-31T12:00:00Z, by `slipway upgrade`/);
      return true;
    });
    assert.equal(existsSync(file), true);
  });

  it("tells which command is under way, and nothing of one that has ended or is elsewhere", async () => {
    assert.equal(underWay(site), undefined);
    leave();
    assert.equal(
      underWay(site),
      `eva (process ${process.pid} on ${hostname()}) is changing the stack since 2026-01-31T12:00:00Z, by \`slipway upgrade\`: ` +
        "wait for it to end",
    );
    leave({ started: "another boot 1" });
    assert.equal(underWay(site), undefined);
    leave({ host: "elsewhere" });
    assert.equal(underWay(site), undefined);
    rmSync(file);
    await withLock(site, "start", options, () => {
      assert.match(underWay(site) ?? "", /by `slipway start`/);
      return Promise.resolve();
    });
  });

  it("is cleared when its process has ended, or is another one of the same number", async () => {
    leave({ started: "another boot 1" });
    assert.equal(await use(), "done");
    leave({ pid: 2 ** 22 + 1 });
    assert.equal(await use(), "done");
    assert.equal(existsSync(file), false);
  });

  it("is cleared when a loss of power left it empty", async () => {
    leave();
    writeFileSync(file, "");
    assert.equal(await use(), "done");
    assert.equal(existsSync(file), false);
  });

  it("of another machine is cleared on request only", async () => {
    leave({ host: "elsewhere.example" });
    await assert.rejects(use(), /cannot tell whether it still does.*type the same.*: \.\/slipway up --clear-lock$/s);
    assert.equal(existsSync(file), true);
    assert.equal(await use({ clearLock: true }), "done");
  });

  it("is told from one that was left behind by machine, process and its start", () => {
    const lock: CommandLock = { pid: 7, started: "b 1", user: "", host: "h", command: "", since: "" };
    const state = (host: string, started: string | undefined) =>
      commandLockState(lock, { host, startOf: () => started });
    assert.equal(state("h", "b 1"), "held");
    assert.equal(state("h", "b 2"), "left behind");
    assert.equal(state("h", undefined), "left behind");
    assert.equal(state("i", "b 1"), "elsewhere");
  });
});
