import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { buildImage, builtReference, type BuildContext } from "./build.ts";
import type { Host } from "./host.ts";

export interface ImageArgs {
  host: Host;
  /** Where the image comes from: pulled by an exact reference, or built from a folder. */
  source: { pull: string } | { build: BuildContext };
}

/**
 * An image on the host, always used by its id. A built one is tagged with a hash of what it is built from, so that a
 * preview shows a changed image as a new one; a pulled one is named by an exact reference. Images stay in Docker when
 * their resources are deleted: they hold no data, and the way back to a former version needs them.
 */
export class Image extends pulumi.ComponentResource {
  /** The content-addressed id, `sha256:…`. */
  readonly id: pulumi.Output<string>;
  /** The name with tag or digest. */
  readonly reference: string;

  constructor(name: string, args: ImageArgs, opts?: pulumi.ComponentResourceOptions) {
    super("slipway:index:Image", name, {}, opts);
    const { host, source } = args;
    const childOptions: pulumi.CustomResourceOptions = { parent: this };
    if ("pull" in source) {
      this.reference = source.pull;
    } else {
      const context = source.build;
      const say = (line: string) => {
        void pulumi.log.info(line, this, undefined, true);
      };
      this.reference = builtReference(context);
      childOptions.hooks = {
        beforeCreate: [() => buildImage(host.client, context, this.reference, say)],
      };
    }
    this.id = new docker.RemoteImage(
      `${name}-image`,
      { name: this.reference, keepLocally: true },
      childOptions,
    ).imageId;
    this.registerOutputs({ id: this.id, reference: this.reference });
  }
}
