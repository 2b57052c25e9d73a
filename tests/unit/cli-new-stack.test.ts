import assert from "node:assert/strict";
import { parse } from "yaml";
import { newStackText } from "../../cli/moving-in/new-stack.ts";
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
});
