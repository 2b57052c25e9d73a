import { userInfo } from "node:os";
import type Docker from "dockerode";
import { dockerClient } from "../../settings/docker-client.ts";
import { engineState, localSocket, notPermitted } from "../../toolchain/docker.js";
import { which } from "../../toolchain/run.js";
import { Failure } from "../failure.ts";
import { commandLine, dockerHost, type CommonOptions, type Site } from "../site.ts";

/**
 * A client for the Docker engine of a stack.
 *
 * @throws Failure when the engine does not answer, with what to type.
 */
export async function dockerOf(site: Site, options: CommonOptions): Promise<Docker> {
  const host = dockerHost(site);
  const client = dockerClient(host);
  const problem = await engineProblem(host, client, commandLine("doctor --fix", options));
  if (problem !== undefined) throw new Failure(problem);
  return client;
}

/**
 * Why a Docker engine does not answer, with what to type; nothing when it does.
 *
 * @param fix the command that installs and starts one
 */
export async function engineProblem(host: string, client: Docker, fix: string): Promise<string | undefined> {
  const socket = localSocket(host);
  const state = socket === undefined ? "answers" : await engineState(socket);
  if (state === "not permitted") return notPermitted(String(socket), userInfo().username);
  if (state === "not running") {
    const installed = which("dockerd", `${process.env["PATH"] ?? ""}:/usr/sbin:/usr/bin`) !== undefined;
    const cause = installed ? "The Docker daemon is not running" : "Docker is not installed";
    return `${cause}. Type: ${fix}`;
  }
  try {
    await client.ping();
    return undefined;
  } catch (error) {
    return `The Docker engine ${host} does not answer: ${(error as Error).message}. Correct slipway:host in the stack file.`;
  }
}

/** The names of all volumes that a Docker engine has. */
export async function volumeNames(client: Docker): Promise<Set<string>> {
  const { Volumes: volumes } = await client.listVolumes();
  return new Set(volumes.map(({ Name: name }) => name));
}

/** Takes errors by which Docker says with such a status that there is nothing to do, such as 304 for what is stopped already. */
export function ignoring(...statuses: number[]): (error: unknown) => undefined {
  return (error) => {
    if (!statuses.includes((error as { statusCode?: number }).statusCode ?? 0)) throw error as Error;
    return undefined;
  };
}
