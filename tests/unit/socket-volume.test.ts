import assert from "node:assert/strict";
import { SocketVolume } from "../../components/socket-volume.ts";
import { described, recordOnHost } from "../recorded.ts";

describe("SocketVolume", () => {
  it("is a folder in memory of one user, and nothing to keep", async () => {
    const recorded = await recordOnHost(
      (_, options) => new SocketVolume("shop", { volumeName: "shop-sockets", userId: 5, groupId: 6 }, options),
    );
    assert.deepEqual(described(recorded), [
      {
        type: "slipway:index:SocketVolume",
        name: "shop",
        parent: undefined,
        inputs: {},
        options: {},
        outputs: { volumeName: "shop-sockets" },
      },
      {
        type: "docker:index/volume:Volume",
        name: "shop-volume",
        parent: "shop",
        inputs: {
          name: "shop-sockets",
          driver: "local",
          driverOpts: { type: "tmpfs", device: "tmpfs", o: "size=1m,mode=0700,uid=5,gid=6" },
        },
        options: { provider: "host-provider", deleteBeforeReplace: true },
      },
    ]);
  });
});
