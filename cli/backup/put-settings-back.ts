import { existsSync } from "node:fs";
import type Docker from "dockerode";
import { parseCheckpoint, stateFile } from "../deployment/state.ts";
import { volumeNames } from "../docker/docker.ts";
import { exitCode, Failure } from "../failure.ts";
import type { Site } from "../site.ts";
import { writeDurably } from "../upgrade/durable-file.ts";
import { member } from "./archive-format.ts";
import type { Archive } from "./archive-reader.ts";

/**
 * Puts a stack's file and state back on a machine that has neither.
 *
 * @returns the names of the data's volumes that Docker has not.
 * @throws Failure with everything that is in the way; nothing was written then.
 */
export async function putSettingsBack(
  client: Docker,
  site: Site,
  { manifest, texts }: Pick<Archive, "manifest" | "texts">,
): Promise<string[]> {
  const { [member.stackFile]: settings, [member.state]: state } = texts;
  const stateIn = stateFile(site);
  const { passphraseFile } = site.folders;
  const problems = [
    ...(manifest.stack === site.stack
      ? []
      : [`It is of the stack "${manifest.stack}", not "${site.stack}". Add: --stack ${manifest.stack}`]),
    ...(settings !== undefined && state !== undefined
      ? []
      : ["It holds no stack file and state, as one by schedule. Take one that ./slipway backup or an upgrade made."]),
    ...[site.stackFile, stateIn]
      .filter((file) => existsSync(file))
      .map((file) => `${file} is there already. If it is not what you want, move it away.`),
    ...(existsSync(passphraseFile)
      ? []
      : [
          `${passphraseFile} is missing, which no backup holds, and which alone opens the secrets. Put your copy there, ` +
            "with mode 0600.",
        ]),
  ];
  if (settings === undefined || state === undefined || problems.length > 0) {
    throw new Failure(`The settings cannot be put back.\n${problems.join("\n")}\nNothing was written.`, exitCode.usage);
  }
  const present = await volumeNames(client);
  writeDurably(stateIn, state);
  writeDurably(site.stackFile, settings);
  return parseCheckpoint(state).dataVolumes.filter((name) => !present.has(name));
}
