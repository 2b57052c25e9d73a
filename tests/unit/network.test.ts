import assert from "node:assert/strict";
import { Network } from "../../components/network.ts";
import { dockerStub } from "../docker-stub.ts";
import { labels, ownerLabels } from "../hardened.ts";
import { stateId } from "../provider-outputs.ts";
import { described, named, recordOnHost } from "../recorded.ts";

function recordNetwork(kind: "internal" | "edge", url?: string) {
  return recordOnHost(
    (host, options) => new Network("shop-broker", { host, system: "shop", networkName: "shop_broker", kind }, options),
    url === undefined ? {} : { url },
  );
}

describe("Network", () => {
  it("is one bridge that reaches nothing else when it is internal", async () => {
    assert.deepEqual(described(await recordNetwork("internal")), [
      {
        type: "slipway:index:Network",
        name: "shop-broker",
        parent: undefined,
        inputs: {},
        options: {},
        outputs: { networkName: "shop_broker" },
      },
      {
        type: "docker:index/network:Network",
        name: "shop-broker-network",
        parent: "shop-broker",
        inputs: {
          name: "shop_broker",
          driver: "bridge",
          internal: true,
          labels: labels(ownerLabels("shop")),
        },
        options: {
          provider: "host-provider",
          deleteBeforeReplace: true,
          hooks: ["beforeCreate"],
          dependsOn: ["host-state"],
        },
      },
    ]);
  });

  it("differs only in that when it is an edge", async () => {
    const internal = described(await recordNetwork("internal"));
    const edge = described(await recordNetwork("edge"));
    const [, network] = internal;
    assert.ok(network);
    network.inputs["internal"] = false;
    assert.deepEqual(edge, internal);
  });

  it("takes a leftover of the same state out of the way before it is made", async () => {
    const docker = await dockerStub({
      "GET /networks": { body: [{ Id: "n1", Name: "shop_broker", Labels: { "slipway.state": stateId } }] },
      "GET /networks/n1": { body: { Containers: {} } },
      "DELETE /networks/n1": { status: 204 },
    });
    try {
      await named(await recordNetwork("internal", docker.url), "shop-broker-network").runHooks("beforeCreate");
      assert.deepEqual(docker.requests, [
        'GET /networks?filters={"name":["shop_broker"]}',
        "GET /networks/n1",
        "DELETE /networks/n1",
      ]);
    } finally {
      await docker.close();
    }
  });
});
