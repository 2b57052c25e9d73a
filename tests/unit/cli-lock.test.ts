import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { clearLocks } from "../../cli/deployment/lock.ts";
import { siteOf } from "../../cli/site.ts";

describe("the lock of an engine", () => {
  let home: string;
  let parent: ChildProcess;

  /** Starts a program called pulumi, under a parent that never asks how it ended. Returns its number. */
  async function startEngine(script: string): Promise<number> {
    writeFileSync(join(home, "pulumi"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    parent = spawn("sh", ["-c", '"$0/pulumi" & echo $!; exec sleep 60', home], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    assert.ok(parent.stdout);
    const [pid] = (await once(parent.stdout, "data")) as [Buffer];
    return Number(pid.toString());
  }

  /** Waits until a process is in a state of proc(5). */
  async function untilInState(pid: number, state: string): Promise<void> {
    while (!readFileSync(`/proc/${pid}/stat`, "utf8").startsWith(`${pid} (pulumi) ${state}`)) await sleep(10);
  }

  function lock(pid: number): string {
    const folder = join(home, "state", ".pulumi", "locks", "organization", "slipway", "dev");
    mkdirSync(folder, { recursive: true });
    const content = { pid, username: "eva", hostname: hostname(), timestamp: "2026-01-31T12:00:00Z" };
    writeFileSync(join(folder, "1.json"), JSON.stringify(content));
    return folder;
  }

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), "slipway-lock-test-"));
  });

  afterEach(() => {
    parent.kill("SIGKILL");
    rmSync(home, { recursive: true });
  });

  it("is held while the engine runs", async () => {
    const pid = await startEngine("while :; do sleep 0.05; done");
    await untilInState(pid, "");
    const folder = lock(pid);
    assert.throws(() => clearLocks(siteOf({ stack: "dev", home })), new RegExp(`eva \\(process ${pid} on`));
    assert.deepEqual(readdirSync(folder), ["1.json"]);
    process.kill(pid, "SIGKILL");
  });

  it("is left behind when the engine has ended, though its parent has not noticed", async () => {
    // A shell, which its parent is at first, might notice.
    const pid = await startEngine('until [ "$(cat /proc/$PPID/comm)" = sleep ]; do sleep 0.05; done');
    await untilInState(pid, "Z");
    const folder = lock(pid);
    assert.equal(clearLocks(siteOf({ stack: "dev", home })).length, 1);
    assert.deepEqual(readdirSync(folder), []);
  });
});
