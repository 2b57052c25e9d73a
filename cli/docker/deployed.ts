import type Docker from "dockerode";
import { label } from "../../components/labels.ts";
import { listMembers, type Member } from "./containers.ts";
import { dockerOf } from "./docker.ts";
import { Failure } from "../failure.ts";
import { commandLine, dockerHost, siteOf, type CommonOptions, type Site } from "../site.ts";
import { readLastUpdate, readState } from "../deployment/state.ts";

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
  if (members.length === 0) throw new Failure(await whyNothing(client, site, options));
  return { site, host: dockerHost(site), client, members };
}

/** Says why none of a stack's services is there, and what to type. */
export async function whyNothing(client: Docker, site: Site, options: CommonOptions): Promise<string> {
  const { stack, folders } = site;
  const up = commandLine("up", options);
  if (readLastUpdate(site)?.kind === "destroy" && (readState(site)?.resources ?? 0) > 0) {
    return `The stack "${stack}" is down, and its data are kept. To bring it back with them, type: ${up}`;
  }
  const nothing = `Nothing of the stack "${stack}" is there`;
  const named = await client.listContainers({
    all: true,
    filters: { label: [`${label.stack}=${stack}`, label.state] },
  });
  if (named.length === 0) return `${nothing}. To deploy, type: ${up}`;
  return (
    `${nothing} that was deployed from this home, with its state in ${folders.state}. There are containers of another ` +
    `home's stack of that name: to work on them, name that home by --home. To deploy from this one, type: ${up}`
  );
}
