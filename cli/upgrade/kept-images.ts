import { createHash } from "node:crypto";
import type Docker from "dockerode";
import { ignoring } from "../docker/docker.ts";
import type { Site } from "../site.ts";
import { readHistory, type Entry } from "./history.ts";

/** So many of a stack's newest deployments keep their images. */
const deploymentsWithImages = 3;

/** The repository of the names that keep images. */
const repository = "slipway/kept";

/**
 * Gives the images of a stack's newest deployments a name each, and takes the names of older ones away. `docker image prune`
 * leaves an image with a name alone; one that was pulled by its digest has no other.
 */
export async function keepImages(client: Docker, site: Site): Promise<void> {
  const wanted = new Map(imagesToKeep(readHistory(site)).map((id) => [tagFor(site, id), id]));
  for (const [tag, id] of wanted) await client.getImage(id).tag({ repo: repository, tag }).catch(ignoring(404));
  await removeTags(client, site, (tag) => !wanted.has(tag));
}

/** Takes the names away that {@link keepImages} gave. */
export async function releaseImages(client: Docker, site: Site): Promise<void> {
  await removeTags(client, site, () => true);
}

async function removeTags(client: Docker, site: Site, isSuperfluous: (tag: string) => boolean): Promise<void> {
  const images = await client.listImages({ filters: { reference: [repository] } });
  const tags = images
    .flatMap(({ RepoTags: references }) => references ?? [])
    .map((reference) => reference.slice(repository.length + 1))
    .filter((tag) => tag.startsWith(prefixOf(site)) && isSuperfluous(tag));
  // A container may use an image that has no other name: then it keeps this one.
  for (const tag of tags) await client.getImage(`${repository}:${tag}`).remove().catch(ignoring(404, 409));
}

/** The ids of the images of the newest deployments. */
function imagesToKeep(history: readonly Entry[]): string[] {
  const newest = history.filter(({ result }) => result === "succeeded").slice(-deploymentsWithImages);
  return [...new Set(newest.flatMap(({ services }) => Object.values(services).map(({ imageId }) => imageId)))];
}

function tagFor(site: Site, imageId: string): string {
  return `${prefixOf(site)}${imageId.replace(/^sha256:/, "").slice(0, 12)}`;
}

/** Tells the stacks of a machine apart, also those of one name in several homes. */
function prefixOf({ stack, deploymentsFolder }: Site): string {
  const home = createHash("sha256").update(deploymentsFolder).digest("hex").slice(0, 8);
  return `${home}-${stack}-`;
}
