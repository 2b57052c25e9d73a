import type Docker from "dockerode";
import { label } from "../../components/labels.ts";
import { ignoring } from "../docker/docker.ts";
import { carriedVolume, fileDifferences } from "./carried-files.ts";
import { replacedBy, type Declared, type DeclaredContainer } from "./declared.ts";
import { differencesBetween, inWords, type Difference } from "./differences.ts";
import { declaredFacts, mendedInPlace, presentFacts, type InspectedContainer, type InspectedImage } from "./facts.ts";

/** A container that is otherwise than declared. */
export interface Drift {
  container: string;
  differences: Difference[];
  /** What has to be replaced so that it is as declared again; nothing where a deployment does so by itself. */
  urn?: string;
  /** Whether somebody made it in the place of the stack's own. */
  foreign: boolean;
  /** Whether it carries the stack's id, but the stack does not declare it. A deployment leaves it alone. */
  undeclared: boolean;
}

/** Compares the containers that Docker has with those that a stack's last deployment declared. */
export async function findDrift(client: Docker, declared: Declared): Promise<Drift[]> {
  const own = await Promise.all(declared.containers.map((container) => driftOf(client, declared, container)));
  return [...own.filter((drift) => drift !== undefined), ...(await undeclared(client, declared))].sort((a, b) =>
    a.container.localeCompare(b.container, "en", { numeric: true }),
  );
}

async function driftOf(client: Docker, stack: Declared, container: DeclaredContainer): Promise<Drift | undefined> {
  const { volumes, secrets } = stack;
  const { urn, id, name, inputs } = container;
  const same = await inspect(client, id);
  const there = same ?? (await inspect(client, name));
  const drift = { container: name, foreign: same === undefined && there !== undefined, undeclared: false };
  if (there === undefined) return { ...drift, differences: [{ what: "container", declared: name }] };

  const image = await imageOf(client, String(inputs["image"]), there.Image);
  const facts = declaredFacts(inputs, image);
  const differences = differencesBetween(facts, presentFacts(there, facts, image), secrets);
  if (there.Name !== `/${name}`) differences.unshift({ what: "name", declared: name, there: there.Name.slice(1) });
  if (drift.foreign) {
    const another = { declared: "made by the last deployment", there: `another one, made at ${there.Created}` };
    return { ...drift, differences: [{ what: "container", ...another }, ...differences] };
  }
  const volume = carriedVolume(container);
  const files = volume === undefined ? [] : await fileDifferences(client, container);
  if (differences.length + files.length === 0) return undefined;
  // What was not generated stays in a volume until the volume is made anew, and with it the carrier.
  const replaced = files.length > 0 ? volumes.get(String(volume)) : urn;
  return {
    ...drift,
    differences: [...differences, ...files],
    ...(replaced !== undefined &&
      (files.length > 0 || differences.some(({ what }) => !mendedInPlace.has(what))) && {
        urn: replacedBy(replaced, stack),
      }),
  };
}

async function inspect(client: Docker, name: string): Promise<InspectedContainer | undefined> {
  const found = await client.getContainer(name).inspect().catch(ignoring(404));
  return found as InspectedContainer | undefined;
}

/** The image that is declared; where Docker does not have it any more, the one that the container is made of. */
async function imageOf(client: Docker, declared: string, present: string): Promise<InspectedImage> {
  for (const id of [declared, present]) {
    const image = await client.getImage(id).inspect().catch(ignoring(404));
    if (image !== undefined) return image as InspectedImage;
  }
  return {};
}

/** Containers that carry the stack's own id, but are not among those that it declares. One-off ones are none of them. */
async function undeclared(client: Docker, { containers, leaving, stateId }: Declared): Promise<Drift[]> {
  if (stateId === undefined) return [];
  const known = new Set([...leaving, ...containers.flatMap(({ id, name }) => [id, name])]);
  const found = await client.listContainers({ all: true, filters: { label: [`${label.state}=${stateId}`] } });
  const others = await Promise.all(
    found
      .filter(({ Id: id, Names: names }) => !known.has(id) && !names.some((name) => known.has(name.slice(1))))
      .map(({ Id: id }) => inspect(client, id)),
  );
  return others
    .filter((other) => other !== undefined)
    .filter(({ HostConfig: host }) => host.AutoRemove !== true)
    .map(({ Name }) => {
      const name = Name.slice(1);
      return { container: name, foreign: false, undeclared: true, differences: [{ what: "container", there: name }] };
    });
}

/** What is to be replaced so that everything is as declared again. */
export function driftedUrns(drifts: readonly Drift[]): string[] {
  return [...new Set(drifts.flatMap(({ urn }) => (urn === undefined ? [] : [urn])))];
}

/** A line for each container, and below it one for each difference. */
export function driftLines(drifts: readonly Drift[]): string[] {
  return drifts.flatMap(({ container, differences }) => [
    `${container}:`,
    ...differences.map((difference) => `  ${inWords(difference)}`),
  ]);
}
