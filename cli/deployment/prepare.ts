import { readFileSync } from "node:fs";
import { parseStack } from "../../settings/parse.ts";
import { SettingsError } from "../../settings/problems.ts";
import { readStackFile } from "../../settings/stack-file.ts";
import type { StackSettings } from "../../settings/stack.ts";
import { imageChoices } from "../../settings/systems.ts";
import { makeReady, type Needs } from "../../toolchain/ready.js";
import type { Report } from "../../toolchain/report.js";
import { exitCode, Failure } from "../failure.ts";
import {
  dockerHost,
  ensureStackFile,
  hasDeployableExample,
  linkStackFiles,
  siteOf,
  type CommonOptions,
  type Site,
} from "../site.ts";
import { progressReport, remark } from "../terminal/terminal.ts";

/** What a command that works with Pulumi starts from. */
export interface Prepared {
  site: Site;
  /** The environment variables for Pulumi. */
  env: Record<string, string>;
  report: Report;
  /** The settings, where they were checked. */
  settings?: StackSettings;
}

/**
 * Makes the stack file, the user's folders and the machine ready. For a deployment the settings are checked first, so that
 * wrong ones are reported before anything is installed; other commands work with wrong settings too.
 *
 * @param how `rebuild`: makes the base image anew; `deploys`: the settings have to be right; `makesStackFile`: false
 *   where the command makes the stack's file itself
 * @throws Failure with exit code 2 when the settings are wrong, or when a stack file for a site was made and has to be edited.
 */
export async function prepare(
  options: CommonOptions,
  needs: Needs,
  {
    rebuild = false,
    deploys = false,
    makesStackFile = true,
  }: { rebuild?: boolean; deploys?: boolean; makesStackFile?: boolean } = {},
): Promise<Prepared> {
  const report = progressReport();
  const site = siteOf(options);
  if (makesStackFile && ensureStackFile(site)) {
    remark(`The settings of the stack "${site.stack}" are in ${site.stackFile}, made from this clone's example.`);
    if (!hasDeployableExample(site.stack)) {
      throw new Failure(`Fit it to your site, then type the same command again.`, exitCode.usage);
    }
  }
  const settings = deploys ? checkSettings(site) : undefined;
  linkStackFiles(site);
  const { env, passphraseCreated } = await makeReady({
    home: options.home,
    host: dockerHost(site),
    // Where all images are pulled, nothing is built.
    needs: {
      ...needs,
      baseImage:
        needs.baseImage === true &&
        (settings === undefined || imageChoices(settings).some(({ source }) => "build" in source)),
    },
    rebuild,
    report,
  });
  if (passphraseCreated) remark(backUpNotice(site));
  Object.assign(process.env, env);
  return { site, env, report, ...(settings && { settings }) };
}

/**
 * Checks what a stack's file says, without its secrets.
 *
 * @throws Failure with every problem, and exit code 2.
 */
function checkSettings({ stack, stackFile }: Site): StackSettings {
  try {
    return parseStack(readStackFile(stack, readFileSync(stackFile, "utf8")));
  } catch (error) {
    if (error instanceof SettingsError) throw new Failure(error.message, exitCode.usage);
    throw new Failure(`${stackFile} cannot be read: ${(error as Error).message}`, exitCode.usage);
  }
}

function backUpNotice({ folders: { stacks, state, passphraseFile } }: Site): string {
  return [
    "Back these up together, and whenever they change. Without the passphrase nobody can read the stack's secrets:",
    `  settings    ${stacks}`,
    `  state       ${state}`,
    `  passphrase  ${passphraseFile}`,
  ].join("\n");
}
