import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { keepFormer, newStackText } from "../../cli/moving-in/new-stack.ts";
import { siteOf } from "../../cli/site.ts";
import { environmentNames } from "../../settings/environment.ts";
import { systemNames } from "../../settings/systems.ts";

describe("the file of a new stack", () => {
  const site = siteOf({ stack: "lab", home: "/nonexistent" });
  for (const system of systemNames) {
    for (const environment of environmentNames) {
      it(`with ${system} is of ${environment}, and holds nothing else of an example's values`, () => {
        const text = newStackText(site, { system, environment, settings: { name: "lab" }, secrets: {} });
        assert.deepEqual(parse(text), {
          config: { "slipway:environment": environment, [`slipway:${system}`]: { name: "lab" } },
        });
        assert.match(text, /^# The stack "lab"\.$/m);
      });
    }
  }

  it("keeps the former one beside it, which stays in its place until the new one is whole", () => {
    const home = mkdtempSync(join(tmpdir(), "slipway-new-stack-"));
    try {
      const there = siteOf({ stack: "lab", home });
      assert.equal(keepFormer(there), undefined);
      mkdirSync(there.folders.stacks, { recursive: true });
      writeFileSync(there.stackFile, "former");
      const former = keepFormer(there) ?? "";
      for (const file of [former, there.stackFile]) assert.equal(readFileSync(file, "utf8"), "former");
      assert.equal(statSync(former).mode & 0o777, 0o600);
    } finally {
      rmSync(home, { recursive: true });
    }
  });
});
