import { imagePin } from "./fields.ts";

/** The environments that a stack can be of. */
export const environmentNames = ["dev", "staging", "prod"] as const;

/** The environment of a stack. */
export type Environment = (typeof environmentNames)[number];

/** Where an environment's images come from: built on the spot, or pulled by exact tag or by digest. */
type ImageSource = "built" | "tag" | "digest";

/** Everything in which the environments differ. */
export interface EnvironmentDefaults {
  /**
   * What the settings must say of images. `built`: an image that is not set is built from `images/`. `tag`: every image
   * is set, by tag or digest. `digest`: every image is set, by digest.
   */
  images: ImageSource;
  /** Whether a self-signed certificate is fit for the environment; where it is not, each preview warns of it. */
  selfSignedIsFit: boolean;
  /**
   * Whether applications are developed there: they run the code of a folder of the host, with debugging, and deployments
   * migrate their databases. Elsewhere they run from images alone, and databases are migrated by hand.
   */
  isForDevelopment: boolean;
}

/** The defaults of each environment. */
export const environments: Readonly<Record<Environment, EnvironmentDefaults>> = {
  dev: { images: "built", selfSignedIsFit: true, isForDevelopment: true },
  staging: { images: "tag", selfSignedIsFit: true, isForDevelopment: false },
  prod: { images: "digest", selfSignedIsFit: false, isForDevelopment: false },
};

/** What an environment still asks of an image reference that is valid by itself; nothing when it is fit. */
export function imageDemand(environment: Environment, reference: string | undefined): string | undefined {
  const { images } = environments[environment];
  if (images === "built") return undefined;
  if (reference === undefined) return `must be set in ${environment}, where images are pulled and not built`;
  if (images === "digest" && imagePin(reference).digest === undefined) {
    return `must name a digest in ${environment}, as in registry.example.org/name@sha256:<64 hexadecimal digits>, because a tag can be moved`;
  }
  return undefined;
}
