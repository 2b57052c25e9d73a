import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { dockerClient } from "../settings/docker-client.ts";
import { openBackup, verifyBackup } from "./backup/opened-backup.ts";
import { withLock, type LockOptions } from "./deployment/command-lock.ts";
import { refuseLostVolumes } from "./deployment/lost-volumes.ts";
import { refuseForeignNames } from "./deployment/names.ts";
import { changeCount } from "./deployment/plan.ts";
import { prepare } from "./deployment/prepare.ts";
import { currentDeployment } from "./deployment/record.ts";
import { readState } from "./deployment/state.ts";
import { summarise } from "./deployment/summary.ts";
import { exitCode, Failure } from "./failure.ts";
import { refuseUnfinishedTakeOver } from "./moving-in/journal.ts";
import { commandLine, dockerHost, siteOf, type Site } from "./site.ts";
import { interruptible } from "./terminal/interruption.ts";
import { quoted } from "./terminal/quoted.ts";
import { coloured, consent, remark, say, typedConsent } from "./terminal/terminal.ts";
import { adoptSettings } from "./upgrade/adopt-settings.ts";
import { whileReleased } from "./upgrade/bring.ts";
import { stackOf, systemsOf, toolsOf, type Context } from "./upgrade/context.ts";
import { announce, planLines, previewed } from "./upgrade/deploy-clone.ts";
import { deployWithWayBack, takeUp, wayBackOf } from "./upgrade/deployment.ts";
import {
  beginEntry,
  dataOf,
  deployedImages,
  deploymentBefore,
  endInterrupted,
  lastDeployer,
  readHistory,
  settingsOf,
  type Entry,
} from "./upgrade/history.ts";
import type { BackupReference } from "./upgrade/journal.ts";
import { keptProgram, programHash } from "./upgrade/program.ts";
import { touchedData } from "./upgrade/touched.ts";

/** What a rollback brings back. */
export interface RollbackOptions extends LockOptions {
  /** Brings the data back too, as they were when that deployment was left. */
  withData: boolean;
  /** File with the private key of age, where the backup is encrypted. */
  identity?: string;
  /** The typed confirmation, given beforehand. */
  confirm?: string;
  /** Drops what is known of an unfinished upgrade. */
  forgetUnfinished?: boolean;
}

/** Brings a deployment of the history again, by default the one before: its settings, program and images; its data on request. */
export async function rollback(number: number | undefined, options: RollbackOptions): Promise<void> {
  const site = siteOf(options);
  await withLock(site, "rollback", options, () => {
    refuseUnfinishedTakeOver(site);
    return bringAgain(number, options);
  });
}

