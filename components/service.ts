import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import {
  containerOptions,
  fingerprint,
  hardenedContainer,
  overlappingOptions,
  type ContainerArgs,
  type Mount,
} from "./container.ts";
import { takeOver, untilHealthy } from "./gate.ts";
import { label } from "./labels.ts";
import { releasePorts, removeLeftoverContainer } from "./leftovers.ts";
import { operationsLabel, type ServiceOperations } from "./operations.ts";

export interface PublishedPort {
  /** Address of the host on which the port listens. */
  address: string;
  /** Port on the host. */
  hostPort: number;
  /** Port in the container. */
  containerPort: number;
}

export interface HealthCheck {
  /** The command, as a list without a shell. Exit code 0 means healthy. */
  command: string[];
  /** Seconds between two checks. @default 5 */
  intervalSeconds?: number;
  /** Seconds that one check may take. @default 5 */
  timeoutSeconds?: number;
  /** Failed checks in a row that make the service unhealthy. @default 3 */
  retries?: number;
  /** Seconds after the start in which failed checks do not count. A deployment waits no longer than this and the checks after it. */
  startPeriodSeconds: number;
}

/** `unless-stopped` brings a service back after a crash and a restart of the machine, but not after it was stopped by hand. */
export type RestartPolicy = "unless-stopped" | "always" | "on-failure" | "no";

/** What a user may say of any service. */
export type ServiceTerms = Pick<ServiceArgs, "memory" | "cpus" | "restart" | "logs" | "timeZone">;

export interface ServiceArgs extends ContainerArgs {
  /** The service's name in its system, such as `web`. */
  service: string;
  healthCheck: HealthCheck;
  /** @default none */
  ports?: PublishedPort[];
  /** @default `unless-stopped` */
  restart?: RestartPolicy | undefined;
  /**
   * Made, but neither started nor stopped by a deployment: that is the user's, by `slipway start` and `slipway stop`. Nothing
   * waits for its health. @default false
   */
  standby?: boolean;
  /**
   * Makes the service one that is replaced without an interruption: a new container is made beside the former one, and when
   * it is healthy, this command is run in it, by which what begins from then on comes to it. After that the former one is
   * asked to end. Each has an environment variable SERVICE_INSTANCE with a text of its own. Such a service publishes no
   * port, takes its files from a `FileVolume` that is `overlapping`, and finishes what it has begun when it is asked to end.
   * @default the former container goes before the new one comes
   */
  takesOver?: string[] | undefined;
  /** How many equal containers run, named `${containerName}-1` and so on. @default one, named `containerName` */
  replicas?: number | undefined;
  operations: ServiceOperations;
  /** How another container of its image reads its database. @default it cannot */
  remoteDatabase?: RemoteDatabase;
}

/** Commands that a container of a database's image, user, files and environment runs to read the database by a network. */
export interface RemoteDatabase extends Pick<NonNullable<ServiceOperations["database"]>, "dump" | "rows" | "version"> {
  /** What they need besides. @default nothing */
  mounts?: Mount[];
  /** The folders in the image for which Docker would make a volume without a name. @default none */
  emptyPaths?: string[];
}

function duration(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  return minutes === 0 ? `${String(seconds)}s` : `${String(minutes)}m${String(seconds % 60)}s`;
}

/**
 * One long-running process from one image, in one container or several equal ones. Whatever depends on it waits until
 * Docker calls it healthy; if it does not get there, the deployment fails with its last log lines.
 */
export class Service extends pulumi.ComponentResource {
  /** The names of its containers. */
  readonly containerNames: pulumi.Output<string[]>;

  constructor(name: string, args: ServiceArgs, opts?: pulumi.ComponentResourceOptions) {
    super("slipway:index:Service", name, {}, opts);
    const { client } = args.host;
    args.host.services.push(args);
    const check = { intervalSeconds: 5, timeoutSeconds: 5, retries: 3, ...args.healthCheck };
    const timeoutSeconds =
      check.startPeriodSeconds + (check.intervalSeconds + check.timeoutSeconds) * (check.retries + 1);
    const gate = { service: args.service, stack: pulumi.getStack(), timeoutSeconds };
    const suffixes =
      args.replicas === undefined ? [""] : Array.from({ length: args.replicas }, (_, index) => `-${String(index + 1)}`);
    const { takesOver } = args;
    // One that overlaps its former one has a name of its own: random, because former settings come back while the container
    // with them still serves, and kept in the state, so that what a killed run has left is found by its name.
    const named = (suffix: string, inputs: docker.ContainerArgs): docker.ContainerArgs => {
      if (takesOver === undefined) return inputs;
      const keepers = { inputs: fingerprint(inputs) };
      const { hex } = new random.RandomId(`${name}-revision${suffix}`, { byteLength: 4, keepers }, { parent: this });
      return {
        ...inputs,
        name: pulumi.interpolate`${inputs.name}-${hex}`,
        envs: pulumi.all([inputs.envs, hex]).apply(([all = [], instance]) => [...all, `SERVICE_INSTANCE=${instance}`]),
      };
    };
    const containers = suffixes.map(
      (suffix) =>
        new docker.Container(
          `${name}-container${suffix}`,
          named(suffix, {
            ...hardenedContainer(
              { ...args, containerName: args.containerName + suffix },
              {
                [label.service]: args.service,
                [label.operations]: operationsLabel(args.operations),
                ...(args.standby && { [label.standby]: "true" }),
              },
            ),
            ...(args.standby && { start: false, mustRun: false }),
            restart: args.restart ?? "unless-stopped",
            ports: (args.ports ?? [])
              .map(({ address, hostPort, containerPort }) => ({
                ip: address,
                external: hostPort,
                internal: containerPort,
              }))
              .sort((a, b) => a.internal - b.internal || a.external - b.external),
            healthcheck: {
              tests: ["CMD", ...check.command],
              interval: duration(check.intervalSeconds),
              timeout: duration(check.timeoutSeconds),
              retries: check.retries,
              startPeriod: duration(check.startPeriodSeconds),
            },
          }),
          {
            parent: this,
            ...(takesOver === undefined ? containerOptions : overlappingOptions),
            hooks: {
              beforeCreate: [
                async (hook) => {
                  await removeLeftoverContainer(client, hook.newInputs);
                  await releasePorts(client, hook.newInputs);
                },
              ],
            },
          },
        ),
    );

    this.containerNames = pulumi.all(containers.map((container) => container.name));
    this.registerOutputs({ containerNames: this.containerNames });
    if (args.standby) return;

    // The gate is a resource of its own, because the engine saves no other resource's state while an after-hook runs: one
    // slow service would hold up all others. It is made anew with every container, and is not made while one is unhealthy.
    const ids = pulumi.all(containers.map((container) => container.id));
    new random.RandomId(
      `${name}-healthy`,
      { byteLength: 4, keepers: { containers: ids.apply((all) => all.join(" ")) } },
      {
        parent: this,
        hooks: {
          beforeCreate: [
            async (hook) => {
              const { keepers } = hook.newInputs as { keepers: { containers: string } };
              const all = keepers.containers.split(" ");
              await Promise.all(all.map((id) => untilHealthy(client, id, gate)));
              if (takesOver !== undefined) await Promise.all(all.map((id) => takeOver(client, id, takesOver)));
            },
          ],
        },
      },
    );
  }
}
