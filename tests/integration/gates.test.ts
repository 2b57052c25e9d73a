import assert from "node:assert/strict";
import { exec } from "./support/docker.ts";
import { Deployment } from "./support/deployment.ts";
import { assertExit, type Result } from "./support/processes.ts";
import { Sandbox } from "./support/sandbox.ts";

/**
 * Longer than what can be known takes to be told, on a machine with much else to do; less than half of the time that the
 * services have to become healthy.
 */
const early = 120_000;

describe("a deployment that something goes wrong in", () => {
  let sandbox: Sandbox;
  let deployment: Deployment;

  const set = (config: Record<string, unknown>) => {
    sandbox.editStackFile("dev", config);
  };
  const up = () => deployment.pulumi("up", "--yes", "--skip-preview");
  const names = async () => [...(await deployment.containers()).keys()].sort();
  const health = async (member: string) => (await deployment.containers()).get(member)?.State.Health?.Status;
  const startOf = async (member: string) => new Date((await deployment.containers()).get(member)?.State.StartedAt ?? 0);

  async function fails(run: () => Promise<Result>): Promise<string> {
    const start = Date.now();
    const { code, stdout, stderr } = await run();
    const written = stdout + stderr;
    assert.notEqual(code, 0, written);
    const took = Date.now() - start;
    assert.ok(took < early, `It took ${took} ms.`);
    return written;
  }

  before(() => {
    sandbox = new Sandbox({ program: "tests/fixtures/gates/index.ts" });
    deployment = new Deployment(sandbox);
  });

  after(() => sandbox.remove());

  describe("a task that fails", () => {
    const id = /^\s*([0-9a-f-]{36})$/m;
    let firstRun: string | undefined;

    before(() => {
      set({ "gates:task": "fails" });
    });

    it("ends the deployment at once with its log, and what depends on it is not made", async () => {
      const written = await fails(() => deployment.slipway("up", "--yes"));
      assert.match(written, /The task second failed with exit code 7\./);
      assert.match(written, /^no luck$/m);
      firstRun = id.exec(written)?.[1];
      assert.notEqual(firstRun, undefined);
      assert.equal(await health("first"), "healthy");
      assert.ok(!(await names()).includes("third"));
    });

    it("is run again by the next plain `pulumi up`, which fails too", async () => {
      const written = await fails(up);
      assert.match(written, /The task second failed with exit code 7\./);
      const secondRun = id.exec(written)?.[1];
      assert.notEqual(secondRun, undefined);
      assert.notEqual(secondRun, firstRun);
      assert.ok(!(await names()).includes("third"));
    });

    it("is run once more when it is mended, and then never again", async () => {
      set({ "gates:task": undefined });
      assertExit(await up(), 0);
      assert.deepEqual(await names(), ["first", "second", "slow", "third"]);
      const before = await deployment.containers();
      assertExit(await up(), 0);
      assert.deepEqual(await deployment.replacedSince(before), []);
      assert.deepEqual(await startOf("second"), new Date(before.get("second")?.State.StartedAt ?? 0));
      await deployment.expectNoChanges();
    });
  });

  for (const { behaviour, words, log } of [
    {
      behaviour: "unhealthy",
      words: /first is unhealthy\.[^]*Health check \(exit 7\): no answer/,
      log: "up but not well",
    },
    { behaviour: "exits", words: /first exited with code 5\./, log: "giving up" },
    {
      behaviour: "hangs",
      words: /first is unhealthy\.[^]*Health check \(exit -1\): Health check exceeded timeout/,
      log: "waiting for ever",
    },
  ]) {
    describe(`a service that ${behaviour === "unhealthy" ? "is unhealthy" : behaviour}`, () => {
      before(() => {
        set({ "gates:first": behaviour });
      });

      after(() => {
        set({ "gates:first": undefined });
      });

      it("ends the deployment early, with its health check's output and its last log lines", async () => {
        const written = await fails(() => deployment.slipway("up", "--yes"));
        assert.match(written, words);
        assert.match(written, new RegExp(`Last log lines:\\n(?:.*\\n)*?\\s*${log}`));
      });

      it("fails the next plain `pulumi up` too, which starts it again", async () => {
        const before = await startOf("first");
        assert.match(await fails(up), words);
        assert.ok((await startOf("first")) > before);
      });
    });
  }

  describe("services that are well", () => {
    it("are deployed as soon as what was wrong is mended", async () => {
      assertExit(await up(), 0);
      assert.deepEqual(await Promise.all(["first", "third", "slow"].map(health)), ["healthy", "healthy", "healthy"]);
      await deployment.expectNoChanges();
    });

    it("are not held up by a slow one that they do not depend on", async () => {
      set({ "gates:slow": "20" });
      deployment.set({ timeZone: "Europe/London" });
      assertExit(await up(), 0);
      const ready = assertExit(await exec(`${deployment.name}-slow`, ["stat", "--format=%.3Y", "/tmp/ready"]), 0);
      const slowIsReady = new Date(Number(ready.stdout) * 1000);
      const slowStarts = await startOf("slow");
      const thirdStarts = await startOf("third");
      // Docker notes the start of a container shortly after that of its process.
      assert.ok(slowIsReady.getTime() - slowStarts.getTime() >= 15_000);
      assert.ok(
        slowStarts < thirdStarts && thirdStarts < slowIsReady,
        `slow starts ${slowStarts.toISOString()} and is ready ${slowIsReady.toISOString()}, third starts ${thirdStarts.toISOString()}`,
      );
    });
  });
});
