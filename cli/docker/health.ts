import { setTimeout as sleep } from "node:timers/promises";
import type Docker from "dockerode";
import { complaint, isSettling, listMembers, type Member } from "./containers.ts";
import { exitCode, Failure } from "../failure.ts";
import { commandLine, type CommonOptions, type Site } from "../site.ts";
import { readState } from "../deployment/state.ts";

/** How often Docker is asked whether services are healthy by now, in milliseconds. */
const healthPoll = 500;

/**
 * Waits until Docker has decided for each service of a stack whether it is healthy.
 *
 * @param what the beginning of the failure's message, such as "Deployed"
 * @param isMeant those that matter
 * @throws Failure with exit code 3, naming each that is not well and the command for its log.
 */
export async function refuseUnhealthy(
  client: Docker,
  site: Site,
  options: CommonOptions,
  what: string,
  isMeant: (member: Member) => boolean = () => true,
): Promise<void> {
  const look = async () => (await listMembers(client, site.stack, readState(site))).filter(isMeant);
  let members = await look();
  while (members.some(isSettling)) {
    await sleep(healthPoll);
    members = await look();
  }
  const complaints = members.flatMap((member) => {
    const problem = complaint(member);
    return problem === undefined
      ? []
      : [`  ${member.name}: ${problem}. Its log: ${commandLine(`logs ${member.name}`, options)}`];
  });
  if (complaints.length === 0) return;
  throw new Failure([`${what}, but not everything is well:`, ...complaints].join("\n"), exitCode.notGood);
}
