import assert from "node:assert/strict";
import { CamcopsDeployment, type AddedTask } from "./camcops-deployment.ts";
import { endProcessesOf } from "./support/process-table.ts";
import { assertExit } from "./support/processes.ts";
import { Sandbox } from "./support/sandbox.ts";
import { until } from "./support/until.ts";

/**
 * Moments of a deployment, by what it has printed when it is killed. `empty`: the data are destroyed before, so that it is
 * killed while it makes them anew. The first is one, so that all others have a questionnaire to look for.
 */
const moments: { when: string; empty?: boolean }[] = [
  { when: "… Starting mysql", empty: true },
  { when: "… Running the task upgrade_db", empty: true },
  { when: "… Running the task superuser", empty: true },
  { when: "… Comparing the settings with what is there" },
  { when: "… Image slipway/mariadb" },
  { when: "… Starting rabbitmq" },
  { when: "✓ Starting mysql" },
  { when: "… Starting camcops_workers" },
  { when: "… Starting camcops_server" },
  { when: "✓ Starting camcops_server" },
];

describe("CamCOPS, whose deployment is killed", function () {
  this.timeout(20 * 60_000);

  let sandbox: Sandbox;
  let camcops: CamcopsDeployment;
  let added: AddedTask;

  before(async () => {
    sandbox = new Sandbox();
    camcops = await CamcopsDeployment.prepare(sandbox);
  });

  after(async () => {
    await sandbox.remove();
  });

  for (const { when, empty = false } of moments) {
    it(`at "${when}", converges at the next run${empty ? "" : " with its data"}`, async () => {
      const { name } = camcops;
      const removal = empty ? ["--delete-data", name, "--confirm", name] : [];
      assertExit(await camcops.slipway("down", "--yes", ...removal), 0);

      const killed = sandbox.start("./slipway", ["up", "--yes", "--stack", name]);
      await until(`the deployment has printed "${when}"`, 600, () => Promise.resolve(killed.written().includes(when)));
      endProcessesOf(sandbox.home);
      assert.equal((await killed.ended).signal, "SIGKILL");

      await camcops.up();
      assertExit(await camcops.slipway("status"), 0);
      assertExit(await camcops.slipway("preview", "--expect-no-changes"), 0);
      assert.equal((await camcops.containers()).size, 13);
      if (empty) added = await camcops.addTask();
      await camcops.assertTaskIsThere(added);
      assert.equal(await camcops.query("SELECT COUNT(*) FROM badls"), "1");
    });
  }
});
