import assert from "node:assert/strict";
import { Host } from "../../components/host.ts";
import { dockerStub } from "../docker-stub.ts";
import { record } from "../mocks.ts";
import { providerOutputs, stateId } from "../provider-outputs.ts";
import { described } from "../recorded.ts";

describe("Host", () => {
  it("is a provider of its own for the engine, and a protected name of the state", async () => {
    const recorded = await record(() => new Host("host", { url: "ssh://admin@example.org" }), {
      outputs: providerOutputs,
    });
    assert.deepEqual(described(recorded), [
      {
        type: "slipway:index:Host",
        name: "host",
        parent: undefined,
        inputs: {},
        options: {},
        outputs: { stateId },
      },
      {
        type: "pulumi:providers:docker",
        name: "host-provider",
        parent: "host",
        inputs: { host: "ssh://admin@example.org" },
        options: {},
      },
      {
        type: "random:index/randomId:RandomId",
        name: "host-state",
        parent: "host",
        inputs: { byteLength: 8 },
        options: { protect: true },
      },
    ]);
  });

  it("talks to the same engine by a client", async () => {
    const docker = await dockerStub({ "GET /version": { body: { Version: "27.0.0" } } });
    try {
      await record(async () => {
        const host = new Host("host", { url: docker.url });
        assert.equal((await host.client.version()).Version, "27.0.0");
      });
    } finally {
      await docker.close();
    }
  });
});
