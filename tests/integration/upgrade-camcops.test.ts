import assert from "node:assert/strict";
import { buildImage, builtReference, bundledImage } from "../../components/build.ts";
import { CamcopsDeployment, services, type AddedTask } from "./camcops-deployment.ts";
import { proveSchedule } from "./support/backup-schedule.ts";
import { assertExit } from "./support/processes.ts";
import { Sandbox } from "./support/sandbox.ts";

/** The revisions of CamCOPS's schema before and after: questionnaires ISAAQ and EMPSA, which go and come in between. */
const revisions = { former: "0081", current: "0087" };
const versions = "/camcops/venv/lib/python3.*/site-packages/camcops_server/alembic/versions";

/** The beginnings of the lines that another dump has not. */
function linesBeyond(dump: string, other: string): string[] {
  const known = new Set(other.split("\n"));
  return dump
    .split("\n")
    .filter((line) => !known.has(line))
    .map((line) => line.slice(0, 200));
}

describe("CamCOPS with a database of an older schema", function () {
  this.timeout(15 * 60_000);
  this.slow(5 * 60_000);

  let sandbox: Sandbox;
  let camcops: CamcopsDeployment;
  let added: AddedTask;

  const image = (tag: string) => `${camcops.name}/camcops:${tag}`;
  const current = builtReference(bundledImage("camcops"));

  /** Makes an image of another release out of the present one. */
  async function makeRelease(tag: string, ...instructions: string[]): Promise<void> {
    const dockerfile = [`FROM ${current}`, "USER root", ...instructions, "USER 1000:1000"].join("\n");
    assertExit(await sandbox.run("docker", ["build", "--tag", image(tag), "-"], { input: dockerfile }), 0);
  }

  function choose(tag: string | undefined): void {
    camcops.changeSettings({
      ...camcops.settings(),
      ...(tag !== undefined && { images: { camcops: image(tag) } }),
    });
  }

  const schema = async () => ({
    revision: await camcops.query("SELECT version_num FROM _alembic_version"),
    tables: await camcops.query("SHOW TABLES"),
  });

  /**
   * All but what CamCOPS writes of itself: with each visit, its own health check's among them, and when the scheduler has
   * it tidied up, each minute (`housekeeping` in its `celery.py`). Nor the counters of tables, which stay where they are
   * when a row goes again.
   */
  async function dump(): Promise<string> {
    const unsteady = ["_security_webviewer_sessions", "_security_audit", "_server_settings"];
    const written = await camcops.exec("mysql", [
      "mariadb-dump",
      "--defaults-extra-file=/run/secrets/client.cnf",
      "--skip-dump-date",
      "--no-tablespaces",
      ...unsteady.map((table) => `--ignore-table=camcops_test.${table}`),
      "camcops_test",
    ]);
    return written.replaceAll(/ AUTO_INCREMENT=\d+/g, "");
  }

  before(async () => {
    sandbox = new Sandbox();
    camcops = await CamcopsDeployment.prepare(sandbox);
    await buildImage(sandbox.docker, bundledImage("camcops"), current, () => undefined);
    // CamCOPS itself then takes that revision for its latest; reindexing would look for questionnaires of later ones.
    await makeRelease(
      "2.4.20",
      `RUN rm ${versions}/008[2-7]_*.py && printf '#!/bin/sh\\nexec camcops_server upgrade_db --no_reindex --config "$CAMCOPS_CONFIG_FILE"\\n' >/usr/local/bin/camcops-upgrade-db`,
    );
    await makeRelease(
      "2.4.25",
      `RUN printf '#!/bin/sh\\ncase "$*" in *camcops-serve*) echo no luck; exit 8;; esac\\nexec "$@"\\n' >/usr/local/bin/camcops-entrypoint`,
    );
    choose("2.4.20");
    await camcops.up();
    const { revision, tables } = await schema();
    assert.equal(revision, revisions.former);
    assert.match(tables, /^isaaq$/m);
    assert.doesNotMatch(tables, /^empsa$/m);
    added = await camcops.addTask();
  });

  after(async () => {
    await sandbox.remove();
    const made = await sandbox.docker.listImages({ filters: { reference: [`${camcops.name}/camcops`] } });
    for (const { Id: id } of made) await sandbox.docker.getImage(id).remove();
  });

  it("goes back to it, data included, when the server of the new release does not start", async () => {
    const before = await dump();
    choose("2.4.25");
    const failed = assertExit(await camcops.slipway("upgrade", "--yes"), 1);
    const written = failed.stdout + failed.stderr;
    assert.match(written, /camcops_server exited with code 8/);
    assert.match(written, /no luck/);
    assert.equal((await schema()).revision, revisions.former);
    const after = await dump();
    assert.deepEqual([linesBeyond(before, after), linesBeyond(after, before)], [[], []]);
    await camcops.assertTaskIsThere(added);
    assert.match((await camcops.inspect("camcops_server")).Config.Labels["slipway.image"] ?? "", /:2\.4\.20$/);
  });

  it("is upgraded with its data, says so beforehand, and is saved before", async () => {
    choose(undefined);
    const done = assertExit(await camcops.slipway("upgrade", "--yes"), 0);
    assert.match(done.stdout, /^camcops: .*2 tasks run again \(image 2\.4\.20 → 2\.4\.24/m);
    const { revision, tables } = await schema();
    assert.equal(revision, revisions.current);
    assert.match(tables, /^empsa$/m);
    assert.doesNotMatch(tables, /^isaaq$/m);
    const history = assertExit(await camcops.slipway("history", "--json"), 0).stdout;
    const { backup = "" } = (JSON.parse(history) as { backup?: string }[]).at(-1) ?? {};
    assertExit(await camcops.slipway("restore", backup, "--verify-only"), 0);
    await camcops.assertTaskIsThere(added);
    for (const service of services) await camcops.untilHealthy(service);
    assertExit(await camcops.slipway("status"), 0);
    assertExit(await camcops.pulumi(["preview", "--expect-no-changes"]), 0);
  });

  it("is backed up by schedule, and the drill restores it", async () => {
    const drill = await proveSchedule(sandbox, camcops.name);
    assert.match(drill, /the database mysql: \d+ rows in \d+ tables; a dump of it is equal by checksum/);
  });
});
