import { imagePin } from "../../settings/fields.ts";
import { partTitle, type Manifest, type Part } from "./archive-format.ts";
import { partKey } from "./saved-parts.ts";

/** What a backup is compared with before anything of it is loaded. */
export interface Target {
  parts: readonly Part[];
  /** The images of the services, by system and service. */
  images: Readonly<Record<string, string>>;
}

/** Why a backup cannot go into a stack, and what is allowed, but somebody should know. */
export function fit(manifest: Manifest, target: Target): { problems: string[]; warnings: string[] } {
  const systemsOf = (parts: readonly Part[]) => [...new Set(parts.map(({ system }) => system))].sort().join(", ");
  if (systemsOf(manifest.parts) !== systemsOf(target.parts)) {
    return {
      problems: [`it is of ${systemsOf(manifest.parts)}, and the stack holds ${systemsOf(target.parts)}`],
      warnings: [],
    };
  }
  const here = new Map(target.parts.map((part) => [partKey(part), part]));
  const saved = new Map(manifest.parts.map((part) => [partKey(part), part]));
  return {
    problems: [
      ...(saved.size === manifest.parts.length ? [] : ["it holds the same part twice"]),
      ...manifest.parts.flatMap((part) => {
        const own = here.get(partKey(part));
        if (own === undefined) return [`it holds ${partTitle(part)}, and the stack has no such thing`];
        if (part.kind !== "database" || own.kind !== "database") return [];
        const problem = versionProblem(part.version, own.version);
        return problem === undefined ? [] : [`${partTitle(part)} is ${problem}`];
      }),
      ...Object.entries(manifest.images).flatMap(([service, image]) => {
        const [theirs, own] = [imageVersion(image), imageVersion(target.images[service] ?? "")];
        return theirs !== undefined && own !== undefined && isNewer(theirs, own)
          ? [`it was made when ${service} had the newer version ${theirs}, and the stack has ${own}`]
          : [];
      }),
    ],
    warnings: target.parts
      .filter((part) => !saved.has(partKey(part)))
      .map((part) => `the backup does not hold ${partTitle(part)}, which stays as it is`),
  };
}

function versionProblem(saved: string | undefined, own: string | undefined): string | undefined {
  if (saved === undefined || own === undefined || saved === own) return undefined;
  const [[product, version = ""], [ownProduct, ownVersion = ""]] = [saved.split(" "), own.split(" ")];
  if (product === ownProduct && !isNewer(version, ownVersion)) return undefined;
  return `of ${saved}, and the stack has ${own}`;
}

/** The version in an image's tag, such as 1.2.3 of `slipway/web:1.2.3-97eab51d6715`. */
function imageVersion(reference: string): string | undefined {
  return /^v?(\d+(?:\.\d+)*)/.exec(imagePin(reference).tag ?? "")?.[1];
}

function isNewer(version: string, other: string): boolean {
  const [a, b] = [version, other].map((text) => text.split(".").map(Number));
  for (const [index, number] of (a ?? []).entries()) {
    const difference = number - (b?.[index] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return false;
}
