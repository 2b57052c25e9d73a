import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { containerOptions, hardenedContainer, type ContainerArgs } from "./container.ts";
import { exitedWithZero } from "./gate.ts";
import { label } from "./labels.ts";
import { removeLeftoverContainer } from "./leftovers.ts";

export interface TaskArgs extends ContainerArgs {
  /** The task's name in its system, such as `upgrade_db`. */
  task: string;
  /**
   * Only declared: a deployment makes its container and does not start it. `slipway task run` runs one like it.
   * @default false
   */
  manual?: boolean;
}

/**
 * One process run to its end before what depends on it starts. It runs again when any of its inputs changes, after it
 * failed, and when its container was removed, so it must be one that may be repeated without harm. A failure ends the
 * deployment with the last lines of its log. One that is manual is run by hand, and nothing waits for it.
 */
export class Task extends pulumi.ComponentResource {
  /** Changes whenever the task was run by a deployment. */
  readonly revision: pulumi.Output<string>;

  constructor(name: string, args: TaskArgs, opts?: pulumi.ComponentResourceOptions) {
    super("slipway:index:Task", name, {}, opts);
    const { task, manual = false } = args;
    const { client } = args.host;
    const container = new docker.Container(
      `${name}-container`,
      {
        ...hardenedContainer(args, { [label.task]: task, ...(manual && { [label.standby]: "true" }) }),
        restart: "no",
        ...(manual ? { start: false } : { attach: true }),
        mustRun: false,
      },
      {
        parent: this,
        ...containerOptions,
        hooks: {
          beforeCreate: [(hook) => removeLeftoverContainer(client, hook.newInputs)],
          ...(!manual && { afterCreate: [(hook) => exitedWithZero(client, hook.id, task)] }),
        },
      },
    );
    this.revision = container.id;
    this.registerOutputs({});
  }
}
