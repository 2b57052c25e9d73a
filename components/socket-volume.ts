import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";

/** Where containers have such a folder. */
export const socketFolder = "/run/sockets";

export interface SocketVolumeArgs {
  /** The volume's name in Docker. */
  volumeName: string;
  /** The only user who may use it, as a number. */
  userId: number;
  groupId: number;
}

/** A folder in memory for Unix sockets, by which containers of one user reach each other. It holds nothing to keep. */
export class SocketVolume extends pulumi.ComponentResource {
  readonly volumeName: pulumi.Output<string>;

  constructor(name: string, args: SocketVolumeArgs, opts?: pulumi.ComponentResourceOptions) {
    super("slipway:index:SocketVolume", name, {}, opts);
    this.volumeName = new docker.Volume(
      `${name}-volume`,
      {
        name: args.volumeName,
        driver: "local",
        driverOpts: {
          type: "tmpfs",
          device: "tmpfs",
          o: `size=1m,mode=0700,uid=${String(args.userId)},gid=${String(args.groupId)}`,
        },
      },
      { parent: this, deleteBeforeReplace: true },
    ).name;
    this.registerOutputs({ volumeName: this.volumeName });
  }
}
