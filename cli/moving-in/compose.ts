import type Docker from "dockerode";
import { volumeNames } from "../docker/docker.ts";

/** A container of a Docker Compose project. */
export interface ComposeContainer {
  id: string;
  name: string;
  /** The service's name in the project. */
  service: string;
  image: string;
  isRunning: boolean;
  /** Docker's word for when it is started again, such as `always`. */
  restartPolicy: string;
  /** Its named volumes, by the folder in the container. */
  volumes: Record<string, string>;
}

/** The labels that Docker Compose marks what it makes with. */
const projectLabel = "com.docker.compose.project";
const serviceLabel = "com.docker.compose.service";

/** Finds the containers of a Docker Compose project, running or not. */
export async function composeContainers(client: Docker, project: string): Promise<ComposeContainer[]> {
  const listed = await client.listContainers({ all: true, filters: { label: [`${projectLabel}=${project}`] } });
  const inspected = await Promise.all(listed.map(({ Id: id }) => client.getContainer(id).inspect()));
  return inspected
    .map((info) => ({
      id: info.Id,
      name: info.Name.replace(/^\//, ""),
      service: info.Config.Labels[serviceLabel] ?? "",
      image: info.Image,
      isRunning: info.State.Running,
      restartPolicy: info.HostConfig.RestartPolicy?.Name ?? "no",
      volumes: Object.fromEntries(
        info.Mounts.flatMap(({ Name: name, Destination: folder }) => (name === undefined ? [] : [[folder, name]])),
      ),
    }))
    .sort((a, b) => a.name.localeCompare(b.name));
}

/** The volume of a Compose project's service: what its container mounts, or else the documented one, if Docker has it. */
export async function composeVolume(
  client: Docker,
  containers: readonly ComposeContainer[],
  { service, folder, volume }: { service: string; folder: string; volume: string },
): Promise<string | undefined> {
  const mounted = containers.find((container) => container.service === service)?.volumes[folder];
  if (mounted !== undefined) return mounted;
  return (await volumeNames(client)).has(volume) ? volume : undefined;
}
