import assert from "node:assert/strict";
import { MessageBroker, type MessageBrokerArgs } from "../../components/broker.ts";
import { Image } from "../../components/image.ts";
import { Network } from "../../components/network.ts";
import { hardened, hardenedOptions } from "../hardened.ts";
import { described, named, recordOnHost } from "../recorded.ts";

let broker: MessageBroker | undefined;

async function recordBroker(own: Partial<MessageBrokerArgs> = {}) {
  const recorded = await recordOnHost((host, options) => {
    const image = new Image("image", { host, source: { pull: "rabbitmq:4" } }, options);
    const network = new Network("net", { host, system: "shop", networkName: "shop_net", kind: "internal" }, options);
    broker = new MessageBroker(
      "queue",
      {
        host,
        system: "shop",
        service: "rabbitmq",
        containerName: "shop_rabbitmq",
        image,
        volumeName: "shop_queues",
        network,
        memory: 512,
        ...own,
      },
      options,
    );
  });
  return recorded.filter(({ name }) => name.startsWith("queue"));
}

const own = { "slipway.service": "rabbitmq", "slipway.operations": '{"version":1,"shell":["bash"]}' };
const container = {
  ...hardened({ name: "shop_rabbitmq", reference: "rabbitmq:4", user: 999, own }),
  envs: ["TZ=UTC", "RABBITMQ_NODENAME=rabbit@localhost"],
  volumes: [{ containerPath: "/var/lib/rabbitmq", readOnly: false, volumeName: "shop_queues" }],
  networksAdvanced: [{ name: "shop_net", aliases: ["rabbitmq"] }],
  ports: [],
  memory: 512,
  restart: "unless-stopped",
  healthcheck: {
    tests: ["CMD", "bash", "-c", "</dev/tcp/127.0.0.1/5672"],
    interval: "3s",
    timeout: "5s",
    retries: 5,
    startPeriod: "2m0s",
  },
};

describe("MessageBroker", () => {
  it("is a kept volume and a service that publishes no port", async () => {
    const recorded = await recordBroker();
    assert.deepEqual(described(recorded), [
      {
        type: "slipway:index:MessageBroker",
        name: "queue",
        parent: undefined,
        inputs: {},
        options: {},
        outputs: { url: "amqp://rabbitmq:5672/" },
      },
      {
        type: "slipway:index:Volume",
        name: "queue-data",
        parent: "queue",
        inputs: {},
        options: {},
        outputs: { volumeName: "shop_queues" },
      },
      {
        type: "docker:index/volume:Volume",
        name: "queue-data-volume",
        parent: "queue-data",
        inputs: { name: "shop_queues" },
        options: { provider: "host-provider", protect: true, retainOnDelete: true },
      },
      {
        type: "slipway:index:Service",
        name: "queue-service",
        parent: "queue",
        inputs: {},
        options: {},
        outputs: { containerNames: ["shop_rabbitmq"] },
      },
      {
        type: "docker:index/container:Container",
        name: "queue-service-container",
        parent: "queue-service",
        inputs: container,
        options: {
          ...hardenedOptions,
          hooks: ["beforeCreate"],
          dependsOn: ["host-state", "image-image", "net-network", "queue-data-volume"],
        },
      },
      {
        type: "random:index/randomId:RandomId",
        name: "queue-service-healthy",
        parent: "queue-service",
        inputs: { byteLength: 4, keepers: { containers: named(recorded, "queue-service-container").id } },
        options: { hooks: ["beforeCreate"], dependsOn: ["queue-service-container"] },
      },
    ]);
    assert.equal(broker?.url, "amqp://rabbitmq:5672/");
  });

  it("hands on the limits of its service", async () => {
    const recorded = await recordBroker({
      memory: 1024,
      restart: "no",
      logs: { maxSize: 1, maxFiles: 2 },
      timeZone: "Europe/London",
    });
    assert.deepEqual(named(recorded, "queue-service-container").inputs, {
      ...container,
      memory: 1024,
      restart: "no",
      logOpts: { "max-size": "1m", "max-file": "2" },
      envs: ["TZ=Europe/London", "RABBITMQ_NODENAME=rabbit@localhost"],
    });
  });
});
