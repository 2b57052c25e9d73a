import { basename, posix } from "node:path";
import type Docker from "dockerode";
import type { ComposeVolume } from "../../systems/import.ts";
import { volumeNames } from "../docker/docker.ts";

/** A container of a Docker Compose project. */
export interface ComposeContainer {
  id: string;
  name: string;
  /** The service's name in the project. */
  service: string;
  image: string;
  isRunning: boolean;
  /** Its environment variables. Caution: passwords may be among them. */
  environment: Record<string, string>;
  mounts: ComposeMount[];
}

/** What a container has mounted from outside of it. */
export interface ComposeMount {
  /** The folder in the container. */
  target: string;
  /** The volume's name in Docker. Undefined: it is a folder of the host. */
  volume?: string;
  /** The folder of the host. */
  source: string;
}

/** Where data are. */
export type DataPlace =
  | {
      volume: string;
      /** Within the volume; empty at its top. */
      folder: string;
    }
  | { hostFolder: string };

/** The labels that Docker Compose marks what it makes with. */
const projectLabel = "com.docker.compose.project";
const serviceLabel = "com.docker.compose.service";
const folderLabel = "com.docker.compose.project.working_dir";

/**
 * The name of the Docker Compose project of a folder: what its containers say, be its Compose file there or in a folder
 * below; else what Docker Compose calls it by itself.
 */
export async function composeProjectOf(client: Docker, folder: string): Promise<string> {
  const listed = await client.listContainers({ all: true, filters: { label: [projectLabel] } });
  const within = listed
    .map(({ Labels: labels }) => ({ project: labels[projectLabel] ?? "", made: labels[folderLabel] ?? "" }))
    .filter(({ made }) => made === folder || made.startsWith(`${folder}/`))
    .sort((a, b) => a.made.length - b.made.length);
  // https://docs.docker.com/compose/how-tos/project-name/: lower-case letters, digits, - and _, a letter or digit first.
  const own = basename(folder)
    .toLowerCase()
    .replace(/[^a-z0-9_-]/g, "")
    .replace(/^[_-]+/, "");
  return within[0]?.project ?? own;
}

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
      environment: Object.fromEntries(
        // Docker has null where there is no variable.
        ((info.Config.Env as string[] | null) ?? []).map((entry) => {
          const [name = "", value = ""] = entry.split(/=(.*)/s);
          return [name, value];
        }),
      ),
      mounts: info.Mounts.map(({ Name: volume, Source: source, Destination: target }) => ({
        target,
        source,
        ...(volume !== undefined && { volume }),
      })),
    }))
    .sort((a, b) => a.name.localeCompare(b.name));
}

/** Where the data of a Compose project's service are: where its container has them, or else in the documented volume. */
export async function composeData(
  client: Docker,
  project: string,
  containers: readonly ComposeContainer[],
  { service, folder, volume }: ComposeVolume,
): Promise<DataPlace | undefined> {
  const container = containers.find((each) => each.service === service);
  const dataFolder = container?.environment["PGDATA"] ?? folder;
  const mount = container?.mounts
    .filter(({ target }) => dataFolder === target || dataFolder.startsWith(`${target}/`))
    .sort((a, b) => b.target.length - a.target.length)[0];
  if (mount !== undefined) {
    const below = posix.relative(mount.target, dataFolder);
    return mount.volume === undefined
      ? { hostFolder: posix.join(mount.source, below) }
      : { volume: mount.volume, folder: below };
  }
  const documented = `${project}_${volume ?? ""}`;
  return volume !== undefined && (await volumeNames(client)).has(documented)
    ? { volume: documented, folder: "" }
    : undefined;
}
