import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { DockerEvents } from "./support/docker-events.ts";
import { endProcessesOf } from "./support/process-table.ts";
import { assertExit } from "./support/processes.ts";
import { Sandbox } from "./support/sandbox.ts";
import { Shop, shopProgram, type Data, type Fault } from "./support/shop.ts";
import { until } from "./support/until.ts";

/** What goes wrong, in which command, and what the report then says of it. */
const faults: { fault: Fault; command: "up" | "upgrade"; title: string; words: RegExp[] }[] = [
  {
    fault: "migration",
    command: "upgrade",
    title: "whose migration fails half-way",
    words: [/The task migrate failed with exit code 7/, /no luck with version 3/],
  },
  {
    fault: "service",
    command: "up",
    title: "whose web server never gets healthy",
    words: [/web is unhealthy/, /version 3 does not start/],
  },
  {
    fault: "address",
    command: "upgrade",
    title: "that is healthy, but does not answer from outside",
    words: [/The services of Shop are healthy, but its address http:\/\/127\.0\.0\.1:\d+\/version cannot be used/],
  },
  {
    fault: "database",
    command: "upgrade",
    title: "whose database does not start and has spoiled the files of the one before",
    words: [/database exited with code 6/, /no luck with the converted files/],
  },
];

// Each test leaves the system as well as it found it, for those after it.
describe("an upgrade", function () {
  this.timeout(10 * 60_000);
  this.slow(2 * 60_000);

  let sandbox: Sandbox;
  let shop: Shop;
  /** Before the first upgrade. */
  let first: Data;

  const backups = () => {
    const folder = join(sandbox.home, "backups");
    return existsSync(folder) ? readdirSync(folder).sort() : [];
  };
  const last = async () => {
    const entry = (await shop.history()).at(-1);
    assert.ok(entry !== undefined);
    return entry;
  };

  before(async () => {
    sandbox = new Sandbox({ program: shopProgram });
    shop = await Shop.prepare(sandbox);
    await shop.up();
    await shop.write("the first user");
    first = await shop.data();
  });

  after(() => sandbox.remove());

  it("stops before a migration that is done by hand, and says what to type", async () => {
    sandbox.editStackFile("dev", { "slipway:upgrade": { migrate: "by-hand" } });
    shop.release(2);
    const { stderr } = assertExit(await shop.slipway("upgrade", "--yes"), 3);
    assert.match(stderr, /type: \.\/slipway upgrade --migrate/);
    assert.equal(await shop.servedVersion(), "version 1");
    assert.deepEqual(await shop.data(), first);
    sandbox.editStackFile("dev", { "slipway:upgrade": undefined });
  });

  it("says what it will do, saves the data, migrates them, and is in the history with its backup", async () => {
    shop.release(2);
    const { stdout, stderr } = assertExit(await shop.slipway("upgrade", "--yes"), 0);
    assert.match(stdout, /^shop: 1 task run again \(command\), 1 service replaced \(command; image 1 → 2\)/m);
    assert.equal(await shop.servedVersion(), "version 2");
    assert.equal(await shop.schemaVersion(), 2);
    assert.deepEqual(await shop.things(), ["the first user of 2"]);
    assert.match((await shop.data()).files, /^version-2: $/m);

    const { number, kind, result, backup = "" } = await last();
    assert.deepEqual([number, kind, result], [2, "upgrade", "succeeded"]);
    assert.ok((stdout + stderr).includes(backup), `${backup} is not named`);
    assertExit(await shop.slipway("restore", backup, "--verify-only"), 0);
    await shop.expectNoChanges();
  });

  it("says that there is nothing to do, and saves nothing then", async () => {
    const saved = backups();
    const { stdout } = assertExit(await shop.slipway("upgrade", "--yes"), 0);
    assert.match(stdout, /^shop: no change/m);
    assert.deepEqual(backups(), saved);
  });

  for (const { fault, command, title, words } of faults) {
    it(`to a release ${title}, by \`${command}\`, ends with the former one and its data`, async () => {
      await shop.write(`a user before ${fault}`);
      const before = await shop.data();
      shop.release(3, fault);
      const failed = assertExit(await shop.slipway(command, "--yes"), 1);
      const written = failed.stdout + failed.stderr;
      for (const each of words) assert.match(written, each);
      const { kind, result, backup = "" } = await last();
      assert.deepEqual([kind, result], [command, "rolled back"]);
      assert.ok(written.includes(backup), `${backup} is not named:\n${written}`);

      assert.equal(await shop.servedVersion(), "version 2");
      assert.deepEqual(await shop.data(), before);
      assertExit(await shop.slipway("status"), 0);
      shop.release(2);
      await shop.expectNoChanges();
    });
  }

  it("is the only one at a time, and is gone on with after a kill, with the same backup", async () => {
    const things = await shop.things();
    const saved = backups();
    shop.release(3);
    const events = await DockerEvents.of(sandbox.docker, `${shop.name}-migrate`);
    const killed = sandbox.start("./slipway", ["upgrade", "--yes"]);
    await until("the upgrade has begun", 300, () => Promise.resolve(shop.begunSteps().length > 0));
    const refused = await shop.slipway("upgrade", "--yes");
    await events.until((seen) => seen.includes(`container start ${shop.name}-migrate`));
    assert.match(
      assertExit(refused, 1).stderr,
      /has been changing the stack "dev" since .*, by `slipway upgrade`\. Nothing was changed/,
    );
    endProcessesOf(sandbox.home);
    events.close();
    assert.equal((await killed.ended).signal, "SIGKILL", killed.written());

    const status = await shop.slipway("status");
    assert.match(status.stdout + status.stderr, /unfinished/);
    const backup = assertExit(await shop.slipway("backup"), 1);
    assert.match(backup.stderr, /unfinished/);
    const { stderr } = assertExit(await shop.slipway("upgrade", "--yes"), 0);
    assert.match(stderr, /which was interrupted in the step deploy, goes on/);
    assert.equal(await shop.servedVersion(), "version 3");
    assert.equal(await shop.schemaVersion(), 3);
    assert.deepEqual(
      await shop.things(),
      things.map((name) => name.replace(/ of 2$/, "") + " of 3"),
    );
    assert.equal(backups().length, saved.length + 1);
    await shop.expectNoChanges();
  });

  it("is undone on request, to any deployment, with its data where that is wanted", async () => {
    const refused = await shop.slipway("rollback", "1", "--yes");
    assert.notEqual(refused.code, 0);
    assert.match(refused.stdout + refused.stderr, /newer than this program's 1/);
    assert.equal(await shop.servedVersion(), "version 3");

    const back = assertExit(await shop.slipway("rollback", "1", "--with-data", "--yes", "--confirm", "dev"), 0);
    const { safety = [] } = await last();
    assert.ok(safety.length > 0 && safety.every((file) => existsSync(file)), back.stderr);
    for (const file of safety) assert.ok(back.stderr.includes(file), back.stderr);
    assert.equal(await shop.servedVersion(), "version 1");
    assert.deepEqual(await shop.data(), first);
    shop.release(1);
    await shop.expectNoChanges();
  });
});
