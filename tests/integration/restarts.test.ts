import assert from "node:assert/strict";
import { baseImage, bundledImage, buildImage, contextHash } from "../../components/build.ts";
import { webImage } from "../fixtures/web-image/context.ts";
import { MinimalStack, minimalProgram } from "./support/minimal.ts";
import { OwnDaemon } from "./support/own-daemon.ts";
import { assertExit } from "./support/processes.ts";
import { Sandbox } from "./support/sandbox.ts";
import { until } from "./support/until.ts";

const password = `p@ss/w:rd%'"$\\ é`;
const services = ["database", "web"];

describe("a deployed system comes back healthy", () => {
  let sandbox: Sandbox;
  let daemon: OwnDaemon;
  let minimal: MinimalStack;
  let row: string;

  const stateOf = async (service: string) =>
    (await daemon.client.getContainer(`${minimal.name}-${service}`).inspect()).State;

  async function pids(): Promise<Record<string, number>> {
    return Object.fromEntries(
      await Promise.all(services.map(async (service) => [service, (await stateOf(service)).Pid] as const)),
    );
  }

  /** Waits until services are healthy with other processes than before. */
  async function assertBack(pids: Record<string, number>): Promise<void> {
    for (const [service, pid] of Object.entries(pids)) {
      await until(`${service} is healthy again`, 120, async () => {
        const state = await stateOf(service);
        return state.Running && state.Pid !== pid && state.Health?.Status === "healthy";
      });
    }
    assert.equal(await minimal.row(password), row);
    await minimal.assertComplete();
  }

  before(async function () {
    sandbox = new Sandbox({ program: minimalProgram });
    daemon = new OwnDaemon(sandbox);
    if (process.getuid?.() !== 0) {
      console.error("Skipped: only root may start a Docker daemon for a test.");
      this.skip();
    }
    await daemon.start();
    // Built by the machine's own engine: the daemon's network ends at its bridge.
    const images = [bundledImage("mariadb"), webImage("1")].map((context) => ({
      context,
      reference: `${context.name}:${context.version}-${contextHash(context)}`,
    }));
    for (const { context, reference } of images) await buildImage(sandbox.docker, context, reference, () => undefined);
    await daemon.copyImages([baseImage, ...images.map(({ reference }) => reference)]);

    minimal = await MinimalStack.prepare(sandbox, { host: daemon.url });
    await minimal.setSecret("camcopsMysqlUserPassword", password);
    assertExit(await minimal.pulumi("up", "--yes", "--skip-preview"), 0);
    row = await minimal.row(password);
    await minimal.assertComplete();
  });

  after(async () => {
    await daemon.stop();
    await sandbox.remove();
  });

  for (const service of services) {
    it(`by itself after the process of ${service} was killed`, async () => {
      const { Pid: pid } = await stateOf(service);
      process.kill(pid, "SIGKILL");
      await assertBack({ [service]: pid });
    });
  }

  it("by itself after the daemon was restarted", async () => {
    const before = await minimal.containers();
    const formerPids = await pids();
    await daemon.stop();
    await daemon.start();
    await assertBack(formerPids);
    assert.deepEqual(await minimal.replacedSince(before), []);
    await minimal.expectNoChanges();
  });

  it("by the next deployment after `docker kill`, which Docker takes for the wish that it stays down", async () => {
    const formerPids = await pids();
    for (const service of services) await daemon.client.getContainer(`${minimal.name}-${service}`).kill();
    assertExit(await minimal.pulumi("up", "--yes", "--skip-preview"), 0);
    await assertBack(formerPids);
    await minimal.expectNoChanges();
  });
});
