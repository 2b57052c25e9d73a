import assert from "node:assert/strict";
import { Volume } from "../../components/volume.ts";
import { described, recordOnHost } from "../recorded.ts";

describe("Volume", () => {
  it("is protected, kept in Docker when it is deleted, and has no labels", async () => {
    const recorded = await recordOnHost((_, options) => new Volume("shop-data", { volumeName: "shop_data" }, options));
    assert.deepEqual(described(recorded), [
      {
        type: "slipway:index:Volume",
        name: "shop-data",
        parent: undefined,
        inputs: {},
        options: {},
        outputs: { volumeName: "shop_data" },
      },
      {
        type: "docker:index/volume:Volume",
        name: "shop-data-volume",
        parent: "shop-data",
        inputs: { name: "shop_data" },
        options: { provider: "host-provider", protect: true, retainOnDelete: true },
      },
    ]);
  });

  it("that exists already is known by its name and is no resource of the stack", async () => {
    const recorded = await recordOnHost(
      (_, options) => new Volume("shop-data", { volumeName: "old_data", exists: true }, options),
    );
    assert.deepEqual(described(recorded), [
      {
        type: "slipway:index:Volume",
        name: "shop-data",
        parent: undefined,
        inputs: {},
        options: {},
        outputs: { volumeName: "old_data" },
      },
    ]);
  });
});
