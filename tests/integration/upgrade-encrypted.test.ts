import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { assertExit } from "./support/processes.ts";
import { Sandbox } from "./support/sandbox.ts";
import { Shop, shopProgram } from "./support/shop.ts";

describe("an upgrade with encrypted backups", function () {
  this.timeout(10 * 60_000);
  this.slow(2 * 60_000);

  let sandbox: Sandbox;
  let shop: Shop;
  let key: string;

  before(async () => {
    sandbox = new Sandbox({ program: shopProgram });
    shop = await Shop.prepare(sandbox);
    await shop.up();
    await shop.write("the first user");
    // Makes the image with the tools.
    assertExit(await shop.slipway("backup"), 0);
    const images = (await sandbox.docker.listImages()).flatMap(({ RepoTags: tags }) => tags ?? []);
    const tools = images.find((tag) => tag.startsWith("slipway/backup:")) ?? "";
    const made = assertExit(await sandbox.run("docker", ["run", "--rm", "--network=none", tools, "age-keygen"]), 0);
    key = join(sandbox.folder, "key");
    writeFileSync(key, made.stdout, { mode: 0o600 });
    sandbox.editStackFile("dev", { "slipway:backup": { recipient: /age1\S+/.exec(made.stdout)?.[0] } });
  });

  after(() => sandbox.remove());

  it("is brought back without the private key, which alone opens them afterwards", async () => {
    const before = await shop.data();
    shop.release(2, "migration");
    const failed = assertExit(await shop.slipway("upgrade", "--yes"), 1);
    const backup = /backup before the upgrade: (\S+\.upgrade\.tar\.zst\.age)/.exec(failed.stderr)?.[1] ?? "";
    assert.notEqual(backup, "", failed.stderr);
    assert.deepEqual(await shop.data(), before);
    assert.equal(existsSync(join(sandbox.home, "deployments", "dev", "identity")), false);
    assertExit(await shop.slipway("restore", backup, "--verify-only"), 2);
    assertExit(await shop.slipway("restore", backup, "--verify-only", "--identity", key), 0);
  });

  it("is undone with its data by whoever has the private key, and the settings are those of before", async () => {
    shop.release(2);
    assertExit(await shop.slipway("upgrade", "--yes"), 0);
    assert.equal(await shop.servedVersion(), "version 2");
    const { number } = (await shop.history()).find(({ result }) => result === "succeeded") ?? { number: 0 };
    const back = (...more: string[]) =>
      shop.slipway("rollback", String(number), "--with-data", "--confirm", "dev", ...more);
    const refused = assertExit(await back(), 2);
    assert.match(refused.stderr, /is encrypted. Name the file with the private key: --identity FILE/);
    assert.equal(await shop.servedVersion(), "version 2");

    const { stdout } = assertExit(await back("--identity", key), 0);
    assert.match(stdout, /holds the settings of the deployment \d+; the former file is kept as/);
    assert.equal(await shop.servedVersion(), "version 1");
    const listed = assertExit(await shop.slipway("history"), 0);
    assert.match(listed.stdout, new RegExp(`rollback to ${number} +succeeded`));
    assert.match(listed.stdout, /backup of the data before it: \S+\.age/);
    shop.release(1);
    await shop.expectNoChanges();
  });
});
