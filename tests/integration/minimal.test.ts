import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { findSecrets } from "../secret-search.ts";
import { exec } from "./support/docker.ts";
import { engineSteps } from "./support/engine-steps.ts";
import { MinimalStack, minimalProgram } from "./support/minimal.ts";
import { assertExit } from "./support/processes.ts";
import { Sandbox } from "./support/sandbox.ts";

const firstPassword = `p@ss/w:rd%'"$\\ é`;
const secondPassword = `2nd: \`p@ss\` #;'"%\\$ ü`;

describe("a deployed system", () => {
  let sandbox: Sandbox;
  let minimal: MinimalStack;
  let webPassword: string;
  /** What the commands wrote that were not asked for secrets. */
  const written: string[] = [];

  before(async () => {
    sandbox = new Sandbox({ program: minimalProgram });
    minimal = await MinimalStack.prepare(sandbox);
    await minimal.setSecret("camcopsMysqlUserPassword", firstPassword);
    const preview = assertExit(await minimal.pulumi("preview", "--diff"), 0);
    const up = await minimal.up();
    written.push(preview.stdout, preview.stderr, up.stdout, up.stderr);
    webPassword = await minimal.webPassword();
  });

  after(() => sandbox.remove());

  it("is complete, and a second preview has nothing to do", async () => {
    await minimal.assertComplete();
    assert.equal((await minimal.get("/version")).status, 200);
    await minimal.expectNoChanges();
  });

  it("has a state without files that a kill in the middle of writing would leave unreadable", () => {
    const files = readdirSync(join(sandbox.home, "state"), { recursive: true, encoding: "utf8" });
    assert.ok(files.some((file) => file.endsWith(`${minimal.stack}.json`)));
    assert.deepEqual(
      files.filter((file) => file.endsWith(".attrs")),
      [],
    );
  });

  it("takes a database password of any characters", async () => {
    await minimal.row(firstPassword);
    const refused = assertExit(await minimal.query("SELECT 1", secondPassword), 1);
    assert.match(refused.stderr, /Access denied/);
  });

  describe("a secret file", () => {
    const container = () => `${minimal.name}-web`;
    const file = "/run/secrets/logins";

    it("reaches a process without root under a read-only root", async () => {
      const id = assertExit(await exec(container(), ["id", "--user"]), 0);
      assert.equal(id.stdout, "4321\n");
      const touch = assertExit(await exec(container(), ["touch", "/srv/www/index.html"], { user: "0" }), 1);
      assert.match(touch.stderr, /Read-only file system/);
      assert.equal((await minimal.get("/", { name: "reader", password: webPassword })).status, 200);
      assert.equal((await minimal.get("/", { name: "reader", password: "wrong" })).status, 401);
    });

    it("can be read by that user, and by no other user or group", async () => {
      const own = assertExit(await exec(container(), ["cat", file]), 0);
      assert.equal(own.stdout, `reader:{PLAIN}${webPassword}\n`);
      for (const user of ["65534:65534", "999:4322"]) {
        const other = assertExit(await exec(container(), ["cat", file], { user }), 1);
        assert.match(other.stderr, /Permission denied/);
      }
    });

    it("can be written by nobody in the container, root included", async () => {
      const own = assertExit(await exec(container(), ["sh", "-c", `echo x > ${file}`]), 2);
      assert.match(own.stderr, /Read-only file system|Permission denied/);
      const root = assertExit(await exec(container(), ["sh", "-c", `echo x > ${file}`], { user: "0" }), 2);
      assert.match(root.stderr, /Read-only file system/);
    });
  });

  it("shows its secrets nowhere in plain text", async () => {
    const shown = assertExit(await minimal.pulumi("stack", "export", "--show-secrets"), 0);
    const { deployment } = JSON.parse(shown.stdout) as {
      deployment: { resources: { type: string; outputs?: { result?: { plaintext?: string } } }[] };
    };
    const generated = deployment.resources
      .filter(({ type }) => type === "random:index/randomPassword:RandomPassword")
      .map(({ outputs }) => JSON.parse(outputs?.result?.plaintext ?? "null") as string);
    assert.equal(generated.length, 3);
    assert.ok(generated.includes(webPassword));
    const secrets = [firstPassword, ...generated];

    const containers = [...(await minimal.containers()).values()];
    const running = containers.filter(({ State: state }) => state.Running);
    const { docker } = sandbox;
    const places = {
      containers,
      images: await Promise.all(containers.map(({ Image: image }) => docker.getImage(image).inspect())),
      histories: await Promise.all(containers.map(({ Image: image }) => docker.getImage(image).history())),
      processes: await Promise.all(running.map(({ Id: id }) => docker.getContainer(id).top())),
      logs: await Promise.all(
        containers.map(async ({ Id: id }) => {
          const { stdout, stderr } = await sandbox.run("docker", ["logs", id]);
          return stdout + stderr;
        }),
      ),
      state: readFileSync(join(sandbox.home, "state", ".pulumi", "stacks", "slipway", "dev.json"), "utf8"),
      stackFile: readFileSync(sandbox.stackFile("dev"), "utf8"),
      written,
    };
    assert.ok(places.logs.some((log) => log.includes("ready for connections")));
    assert.deepEqual(findSecrets(places, secrets), []);
  });

  it("replaces for a changed secret what reads it and nothing else, and carries the password out", async () => {
    const before = await minimal.containers();
    const row = await minimal.row(firstPassword);
    const log = sandbox.start("docker", ["logs", "--follow", `${minimal.name}-database`]);
    await minimal.setSecret("camcopsMysqlUserPassword", secondPassword);
    const up = await minimal.up();

    assert.deepEqual(await minimal.replacedSince(before), ["credentials", "database", "database-files", "fill"]);
    assert.equal(await minimal.row(secondPassword), row);
    const refused = assertExit(await minimal.query("SELECT 1", firstPassword), 1);
    assert.match(refused.stderr, /Access denied/);
    // The former server was asked to end, and did.
    assert.match((await log.ended).stderr, /Shutdown complete/);
    assert.deepEqual(findSecrets([up.stdout, up.stderr], [firstPassword, secondPassword]), []);
    await minimal.assertComplete();
    await minimal.expectNoChanges();
  });

  it("previews of a changed image exactly what is then replaced", async () => {
    const before = await minimal.containers();
    sandbox.editStackFile("dev", { "minimal:webVersion": "2" });
    const planned = await engineSteps(minimal, "preview");
    const done = await engineSteps(minimal, "up");

    assert.deepEqual(planned, done);
    const planneds = Object.fromEntries(
      Object.entries(planned).filter(([name]) => name.endsWith("container") || name.endsWith("carrier")),
    );
    assert.deepEqual(planneds, { "logins-carrier": "replace", "web-container": "replace" });
    assert.deepEqual(await minimal.replacedSince(before), ["logins", "web"]);
    assert.equal(await (await minimal.get("/version")).text(), "version 2\n");
    await minimal.expectNoChanges();
  });

  it("keeps data and generated secrets when it is destroyed, be it plainly or with --exclude-protected", async () => {
    const row = await minimal.row(secondPassword);
    const plain = await minimal.pulumi("destroy", "--yes", "--skip-preview");
    assert.notEqual(plain.code, 0);
    assert.match(plain.stdout + plain.stderr, /protected/);
    assertExit(await minimal.pulumi("destroy", "--exclude-protected", "--yes", "--skip-preview"), 0);
    assert.deepEqual([...(await minimal.containers()).keys()], []);
    assert.deepEqual(await minimal.dataVolumes(), [`${minimal.name}-data`]);

    await minimal.up();
    assert.equal(await minimal.row(secondPassword), row);
    assert.equal(await minimal.webPassword(), webPassword);
    await minimal.assertComplete();
    await minimal.expectNoChanges();
  });

  it("runs beside another stack, which can go with its data", async () => {
    const row = await minimal.row(secondPassword);
    const before = await minimal.containers();
    const other = await MinimalStack.prepare(sandbox, { stack: "other", name: `${minimal.name}other` });
    await other.up();
    await other.assertComplete();
    await minimal.assertComplete();
    assert.notEqual(await other.webPassword(), webPassword);

    assertExit(await other.slipway("down", "--delete-data", "other", "--confirm", "other"), 0);
    assert.deepEqual([...(await other.containers()).keys()], []);
    assert.deepEqual(await other.dataVolumes(), []);
    assert.deepEqual(await minimal.replacedSince(before), []);
    assert.equal(await minimal.row(secondPassword), row);
    await minimal.assertComplete();
  });
});
