import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { endProcessesOf } from "./support/process-table.ts";
import { assertExit } from "./support/processes.ts";
import { Sandbox } from "./support/sandbox.ts";
import { Shop, shopProgram, type Fault, type JournalStep } from "./support/shop.ts";

/** The steps of an upgrade that has no fault, and those of the ways back from two that have one. */
const moments: { fault?: Fault; steps: JournalStep[] }[] = [
  { steps: steps("forward", "backup", "images", "deploy", "health", "probe") },
  {
    fault: "address",
    steps: [...steps("forward", "deploy", "probe"), ...steps("back", "data", "deploy", "health", "probe")],
  },
  { fault: "database", steps: [...steps("forward", "deploy"), ...steps("back", "data", "deploy", "load")] },
];

/** How often a step that takes a few milliseconds is tried to be met. */
const briefAttempts = 5;

function steps(way: JournalStep["way"], ...names: string[]): JournalStep[] {
  return names.map((step) => ({ way, step }));
}

describe("an upgrade that is killed", function () {
  this.timeout(20 * 60_000);

  let sandbox: Sandbox;
  let shop: Shop;
  let version = 1;

  before(async () => {
    sandbox = new Sandbox({ program: shopProgram });
    shop = await Shop.prepare(sandbox);
    await shop.up();
  });

  after(() => sandbox.remove());

  /**
   * Kills an upgrade with all its helpers as soon as its journal says that a step has begun.
   *
   * @returns whether the step lasted long enough for that.
   */
  async function killAt({ way, step }: JournalStep): Promise<boolean> {
    const upgrade = sandbox.start("./slipway", ["upgrade", "--yes"]);
    while (upgrade.child.exitCode === null) {
      if (shop.begunSteps().some((begun) => begun.way === way && begun.step === step)) break;
      await sleep(2);
    }
    endProcessesOf(sandbox.home);
    return (await upgrade.ended).signal === "SIGKILL";
  }

  for (const { fault, steps } of moments) {
    for (const moment of steps) {
      const release = fault === undefined ? "a good release" : `a release whose ${fault} fails`;
      it(`at the step "${moment.step}" of the way ${moment.way}, with ${release}, ends in one of the two states`, async () => {
        for (let attempt = 1; ; attempt++) {
          await shop.write(`a user before ${version}`);
          const [before, things] = [await shop.data(), await shop.things()];
          shop.release(version + 1, fault);
          const isKilled = await killAt(moment);
          if (isKilled) assertExit(await shop.slipway("upgrade", "--yes"), fault === undefined ? 0 : 1);
          if (fault === undefined) {
            version += 1;
            assert.equal(await shop.schemaVersion(), version);
            assert.deepEqual(
              await shop.things(),
              things.map((name) => `${name.replace(/ of \d+$/, "")} of ${version}`),
            );
          } else {
            assert.deepEqual(await shop.data(), before);
            shop.release(version);
          }
          if (isKilled) break;
          assert.ok(attempt < briefAttempts, `${briefAttempts} times, the step was over before it could be killed.`);
        }
        assert.equal(await shop.servedVersion(), `version ${version}`);
        assert.deepEqual(shop.begunSteps(), []);
        await shop.expectNoChanges();
      });
    }
  }
});
