import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { siteOf, type Site } from "../../cli/site.ts";
import { adoptSettings } from "../../cli/upgrade/adopt-settings.ts";
import { settingsOf } from "../../cli/upgrade/history.ts";

describe("the settings of a deployment that is brought again", () => {
  let home: string;
  let site: Site;

  const files = () => readdirSync(dirname(site.stackFile));

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), "slipway-adopt-test-"));
    site = siteOf({ stack: "dev", home });
    mkdirSync(dirname(settingsOf(site, 3)), { recursive: true });
    writeFileSync(settingsOf(site, 3), "config: { a: 1 }\n");
  });

  afterEach(() => {
    rmSync(home, { recursive: true });
  });

  it("become the stack's file, for its owner alone, and the present one is kept beside it", () => {
    mkdirSync(dirname(site.stackFile), { recursive: true });
    writeFileSync(site.stackFile, "config: { a: 2 }\n");
    adoptSettings(site, 3);
    assert.equal(readFileSync(site.stackFile, "utf8"), "config: { a: 1 }\n");
    assert.equal(statSync(site.stackFile).mode & 0o777, 0o600);
    const [former = "", ...others] = files().filter((name) => name !== "Pulumi.dev.yaml");
    assert.equal(readFileSync(join(dirname(site.stackFile), former), "utf8"), "config: { a: 2 }\n");
    assert.deepEqual(others, []);

    // A second time, as after a kill, there is nothing to keep.
    adoptSettings(site, 3);
    assert.equal(files().length, 2);
  });

  it("become it also where there is none", () => {
    adoptSettings(site, 3);
    assert.deepEqual(files(), ["Pulumi.dev.yaml"]);
  });
});
