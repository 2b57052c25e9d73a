import { camcopsSystem } from "./camcops/system.ts";
import { copedSystem } from "./coped/system.ts";
import { environmentNames } from "./environment.ts";
import { oneOf } from "./fields.ts";
import { ocsSystem } from "./ocs/system.ts";
import { valueAt } from "./path.ts";
import { siddataSystem } from "./siddata/system.ts";
import { imagesOf, type ImageSource, type System } from "./system.ts";

/** The systems that a stack can hold, by their keys. */
export const systems = {
  camcops: camcopsSystem,
  coped: copedSystem,
  ocs: ocsSystem,
  siddata: siddataSystem,
} as const satisfies Record<string, System>;

/** The key of a system. */
export type SystemName = keyof typeof systems;

/** The keys of all systems. */
export const systemNames = Object.keys(systems) as SystemName[];

const all: readonly [SystemName, System][] = systemNames.map((name) => [name, systems[name]]);

/** The names of the keys whose values must be encrypted. */
export const secretNames: ReadonlySet<string> = new Set(all.flatMap(([, { secrets }]) => Object.keys(secrets)));

/** The keys that hold a group of settings rather than one value. */
export const groupNames: ReadonlySet<string> = new Set([
  "backup",
  "upgrade",
  ...all.flatMap(([name, { secretGroups = [] }]) => [name, ...secretGroups]),
]);

/** An image that a system needs. */
export interface ImageChoice {
  /** The setting that chooses it, as a path. */
  path: [system: SystemName, group: "images", image: string] | ["backup", "image"];
  /** The image's name. */
  name: string;
  source: ImageSource;
}

/** The images that the systems of a stack need. The settings may be invalid; without an environment there are none. */
export function imageChoices(stack: unknown): ImageChoice[] {
  const environment = oneOf(environmentNames).safeParse(valueAt(stack, ["environment"])).data;
  if (environment === undefined) return [];
  const ofSystems = all.flatMap(([name, system]) => {
    const settings = valueAt(stack, [name]);
    if (settings === undefined) return [];
    return Object.entries(imagesOf(system.images(settings, environment), settings)).map(
      ([image, source]): ImageChoice => {
        return { path: [name, "images", image], name: image, source };
      },
    );
  });
  return [...ofSystems, ...backupImage(stack)];
}

/** The image of the service that takes backups by schedule; without a schedule, none is deployed. */
function backupImage(stack: unknown): ImageChoice[] {
  if (valueAt(stack, ["backup", "schedule"]) === undefined) return [];
  const chosen = valueAt(stack, ["backup", "image"]);
  const source: ImageSource =
    chosen === undefined ? { build: "backup" } : { pull: typeof chosen === "string" ? chosen : "" };
  return [{ path: ["backup", "image"], name: "backup", source }];
}
