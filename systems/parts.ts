import type * as pulumi from "@pulumi/pulumi";
import { imageSource } from "../components/build.ts";
import type { Host } from "../components/host.ts";
import { Image } from "../components/image.ts";
import { Network } from "../components/network.ts";
import type { ImageSource } from "../settings/system.ts";

/** A system, as its images and networks see it. */
export interface Owner {
  /** Its component, which owns them. */
  parent: pulumi.ComponentResource;
  /** The component's name, with which theirs begin. */
  name: string;
  host: Host;
  /** Its key in the settings. */
  system: string;
  /** What names in Docker begin with. */
  prefix: string;
  /** Where its images come from, by their names below `images`. */
  sources: Readonly<Record<string, ImageSource>>;
  /** See `BuildContext.revision`. */
  imageRevision?: string | undefined;
}

/** How a system makes its images and networks. */
export function partsOf({ parent, name, host, system, prefix, sources, imageRevision }: Owner) {
  return {
    image: (which: string) =>
      new Image(`${name}-${which}-image`, { host, source: imageSource(sources, which, imageRevision) }, { parent }),
    network: (suffix: string, kind: "internal" | "edge") =>
      new Network(`${name}-${suffix}-network`, { host, system, networkName: `${prefix}-${suffix}`, kind }, { parent }),
  };
}
