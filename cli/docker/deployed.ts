import type Docker from "dockerode";
import { listMembers, type Member } from "./containers.ts";
import { dockerOf } from "./docker.ts";
import { Failure } from "../failure.ts";
import { commandLine, dockerHost, siteOf, type CommonOptions, type Site } from "../site.ts";
import { readState } from "../deployment/state.ts";

/** A deployed stack, as far as Docker alone tells: also after a first deployment that failed half-way. */
export interface Deployed {
  site: Site;
  /** URL of the Docker engine. */
  host: string;
  client: Docker;
  /** Never none. */
  members: Member[];
}

/**
 * Finds the services and tasks of a stack.
 *
 * @throws Failure when there are none, or when the Docker engine does not answer.
 */
export async function findDeployed(options: CommonOptions): Promise<Deployed> {
  const site = siteOf(options);
  const client = await dockerOf(site, options);
  const members = await listMembers(client, site.stack, readState(site));
  if (members.length === 0) {
    throw new Failure(`Nothing of the stack "${site.stack}" is there. To deploy, type: ${commandLine("up", options)}`);
  }
  return { site, host: dockerHost(site), client, members };
}
