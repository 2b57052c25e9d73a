import type { z } from "zod";

import type versions from "../images/versions.json";
import type { Environment } from "./environment.ts";
import { valueAt } from "./path.ts";
import type { OutsideServer } from "./host-server.ts";
import type { Publication } from "./port-check.ts";
import type { FileFindings } from "./problems.ts";
import type { Report } from "./remedy.ts";

/** An image that is built from a folder of the user's. */
export interface FolderBuild {
  /** Repository name of the image, such as `coped-web`. */
  name: string;
  /** Absolute path of the folder with the Dockerfile. */
  folder: string;
  /** The stage for development. The last stage is the one for other environments, which `images push` builds. */
  target: string;
}

/** Where an image comes from: pulled by an exact reference, or built, from `images/<name>` or from the user's folder. */
export type ImageSource = ({ pull: string } | { build: keyof typeof versions | FolderBuild }) & {
  /** The setting that leaves the service out when it is false, such as `ocs.grafana.container`. @default none does */
  leftOutBy?: string;
};

/** A network of Docker that a setting names. */
export interface NamedNetwork {
  /** The setting, such as `ocs.network.name`. */
  key: string;
  name: string;
}

/** A volume that a setting names and that is not the stack's. */
export interface NamedVolume {
  /** The setting, such as `camcops.mysql.volume`. */
  key: string;
  name: string;
}

/** What a system's settings ask of the host. */
export interface HostNeeds {
  /** The ports of the host that its services are published on. */
  publications: Publication[];
  /** The networks of Docker that somebody else made and its services join. @default none */
  networks?: NamedNetwork[];
  /** Volumes that Docker has to have already, by the settings that name them. @default none */
  volumes?: NamedVolume[];
  /** Servers outside the stack that its containers use. @default none */
  servers?: OutsideServer[];
  /** What is allowed, but somebody should know. */
  warnings: string[];
  /** Checks the files and folders that the settings name; called where the engine runs on this machine only. */
  checkFiles: () => Promise<FileFindings>;
}

/** All that a stack has to know of one system's settings. */
export interface System<Settings extends z.ZodType = z.ZodType> {
  /** The settings of its key, which deploys the system when it is there. */
  settings: Settings;
  /** The secrets that a user may choose, by the names of their own flat keys. */
  secrets: Readonly<Record<string, z.ZodType>>;
  /** Those of `secrets` that are groups of secret values. @default none */
  secretGroups?: readonly string[];
  /** What its settings and secrets keep among each other; silent where a part is invalid by itself. */
  rules: (stack: unknown, report: Report) => void;
  /**
   * The images that it needs, by their names below `images`, each with where it comes from when the setting says
   * nothing. The settings may be invalid.
   */
  images: (settings: unknown, environment: Environment) => Readonly<Record<string, ImageSource>>;
  /** What its settings, which are valid, ask of the host. */
  needs(settings: z.output<Settings>, environment: Environment): HostNeeds;
}

/**
 * Where the images of a system come from, by their names below `images`.
 *
 * @param standards where they come from when the setting says nothing
 * @param settings the system's, which may be invalid
 */
export function imagesOf(
  standards: Readonly<Record<string, ImageSource>>,
  settings: unknown,
): Record<string, ImageSource> {
  return Object.fromEntries(
    Object.entries(standards).map(([image, standard]) => {
      const chosen = valueAt(settings, ["images", image]);
      if (chosen === undefined) return [image, standard];
      const { leftOutBy } = standard;
      return [image, { pull: typeof chosen === "string" ? chosen : "", ...(leftOutBy !== undefined && { leftOutBy }) }];
    }),
  );
}
