import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type Docker from "dockerode";
import { putSettingsBack } from "../../cli/backup/put-settings-back.ts";
import { stateFile } from "../../cli/deployment/state.ts";
import { siteOf, type Site } from "../../cli/site.ts";

const volume = (name: string, isData = true) => ({
  urn: `urn:pulumi:clinic::slipway::${isData ? "slipway:index:Volume" : "slipway:index:FileVolume"}$docker:index/volume:Volume::${name}`,
  type: "docker:index/volume:Volume",
  inputs: { name },
});
const state = JSON.stringify({
  checkpoint: { latest: { resources: [volume("data"), volume("kept"), volume("generated", false)] } },
});
const manifest = {
  format: "slipway-backup" as const,
  version: 1 as const,
  stack: "clinic",
  created: "2026-01-31T12:00:00.000Z",
  images: {},
  parts: [],
};
const archive = { manifest, texts: { "stack-file.yaml": "config: {}\n", "state.json": state } };
const client = { listVolumes: () => Promise.resolve({ Volumes: [{ Name: "kept" }] }) } as unknown as Docker;

describe("stack file and state of a backup", () => {
  let home: string;
  let site: Site;

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), "slipway-home-"));
    site = siteOf({ stack: "clinic", home });
    writeFileSync(site.folders.passphraseFile, "secret", { mode: 0o600 });
  });

  afterEach(() => {
    rmSync(home, { recursive: true });
  });

  it("are put back for their owner alone, and the volumes told that Docker has lost", async () => {
    assert.deepEqual(await putSettingsBack(client, site, archive), ["data"]);
    for (const [file, text] of [
      [site.stackFile, "config: {}\n"],
      [stateFile(site), state],
    ] as const) {
      assert.equal(readFileSync(file, "utf8"), text);
      assert.equal(statSync(file).mode & 0o777, 0o600);
      assert.equal(statSync(dirname(file)).mode & 0o777, 0o700);
    }
  });

  it("are not put back where any are, or for another stack, or without the passphrase, and all of it is said", async () => {
    mkdirSync(site.folders.stacks);
    writeFileSync(site.stackFile, "mine");
    rmSync(site.folders.passphraseFile);
    const other = { ...archive, manifest: { ...manifest, stack: "prod" } };
    await assert.rejects(putSettingsBack(client, site, other), (error: Error) => {
      assert.match(error.message, /It is of the stack "prod", not "clinic"\. Add: --stack prod\n/);
      assert.ok(error.message.includes(`${site.stackFile} is there already.`));
      assert.ok(error.message.includes(`${site.folders.passphraseFile} is missing`));
      assert.match(error.message, /Nothing was written\.$/);
      return true;
    });
    assert.equal(readFileSync(site.stackFile, "utf8"), "mine");
    assert.ok(!existsSync(stateFile(site)));
  });

  it("are not there in a backup by schedule", async () => {
    const scheduled = { ...archive, texts: {} };
    await assert.rejects(
      putSettingsBack(client, site, scheduled),
      /It holds no stack file and state, as one by schedule/,
    );
    assert.ok(!existsSync(site.stackFile));
  });
});
