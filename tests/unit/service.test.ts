import assert from "node:assert/strict";
import { Image } from "../../components/image.ts";
import { Network } from "../../components/network.ts";
import { Service, type PublishedPort, type ServiceArgs } from "../../components/service.ts";
import { dockerStub } from "../docker-stub.ts";
import { hardened, hardenedOptions } from "../hardened.ts";
import type { Recorded } from "../mocks.ts";
import { stateId } from "../provider-outputs.ts";
import { described, differences, named, recordOnHost, tree } from "../recorded.ts";

function recordService(own: Partial<ServiceArgs> = {}, url?: string) {
  return recordOnHost(
    (host, options) => {
      const image = new Image("image", { host, source: { pull: "shop:1" } }, options);
      const network = new Network("net", { host, system: "shop", networkName: "shop_net", kind: "internal" }, options);
      return new Service(
        "web",
        {
          host,
          system: "shop",
          service: "shop_web",
          containerName: "shop_web_1",
          image,
          networks: [{ network }],
          userId: 5,
          groupId: 5,
          memory: 256,
          healthCheck: { command: ["probe", "it"], startPeriodSeconds: 125 },
          operations: { version: 1, shell: ["sh"] },
          ...own,
        },
        options,
      );
    },
    url === undefined ? {} : { url },
  );
}

const own = { "slipway.service": "shop_web", "slipway.operations": '{"version":1,"shell":["sh"]}' };

function container(name: string) {
  return {
    ...hardened({ name, reference: "shop:1", user: 5, own }),
    networksAdvanced: [{ name: "shop_net", aliases: [] }],
    memory: 256,
    restart: "unless-stopped",
    ports: [],
    healthcheck: { tests: ["CMD", "probe", "it"], interval: "5s", timeout: "5s", retries: 3, startPeriod: "2m5s" },
  };
}

