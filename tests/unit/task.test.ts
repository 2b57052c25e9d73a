import assert from "node:assert/strict";
import { Image } from "../../components/image.ts";
import { Network } from "../../components/network.ts";
import { Task } from "../../components/task.ts";
import { dockerStub } from "../docker-stub.ts";
import { hardened, hardenedOptions } from "../hardened.ts";
import { described, named, recordOnHost } from "../recorded.ts";

function recordTask({ url, manual }: { url?: string; manual?: true } = {}) {
  return recordOnHost(
    (host, options) => {
      const image = new Image("image", { host, source: { pull: "shop:1" } }, options);
      const network = new Network("net", { host, system: "shop", networkName: "shop_net", kind: "internal" }, options);
      const owner = { host, system: "shop", image, networks: [{ network }], userId: 5, groupId: 5, memory: 256 };
      return new Task(
        "migrate",
        { ...owner, task: "upgrade", containerName: "shop_upgrade", command: ["upgrade"], ...(manual && { manual }) },
        options,
      );
    },
    url === undefined ? {} : { url },
  );
}

describe("Task", () => {
  it("is one container that runs to its end while it is made, and is not started again", async () => {
    assert.deepEqual(
      described(await recordTask()).filter(({ name }) => name.startsWith("migrate")),
      [
        {
          type: "slipway:index:Task",
          name: "migrate",
          parent: undefined,
          inputs: {},
          options: {},
          outputs: {},
        },
        {
          type: "docker:index/container:Container",
          name: "migrate-container",
          parent: "migrate",
          inputs: {
            ...hardened({ name: "shop_upgrade", reference: "shop:1", user: 5, own: { "slipway.task": "upgrade" } }),
            networksAdvanced: [{ name: "shop_net", aliases: [] }],
            memory: 256,
            command: ["upgrade"],
            restart: "no",
            attach: true,
            mustRun: false,
          },
          options: {
            ...hardenedOptions,
            hooks: ["afterCreate", "beforeCreate"],
            dependsOn: ["host-state", "image-image", "net-network"],
          },
        },
      ],
    );
  });

  it("is a container that is not started, and nothing waits for, when it is manual", async () => {
    const usual = await recordTask();
    const manual = await recordTask({ manual: true });
    const { attach, ...inputs } = named(usual, "migrate-container").inputs;
    assert.equal(attach, true);
    const { labels } = inputs as { labels: { label: string; value: string }[] };
    const container = named(manual, "migrate-container");
    assert.deepEqual(container.inputs, {
      ...inputs,
      labels: [...labels, { label: "slipway.standby", value: "true" }],
      start: false,
    });
    assert.deepEqual(container.options.hooks, ["beforeCreate"]);
  });

  it("takes a container that a killed run left behind out of the way, and fails when its process failed", async () => {
    const id = named(await recordTask(), "migrate-container").id;
    const docker = await dockerStub({
      [`GET /containers/${id}/json`]: { body: { Config: { Tty: true }, State: { Running: false, ExitCode: 3 } } },
      [`GET /containers/${id}/logs`]: { body: Buffer.from("why") },
      [`DELETE /containers/${id}`]: { status: 204 },
    });
    try {
      const container = named(await recordTask({ url: docker.url }), "migrate-container");
      await container.runHooks("beforeCreate");
      assert.deepEqual(docker.requests, ["GET /containers/shop_upgrade/json"]);
      await assert.rejects(
        container.runHooks("afterCreate"),
        /^Error: The task upgrade failed with exit code 3\.[^]*why$/,
      );
    } finally {
      await docker.close();
    }
  });
});
