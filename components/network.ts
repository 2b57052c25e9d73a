import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { Host } from "./host.ts";
import { labelInputs, ownerLabels } from "./owner-labels.ts";
import { removeLeftoverNetwork } from "./leftovers.ts";

export interface NetworkArgs {
  host: Host;
  /** The system that the network belongs to. */
  system: string;
  /** The network's name in Docker. */
  networkName: string;
  /**
   * `internal`: its services reach one another and nothing else, and publish no port.
   * `edge`: they may publish ports and reach other servers.
   */
  kind: "internal" | "edge";
}

/** A bridge network on one host. */
export class Network extends pulumi.ComponentResource {
  readonly networkName: pulumi.Output<string>;

  constructor(name: string, args: NetworkArgs, opts?: pulumi.ComponentResourceOptions) {
    super("slipway:index:Network", name, {}, opts);
    this.networkName = new docker.Network(
      `${name}-network`,
      {
        name: args.networkName,
        driver: "bridge",
        internal: args.kind === "internal",
        labels: labelInputs(ownerLabels(args.host, args.system)),
      },
      {
        parent: this,
        deleteBeforeReplace: true,
        hooks: { beforeCreate: [(hook) => removeLeftoverNetwork(args.host.client, hook.newInputs)] },
      },
    ).name;
    this.registerOutputs({ networkName: this.networkName });
  }
}