describe("Service", () => {
  it("is one container, and a gate that is made when the container is healthy", async () => {
    const recorded = await recordService();
    assert.deepEqual(
      described(recorded).filter(({ name }) => name.startsWith("web")),
      [
        {
          type: "slipway:index:Service",
          name: "web",
          parent: undefined,
          inputs: {},
          options: {},
          outputs: { containerNames: ["shop_web_1"] },
        },
        {
          type: "docker:index/container:Container",
          name: "web-container",
          parent: "web",
          inputs: container("shop_web_1"),
          options: {
            ...hardenedOptions,
            hooks: ["beforeCreate"],
            dependsOn: ["host-state", "image-image", "net-network"],
          },
        },
        {
          type: "random:index/randomId:RandomId",
          name: "web-healthy",
          parent: "web",
          inputs: { byteLength: 4, keepers: { containers: named(recorded, "web-container").id } },
          options: { hooks: ["beforeCreate"], dependsOn: ["web-container"] },
        },
      ],
    );
  });

  it("is several equal containers, which differ only in their names", async () => {
    const recorded = await recordService({ replicas: 3 });
    assert.deepEqual(tree(recorded.filter(({ name }) => name.startsWith("web"))), [
      ["slipway:index:Service", "web", undefined],
      ["docker:index/container:Container", "web-container-1", "web"],
      ["docker:index/container:Container", "web-container-2", "web"],
      ["docker:index/container:Container", "web-container-3", "web"],
      ["random:index/randomId:RandomId", "web-healthy", "web"],
    ]);
    const replicas = [1, 2, 3].map((index) => named(recorded, `web-container-${index}`));
    assert.deepEqual(
      replicas.map(({ inputs }) => inputs),
      ["shop_web_1-1", "shop_web_1-2", "shop_web_1-3"].map(container),
    );
    assert.deepEqual(named(recorded, "web-healthy").inputs["keepers"], {
      containers: replicas.map(({ id }) => id).join(" "),
    });
    assert.deepEqual(named(recorded, "web").outputs, {
      containerNames: ["shop_web_1-1", "shop_web_1-2", "shop_web_1-3"],
    });
  });

  it("is made, but neither started nor waited for, when it stands by", async () => {
    const recorded = await recordService({ standby: true });
    assert.deepEqual(
      tree(recorded).filter(([, name]) => name.startsWith("web")),
      [
        ["slipway:index:Service", "web", undefined],
        ["docker:index/container:Container", "web-container", "web"],
      ],
    );
    const { labels, ...inputs } = container("shop_web_1");
    assert.deepEqual(named(recorded, "web-container").inputs, {
      ...inputs,
      labels: [...labels, { label: "slipway.standby", value: "true" }],
      start: false,
      mustRun: false,
    });
  });

  it("leaves the containers that there are alone when their number changes", async () => {
    assert.deepEqual(differences(await recordService({ replicas: 1 }), await recordService({ replicas: 2 })), {
      removed: [],
      added: ["web-container-2"],
      changed: ["web", "web-healthy"],
    });
  });

  it("has the ports, the health check and the restart policy that were asked for", async () => {
    const recorded = await recordService({
      restart: "on-failure",
      ports: [{ address: "127.0.0.1", hostPort: 8080, containerPort: 80 }],
      healthCheck: { command: ["probe"], intervalSeconds: 60, timeoutSeconds: 61, retries: 9, startPeriodSeconds: 1 },
    });
    assert.deepEqual(named(recorded, "web-container").inputs, {
      ...container("shop_web_1"),
      restart: "on-failure",
      ports: [{ ip: "127.0.0.1", external: 8080, internal: 80 }],
      healthcheck: { tests: ["CMD", "probe"], interval: "1m0s", timeout: "1m1s", retries: 9, startPeriod: "1s" },
    });
  });

  it("publishes its ports in one order, whatever the order in which they were given", async () => {
    const port = (hostPort: number, containerPort: number): PublishedPort => ({
      address: "0.0.0.0",
      hostPort,
      containerPort,
    });
    const ports = [port(9000, 80), port(443, 443), port(8000, 80), port(8443, 443)];
    for (const given of [ports, ports.toReversed()]) {
      const { inputs } = named(await recordService({ ports: given }), "web-container");
      assert.deepEqual(
        (inputs["ports"] as { internal: number; external: number }[]).map(({ internal, external }) => [
          internal,
          external,
        ]),
        [
          [80, 8000],
          [80, 9000],
          [443, 443],
          [443, 8443],
        ],
      );
    }
  });

  describe("that is replaced without an interruption", () => {
    const takesOver = ["take", "over"];

    it("is made under a name of its own before its former container goes", async () => {
      const recorded = await recordService({ takesOver });
      const { inputs, options } = named(recorded, "web-container");
      assert.deepEqual(inputs, {
        ...container("shop_web_1"),
        name: `shop_web_1-${stateId}`,
        envs: ["TZ=UTC", `SERVICE_INSTANCE=${stateId}`],
      });
      const { deleteBeforeReplace, ...kept } = hardenedOptions;
      assert.equal(deleteBeforeReplace, true);
      assert.deepEqual(options, {
        ...kept,
        hooks: ["beforeCreate"],
        dependsOn: ["host-state", "image-image", "net-network", "web-revision"],
      });
      const keepers = (made: Recorded[]) => named(made, "web-revision").inputs["keepers"];
      assert.match(JSON.stringify(keepers(recorded)), /^\{"inputs":"[0-9a-f]{64}"\}$/);
      assert.deepEqual(keepers(await recordService({ takesOver })), keepers(recorded));
      assert.notDeepEqual(keepers(await recordService({ takesOver, restart: "no" })), keepers(recorded));
    });

    it("takes over when it is healthy, and not before", async () => {
      const { id } = named(await recordService({ takesOver }), "web-container");
      const state = (status: string) => ({
        body: {
          Config: { Tty: true },
          RestartCount: 0,
          State: { Running: true, Restarting: false, Health: { Status: status, Log: [] } },
        },
      });
      const inspect = `GET /containers/${id}/json`;
      const docker = await dockerStub({
        [inspect]: [state("starting"), state("healthy")],
        [`POST /containers/${id}/exec`]: { status: 201, body: { Id: "e1" } },
        "POST /exec/e1/start": { body: Buffer.from("") },
        "GET /exec/e1/json": { body: { ExitCode: 0 } },
      });
      try {
        await named(await recordService({ takesOver }, docker.url), "web-healthy").runHooks("beforeCreate");
        assert.deepEqual(docker.requests, [
          inspect,
          inspect,
          `POST /containers/${id}/exec`,
          "POST /exec/e1/start",
          "GET /exec/e1/json",
        ]);
        assert.deepEqual((JSON.parse(String(docker.bodies[2])) as { Cmd: unknown }).Cmd, takesOver);
      } finally {
        await docker.close();
      }
    });
  });

  it("refuses operations that the command line would not understand", async () => {
    await assert.rejects(recordService({ operations: { version: 1, shell: [] } }), /shell/);
  });

  it("takes a container that a killed run left behind out of the way", async () => {
    const docker = await dockerStub({});
    try {
      const recorded = await recordService({ replicas: 2 }, docker.url);
      await named(recorded, "web-container-2").runHooks("beforeCreate");
      assert.deepEqual(docker.requests, ["GET /containers/shop_web_1-2/json"]);
    } finally {
      await docker.close();
    }
  });

  it("passes its gate when each of its containers is healthy", async () => {
    const answer = (status: string, log: object[] = []) => ({
      body: {
        Config: { Tty: true },
        RestartCount: 0,
        State: { Running: true, Restarting: false, Health: { Status: status, Log: log } },
      },
    });
    const containers = await recordService({ replicas: 2 });
    const first = named(containers, "web-container-1").id;
    const second = named(containers, "web-container-2").id;
    const docker = await dockerStub({
      [`GET /containers/${first}/json`]: answer("healthy"),
      [`GET /containers/${second}/json`]: [answer("healthy"), answer("unhealthy", [{ ExitCode: 1, Output: "no" }])],
      [`GET /containers/${second}/logs`]: { body: Buffer.from("why") },
      [`POST /containers/${second}/stop`]: { status: 204 },
    });
    try {
      const gate = named(await recordService({ replicas: 2 }, docker.url), "web-healthy");
      await gate.runHooks("beforeCreate");
      assert.deepEqual(
        docker.requests.toSorted(),
        [first, second].map((id) => `GET /containers/${id}/json`).toSorted(),
      );
      await assert.rejects(gate.runHooks("beforeCreate"), /^Error: shop_web is unhealthy\.[^]*why$/);
    } finally {
      await docker.close();
    }
  });
});
