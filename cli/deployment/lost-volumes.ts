import type Docker from "dockerode";
import { volumeNames } from "../docker/docker.ts";
import { Failure } from "../failure.ts";

/**
 * Refuses to deploy over data that have gone: a volume that the state holds and Docker does not would be made anew, empty,
 * and nobody would notice.
 *
 * @param accepted the volumes that the user said may be empty
 * @param command what to type to deploy, such as `./slipway up --stack prod`
 * @throws Failure naming every other volume that is gone.
 */
export async function refuseLostVolumes(
  client: Docker,
  dataVolumes: readonly string[],
  accepted: readonly string[],
  command: string,
): Promise<void> {
  const present = await volumeNames(client);
  const lost = dataVolumes.filter((name) => !present.has(name) && !accepted.includes(name));
  if (lost.length === 0) return;
  throw new Failure(
    [
      `Docker no longer has ${lost.length === 1 ? "a volume that holds" : "volumes that hold"} this stack's data: ${lost.join(", ")}.`,
      "A deployment would make new, empty ones. Nothing was changed.",
      "To go on, put the data back from a backup into volumes of these names (docker volume create NAME), or, if they",
      `may be lost, type: ${command} ${lost.map((name) => `--empty-volume ${name}`).join(" ")}`,
    ].join("\n"),
  );
}
