import type Docker from "dockerode";
import { ignoring } from "../../../cli/docker/docker.ts";
import { start, type Result } from "./processes.ts";
import { until } from "./until.ts";

/** URL of the machine's own Docker engine. */
export const ownDocker = "unix:///var/run/docker.sock";

/** The containers, running or not, whose names begin so, by name. */
export async function containersOf(client: Docker, prefix: string): Promise<Map<string, Docker.ContainerInspectInfo>> {
  const listed = await client.listContainers({ all: true, filters: { name: [`^/?${prefix}`] } });
  const inspected = await Promise.all(listed.map(({ Id: id }) => client.getContainer(id).inspect().catch(gone)));
  return new Map(inspected.flatMap((info) => (info === undefined ? [] : [[info.Name.replace(/^\//, ""), info]])));
}

/** Takes it that a container has gone since it was listed, or is just going. */
const gone = ignoring(404, 409);

/** The names of the networks that begin so. */
export async function networksOf(client: Docker, prefix: string): Promise<string[]> {
  const networks = await client.listNetworks();
  return networks.map(({ Name: name }) => name).filter((name) => name.startsWith(prefix));
}

/** The names of the volumes that begin so. */
export async function volumesOf(client: Docker, prefix: string): Promise<string[]> {
  const { Volumes: volumes } = await client.listVolumes();
  return volumes.map(({ Name: name }) => name).filter((name) => name.startsWith(prefix));
}

/** Removes the containers, networks and volumes whose names begin so. Images stay. */
export async function removeAll(client: Docker, prefix: string): Promise<void> {
  if (prefix === "") throw new Error("An empty prefix would remove everything.");
  const containers = await containersOf(client, prefix);
  await Promise.all(
    [...containers.values()].map(({ Id: id }) => client.getContainer(id).remove({ force: true, v: true }).catch(gone)),
  );
  for (const name of await networksOf(client, prefix)) await client.getNetwork(name).remove();
  for (const name of await volumesOf(client, prefix)) await client.getVolume(name).remove();
}

/** Waits until Docker calls a container healthy. */
export async function untilHealthy(client: Docker, name: string, seconds: number): Promise<void> {
  await until(`${name} is healthy`, seconds, async () => {
    const { State: state } = await client.getContainer(name).inspect();
    return state.Running && state.Health?.Status === "healthy";
  });
}

/**
 * Runs a program in a container of the machine's own engine.
 *
 * @param user name or number. Default: the container's
 */
export function exec(container: string, command: readonly string[], { user }: { user?: string } = {}): Promise<Result> {
  return start("docker", ["exec", ...(user === undefined ? [] : ["--user", user]), container, ...command]).ended;
}
