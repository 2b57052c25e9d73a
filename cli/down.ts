import type Docker from "dockerode";
import { label } from "../components/labels.ts";
import { dockerClient } from "../settings/docker-client.ts";
import { listMembers } from "./docker/containers.ts";
import { ignoring } from "./docker/docker.ts";
import { withLock, type LockOptions } from "./deployment/command-lock.ts";
import { runEngine } from "./deployment/engine.ts";
import { exitCode, Failure } from "./failure.ts";
import { prepare } from "./deployment/prepare.ts";
import { followProgress } from "./deployment/progress.ts";
import { removeHistory } from "./deployment/record.ts";
import { commandLine, dockerHost, siteOf, type Site } from "./site.ts";
import { openStack, pulumi, recover } from "./deployment/stack.ts";
import { readState } from "./deployment/state.ts";
import { releaseImages } from "./upgrade/kept-images.ts";
import { refuseUnfinished } from "./upgrade/unfinished.ts";
import { coloured, consent, say, typedConsent } from "./terminal/terminal.ts";

/** What becomes of the data of a stack that is taken down. */
export interface DownOptions extends LockOptions {
  /** The stack whose data are destroyed too. @default the data are kept */
  deleteData?: string;
  /** The typed confirmation, given beforehand. */
  confirm?: string;
}

/** Takes a stack's services down. Its data, and the secrets that belong to them, are kept unless their stack is named. */
export async function down(options: DownOptions): Promise<void> {
  await withLock(siteOf(options), "down", options, () => downLocked(options));
}

async function downLocked(options: DownOptions): Promise<void> {
  if (options.deleteData !== undefined && options.deleteData !== options.stack) {
    throw new Failure(
      `--delete-data takes the name of the stack, "${options.stack}", but got "${options.deleteData}". Nothing was changed.`,
      exitCode.usage,
    );
  }
  const { site, env, report } = await prepare(options, { docker: true, pulumi: true });
  if (options.deleteData === undefined) refuseUnfinished({ site, options });
  const state = readState(site);
  if (state === undefined || state.resources === 0) {
    say(`Nothing of the stack "${site.stack}" is there.`);
    return;
  }
  const client = dockerClient(dockerHost(site));
  const members = await listMembers(client, site.stack, state);
  const volumes = state.dataVolumes;
  const removed = members.map(({ container }) => container).join(", ");
  say(`To be removed: the containers ${removed === "" ? "(none)" : removed}, and the networks between them.`);
  if (options.deleteData === undefined) {
    say(`Kept: the volumes ${list(volumes)}, and the passwords that belong to their data.`);
    await consent(`Take the stack "${site.stack}" down?`, options);
  } else {
    say(
      coloured(
        "red",
        `To be DESTROYED: the volumes ${list(volumes)} with all data, and the stack's passwords and certificates.`,
      ),
    );
    await typedConsent("This cannot be undone without a backup.", site.stack, options.confirm);
  }

  const stack = await openStack(site, env);
  await recover(site, env);
  await removeLeftoverContainers(client, site);
  const again = commandLine("down", options);
  const destroy = async (excludeProtected: boolean) => {
    const progress = followProgress(report);
    try {
      await runEngine((engine) => stack.destroy({ ...engine, configFile: site.stackFile, excludeProtected }), {
        again,
        onEvent: progress.onEvent,
      });
    } finally {
      progress.end();
    }
  };
  await destroy(true);
  await removeLeftoverNetworks(client, state.stateId);
  if (options.deleteData === undefined) {
    say(`The stack "${site.stack}" is down. To bring it back with its data, type: ${commandLine("up", options)}`);
    return;
  }
  // The state names and protects what is left until the very end, so that an interrupted destruction can be taken up again.
  for (const volume of volumes) await client.getVolume(volume).remove().catch(ignoring(404));
  await pulumi(["state", "unprotect", "--all", "--yes", "--stack", site.stack], env);
  await destroy(false);
  await stack.workspace.removeStack(site.stack, { preserveConfig: true });
  await releaseImages(client, site);
  removeHistory(site);
  say(`The stack "${site.stack}" and its data are gone. Its settings are kept: ${site.stackFile}`);
}

/** Containers that a killed deployment made, but did not come to note in the state, keep networks from being removed. */
async function removeLeftoverContainers(client: Docker, site: Site): Promise<void> {
  const state = readState(site);
  if (state?.stateId === undefined) return;
  const found = await client.listContainers({ all: true, filters: { label: [`${label.state}=${state.stateId}`] } });
  for (const { Id: id } of found) {
    if (state.containers.some((stored) => stored.id === id)) continue;
    const container = client.getContainer(id);
    await container.stop().catch(ignoring(304));
    await container.remove({ v: false });
  }
}

async function removeLeftoverNetworks(client: Docker, stateId: string | undefined): Promise<void> {
  if (stateId === undefined) return;
  const found = await client.listNetworks({ filters: { label: [`${label.state}=${stateId}`] } });
  await Promise.all(found.map(({ Id: id }) => client.getNetwork(id).remove()));
}

function list(names: readonly string[]): string {
  return names.length === 0 ? "(none)" : names.join(", ");
}