async function bringAgain(number: number | undefined, options: RollbackOptions): Promise<void> {
  const { site, env, report } = await prepare(options, { docker: true, pulumi: true }, { makesStackFile: false });
  const host = dockerHost(site);
  const client = dockerClient(host);
  const again = commandLine(`rollback${number === undefined ? "" : ` ${number}`}`, options);
  const context: Context = { site, options, env, client, host, report, again };
  await takeUp(context, { forget: options.forgetUnfinished === true, goesBack: true });
  endInterrupted(site);

  const target = targetOf(site, number, options);
  const program = keptProgram(site, target.program);
  if (program === undefined) {
    throw new Failure(
      [
        `The program of the deployment ${target.number} is not in ${site.programsFolder} any more, or not whole. Nothing was changed.`,
        ...(target.commit === undefined ? [] : [`This clone may have it still: git checkout ${target.commit}`]),
        `Its settings are in ${settingsOf(site, target.number)}. With both in their places, type: ${commandLine("up", options)}`,
      ].join("\n"),
    );
  }
  const data = options.withData ? await verifiedData(context, target, options) : undefined;
  const source = { program, settings: settingsOf(site, target.number) };
  const stack = await stackOf(context, program);
  await refuseLostVolumes(client, readState(site)?.dataVolumes ?? [], [], again);
  say(`Back to the deployment ${target.number} of ${target.time}:`);
  const preview = await whileReleased(context, target, () => previewed(context, stack, source.settings));
  const { plan } = preview;
  const hasChanges = changeCount(preview.result.changeSummary) > 0;
  for (const line of planLines(preview, { hasDifference: hasChanges })) say(line);
  if (!hasChanges && data === undefined) {
    adoptSettings(site, target.number);
    say(`The stack "${site.stack}" already runs what the deployment ${target.number} was.`);
    return;
  }
  await refuseForeignNames(client, plan, readState(site)?.stateId);
  const touched = touchedData(plan, deployedImages(readHistory(site)));
  if (data === undefined) {
    remark(
      coloured(
        "yellow",
        "The data stay as they are now. Where the newer version has migrated them, the older one may not work with them: " +
          "--with-data brings back those of that deployment.",
      ),
    );
    await consent(`Bring the deployment ${target.number} back?`, options);
  } else {
    say(coloured("red", `To be REPLACED: the data of the stack "${site.stack}", by those in ${data.file}.`));
    await typedConsent("What is there now is backed up before.", site.stack, options.confirm);
  }

  const former = wayBackOf(context);
  const entry = beginEntry(
    site,
    {
      ...(await currentDeployment()),
      kind: "rollback",
      backTo: target.number,
      summary: summarise(plan),
      program: target.program,
      volumes: lastDeployer(site)?.volumes ?? [],
      ...(former !== undefined && { former: former.number }),
    },
    readFileSync(source.settings, "utf8"),
  );
  const isSaved = touched.some((one) => one.isSaved) || data !== undefined;
  const outputs = await deployWithWayBack(context, { entry, source, plan, touched, data, target, isSaved });
  if (programHash() !== target.program) {
    const checkout = target.commit === undefined ? "" : `, such as by: git checkout ${target.commit.slice(0, 12)}`;
    remark(
      `This clone holds another program than the deployment ${target.number}: the next \`up\` would deploy it. Bring it back${checkout}`,
    );
  }
  for (const system of systemsOf(outputs)) announce(system, options);
}

/** @throws Failure with exit code 2 when there is no such deployment, or none that succeeded. */
function targetOf(site: Site, number: number | undefined, options: RollbackOptions): Entry {
  const history = readHistory(site);
  const target = number === undefined ? deploymentBefore(history) : history.find((entry) => entry.number === number);
  const possible = history.filter(({ result }) => result === "succeeded").map((entry) => entry.number);
  if (target?.result === "succeeded") return target;
  throw new Failure(
    [
      number === undefined
        ? `There is no deployment before the present one of the stack "${site.stack}".`
        : `There is no deployment ${number} of the stack "${site.stack}" that succeeded.`,
      `Nothing was changed. Allowed: ${possible.join(", ") || "none yet"}`,
      `What was deployed when: ${commandLine("history", options)}`,
    ].join("\n"),
    exitCode.usage,
  );
}

/** The data of a deployment, as they were when it was left; read to their end before anything is touched. */
async function verifiedData(context: Context, target: Entry, options: RollbackOptions): Promise<BackupReference> {
  const file = dataOf(readHistory(context.site), target.number);
  if (file === undefined || !existsSync(file)) {
    throw new Failure(
      [
        file === undefined
          ? `No backup was made when the deployment ${target.number} was left.`
          : `The backup of the deployment ${target.number} is not there any more: ${file}`,
        "Nothing was changed. To bring it back with the data as they are now, leave --with-data out.",
        `With the data of any backup, type after that: ${commandLine(`restore ${quoted("FILE")}`, options)}`,
      ].join("\n"),
      exitCode.usage,
    );
  }
  const reference = { file, ...(options.identity !== undefined && { identity: resolve(options.identity) }) };
  const backup = openBackup(file, reference.identity);
  const tools = await toolsOf(context);
  await interruptible(
    (signal) => verifyBackup(tools, backup, context.report, signal),
    () => "Nothing was changed.",
  );
  return reference;
}
