import { randomBytes } from "node:crypto";
import type Docker from "dockerode";
import { label } from "../../components/labels.ts";
import type { Member } from "./containers.ts";
import { ignoring } from "./docker.ts";
import { attachment, hasTerminal, runDocker } from "./docker-command.ts";
import { Failure } from "../failure.ts";

/**
 * Runs a process in a new container like that of a service or task, with the input and output of this process. The
 * container is gone afterwards.
 *
 * @param host URL of the Docker engine
 * @param command what is run in place of the container's own command; the image's entry point stays
 * @returns the process's exit code.
 */
export async function runOneOff(
  client: Docker,
  host: string,
  like: Pick<Member, "id" | "name">,
  command?: readonly string[],
): Promise<number> {
  const container = await createOneOff(client, like, { command, terminal: hasTerminal() });
  try {
    return await runDocker(host, ["start", "--attach", ...attachment(), container.id], {
      // Version 28 of Docker's command line does not pass signals on after `docker start`, but leaves the process alone.
      onSignal: (signal) => void container.kill({ signal }).catch(ended),
    });
  } finally {
    await remove(container);
  }
}

/**
 * Creates a container like that of a service or task: the same image, user, environment, limits, mounts, secret files and
 * networks, and hardened in the same way. It publishes no port, answers to none of the other's names, and keeps no log.
 *
 * @throws Failure when Docker refuses it, as after a network was removed.
 */
export async function createOneOff(
  client: Docker,
  like: Pick<Member, "id" | "name">,
  { command, terminal }: { command?: readonly string[] | undefined; terminal: boolean },
): Promise<Docker.Container> {
  const {
    Name: name,
    Config: config,
    HostConfig: host,
    NetworkSettings: settings,
  } = await client.getContainer(like.id).inspect();
  const [first = "none", ...others] = Object.keys(settings.Networks);
  const owner = [label.state, label.stack, label.system];
  let container: Docker.Container | undefined;
  try {
    container = await client.createContainer({
      name: `${name.slice(1)}-run-${randomBytes(4).toString("hex")}`,
      Image: config.Image,
      User: config.User,
      Env: config.Env,
      WorkingDir: config.WorkingDir,
      ...(config.Entrypoint && { Entrypoint: config.Entrypoint }),
      Cmd: command === undefined ? config.Cmd : [...command],
      Labels: Object.fromEntries(
        Object.entries(config.Labels).filter(([key]) => owner.includes(key as (typeof owner)[number])),
      ),
      Healthcheck: { Test: ["NONE"] },
      Tty: terminal,
      OpenStdin: true,
      StdinOnce: true,
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
      HostConfig: {
        ...host,
        NetworkMode: first,
        PortBindings: {},
        RestartPolicy: { Name: "no" },
        AutoRemove: true,
        // What comes out may be a database's content, and belongs to whoever called.
        LogConfig: { Type: "none", Config: {} },
        // The first process of a container ignores Ctrl-C unless it was made for that place.
        Init: true,
      },
    });
    for (const network of others) await client.getNetwork(network).connect({ Container: container.id });
    return container;
  } catch (error) {
    if (container !== undefined) await remove(container);
    throw new Failure(`A container like that of ${like.name} cannot be made: ${(error as Error).message}`);
  }
}

/** Takes what Docker answers when a container has gone, is just being removed, or does not run any more. */
const ended = ignoring(404, 409);

/** Removes a container and its nameless volumes. */
function remove(container: Docker.Container): Promise<unknown> {
  return container.remove({ force: true, v: true }).catch(ended);
}
