import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";

export interface VolumeArgs {
  /** The volume's name in Docker. Caution: another name is another, empty volume; the former one is kept. */
  volumeName: string;
  /** Docker has it already, from another installation: it is mounted by its name and never made or deleted. @default false */
  exists?: boolean;
}

/**
 * A named volume that holds data. It is protected, stays in Docker when its resource is deleted, and carries no labels,
 * because a changed label would replace it (pulumi-docker #389). One that exists already is not the stack's.
 */
export class Volume extends pulumi.ComponentResource {
  readonly volumeName: pulumi.Output<string>;

  constructor(name: string, args: VolumeArgs, opts?: pulumi.ComponentResourceOptions) {
    super("slipway:index:Volume", name, {}, opts);
    this.volumeName =
      args.exists === true
        ? pulumi.output(args.volumeName)
        : new docker.Volume(
            `${name}-volume`,
            { name: args.volumeName },
            { parent: this, protect: true, retainOnDelete: true },
          ).name;
    this.registerOutputs({ volumeName: this.volumeName });
  }
}
