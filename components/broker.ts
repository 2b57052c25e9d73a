import * as pulumi from "@pulumi/pulumi";
import type { Host } from "./host.ts";
import type { Image } from "./image.ts";
import type { Network } from "./network.ts";
import { Service, type ServiceTerms } from "./service.ts";
import { Volume } from "./volume.ts";

/** The user that RabbitMQ runs as, in the official image and in `images/rabbitmq`. */
const rabbitmqUser = 999;

export interface MessageBrokerArgs extends ServiceTerms {
  /** How much it logs. @default what its image does */
  logLevel?: "debug" | "info" | "warning" | "error" | undefined;
  host: Host;
  system: string;
  /** The service's name, by which others on `network` reach it. */
  service: string;
  containerName: string;
  /** RabbitMQ, with the contract of its official image. */
  image: Image;
  /** Name of the volume that holds the queues. */
  volumeName: string;
  /** Whoever is on this network may use the broker: it asks for no password. */
  network: Network;
}

/** A RabbitMQ broker whose queues outlive its container. It publishes no port. */
export class MessageBroker extends pulumi.ComponentResource {
  /** AMQP URL for clients on its network. */
  readonly url: string;

  constructor(name: string, args: MessageBrokerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("slipway:index:MessageBroker", name, {}, opts);
    const { host, system, service, containerName, image, memory, cpus, restart, logs, timeZone } = args;
    const data = new Volume(`${name}-data`, { volumeName: args.volumeName }, { parent: this });
    new Service(
      `${name}-service`,
      {
        host,
        system,
        service,
        containerName,
        image,
        // The data folder is named after the node: this name does not depend on the container.
        environment: {
          RABBITMQ_NODENAME: "rabbit@localhost",
          ...(args.logLevel !== undefined && { RABBITMQ_LOG: args.logLevel }),
        },
        mounts: [{ source: data, target: "/var/lib/rabbitmq" }],
        networks: [{ network: args.network, aliases: [service] }],
        userId: rabbitmqUser,
        groupId: rabbitmqUser,
        memory,
        cpus,
        restart,
        logs,
        timeZone,
        healthCheck: {
          // RabbitMQ opens its listener last of all; its own diagnostics take a second of processor time each.
          command: ["bash", "-c", "</dev/tcp/127.0.0.1/5672"],
          intervalSeconds: 3,
          retries: 5,
          startPeriodSeconds: 120,
        },
        operations: { version: 1, shell: ["bash"] },
      },
      { parent: this },
    );
    this.url = `amqp://${service}:5672/`;
    this.registerOutputs({ url: this.url });
  }
}
