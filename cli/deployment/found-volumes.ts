import type Docker from "dockerode";
import { volumeNames } from "../docker/docker.ts";
import { Failure } from "../failure.ts";
import type { Plan } from "./plan.ts";
import { isDataVolume } from "./resources.ts";

/** The names of the volumes for data that a plan newly makes. */
export function newVolumes(plan: Plan): string[] {
  return [...plan.values()].flatMap(({ urn, change, newInputs }) =>
    change === "create" && isDataVolume(urn) ? [String(newInputs?.["name"])] : [],
  );
}

/**
 * Refuses to take over somebody's data unasked: Docker gives a volume that exists to whoever wants to make one of its name.
 *
 * @param own the volumes that this stack made before, or that the user said are its own
 * @throws Failure naming every other volume that exists.
 */
export async function refuseFoundVolumes(
  client: Docker,
  plan: Plan,
  own: readonly string[],
  command: string,
): Promise<void> {
  const present = await volumeNames(client);
  const found = newVolumes(plan).filter((name) => present.has(name) && !own.includes(name));
  if (found.length === 0) return;
  throw new Failure(
    [
      `Docker already has ${found.length === 1 ? "a volume" : "volumes"} that this stack would make: ${found.join(", ")}.`,
      "They may hold the data of another installation. Nothing was changed.",
      "Give this stack's system another name (name in the stack file), or, if these data are to be this",
      `stack's own from now on, type: ${command} ${found.map((name) => `--use-volume ${name}`).join(" ")}`,
    ].join("\n"),
  );
}
