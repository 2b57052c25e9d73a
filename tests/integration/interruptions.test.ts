import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { baseImage } from "../../components/build.ts";
import { DockerEvents } from "./support/docker-events.ts";
import { MinimalStack, minimalProgram } from "./support/minimal.ts";
import { endCommandOf, endProcessesOf, processesOf } from "./support/process-table.ts";
import { assertExit, type Result, type Running } from "./support/processes.ts";
import { Sandbox } from "./support/sandbox.ts";
import { until } from "./support/until.ts";

const password = `p@ss/w:rd%'"$\\ é`;

/** At how many moments a deployment is killed. */
const moments = 10;

describe("a deployment", () => {
  let sandbox: Sandbox;
  let minimal: MinimalStack;
  /** What the database holds from its first deployment on. */
  let row: string;
  /** What Docker tells while everything but the data is made, and while everything is replaced. */
  let creation: readonly string[];
  let replacement: readonly string[];
  let zone = "UTC";

  const databaseStarts = (seen: readonly string[]) => seen.includes(`container start ${minimal.name}-database`);

  async function takeDown(): Promise<void> {
    assertExit(await minimal.slipway("down", "--yes"), 0);
  }

  /** Changes a setting of every container. */
  function changeEverything(): void {
    zone = zone === "UTC" ? "Europe/London" : "UTC";
    minimal.set({ timeZone: zone });
  }

  function assertNoLock(): void {
    const folder = join(sandbox.home, "state", ".pulumi", "locks", "organization", "slipway", "dev");
    assert.deepEqual(existsSync(folder) ? readdirSync(folder) : [], []);
  }

  function assertKilled({ signal, stdout, stderr }: Result): void {
    assert.equal(signal, "SIGKILL", `It ended by itself:\n${stdout}\n${stderr}`);
  }

  async function assertConverges(): Promise<void> {
    await minimal.up();
    assert.equal(await minimal.row(password), row);
    await minimal.assertComplete();
    assertNoLock();
    await minimal.expectNoChanges();
  }

  /** Watches Docker during something. */
  async function watching<T>(work: (events: DockerEvents) => Promise<T>): Promise<T> {
    const events = await DockerEvents.of(sandbox.docker, `${minimal.name}-`);
    try {
      return await work(events);
    } finally {
      events.close();
    }
  }

  const eventsOfUp = () =>
    watching(async ({ seen }) => {
      await minimal.up();
      return seen;
    });

  /** Deploys, and does something to the deployment at a moment that Docker's events tell, unless it ends before. */
  function upWith(act: (deployment: Running) => void, isNow: (seen: readonly string[]) => boolean): Promise<Result> {
    return watching(async (events) => {
      const deployment = sandbox.start("./slipway", ["up", "--yes"], { ownGroup: true });
      const isUnderWay = await Promise.race([events.until(isNow).then(() => true), deployment.ended.then(() => false)]);
      if (isUnderWay) act(deployment);
      return deployment.ended;
    });
  }

  before(async () => {
    sandbox = new Sandbox({ program: minimalProgram });
    minimal = await MinimalStack.prepare(sandbox);
    await minimal.setSecret("camcopsMysqlUserPassword", password);
  });

  after(() => sandbox.remove());

  it("killed while the database is made for the first time, is brought to its end by the next run", async () => {
    const killed = await upWith(() => {
      endProcessesOf(sandbox.home);
    }, databaseStarts);
    assertKilled(killed);
    await minimal.up();
    row = await minimal.row(password);
    await assertConverges();

    await takeDown();
    creation = await eventsOfUp();
    changeEverything();
    replacement = await eventsOfUp();
  });

  for (let moment = 0; moment < moments; moment++) {
    const creates = moment % 2 === 0;
    // The engine's helpers live on in half of the cases, as they do when only the command and its engine are killed.
    const endAll = moment % 4 < 2;
    const title =
      `killed${endAll ? " with all its helpers" : ""} at ${moment * 10 + 5} % of ` +
      `${creates ? "a creation" : "a replacement"}, is brought to its end by the next run`;
    it(title, async () => {
      if (creates) await takeDown();
      else changeEverything();
      const number = Math.ceil(((creates ? creation : replacement).length * (moment + 0.5)) / moments);
      const killed = await upWith(
        () => {
          if (endAll) endProcessesOf(sandbox.home);
          else endCommandOf(sandbox.home);
        },
        (seen) => seen.length >= number,
      );
      assertKilled(killed);
      await assertConverges();
    });
  }

  it("stopped by Ctrl-C, ends cleanly and says how to go on", async () => {
    changeEverything();
    const { code, stdout, stderr } = await upWith(({ child }) => {
      // A terminal sends it to the whole group.
      process.kill(-(child.pid ?? 0), "SIGINT");
    }, databaseStarts);
    assert.equal(code, 130, stdout + stderr);
    assert.match(stderr, /Interrupted\..* To go on, type: \.\/slipway up/);
    await until("nothing of it runs any more", 10, () => Promise.resolve(processesOf(sandbox.home).length === 0));
    assertNoLock();
    const exported = assertExit(await minimal.pulumi("stack", "export"), 0);
    const { deployment } = JSON.parse(exported.stdout) as { deployment: { pending_operations?: unknown[] } };
    assert.deepEqual(deployment.pending_operations ?? [], []);
    await assertConverges();
  });

  it("refuses names that others hold, and leaves what has them alone", async () => {
    await takeDown();
    const container = await sandbox.docker.createContainer({ name: `${minimal.name}-web`, Image: baseImage });
    const network = await sandbox.docker.createNetwork({ Name: `${minimal.name}-edge` });
    const before = [await container.inspect(), await network.inspect()];

    const slipway = await minimal.slipway("up", "--yes");
    assert.equal(slipway.code, 1);
    assert.match(slipway.stderr, new RegExp(`container ${minimal.name}-web: neither Slipway nor Compose made it`));
    assert.match(slipway.stderr, new RegExp(`network ${minimal.name}-edge: neither Slipway nor Compose made it`));
    assert.deepEqual([...(await minimal.containers()).keys()], ["web"]);

    const plain = await minimal.pulumi("up", "--yes", "--skip-preview");
    assert.notEqual(plain.code, 0);
    assert.match(plain.stdout, new RegExp(`The name "${minimal.name}-edge" is held by a network`));
    assert.deepEqual([await container.inspect(), await network.inspect()], before);

    await network.remove();
    const again = await minimal.pulumi("up", "--yes", "--skip-preview");
    assert.notEqual(again.code, 0);
    assert.match(again.stdout, new RegExp(`The name "${minimal.name}-web" is held by a container`));
    assert.deepEqual(await container.inspect(), before[0]);

    await container.remove();
    await assertConverges();
  });
});
