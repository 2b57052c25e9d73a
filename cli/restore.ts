import { resolve } from "node:path";
import { partTitle } from "./backup/archive-format.ts";
import { readBackupSettings } from "./backup/backup-settings.ts";
import { backupTools } from "./backup/backup-tools.ts";
import { load, prove, restoredParts } from "./backup/load-stack.ts";
import { openBackup, verifyBackup } from "./backup/opened-backup.ts";
import { putSettingsBack } from "./backup/put-settings-back.ts";
import { refuseNoFile } from "./backup/typed-backup.ts";
import { withLock, type LockOptions } from "./deployment/command-lock.ts";
import { clearLocks } from "./deployment/lock.ts";
import { findDeployed } from "./docker/deployed.ts";
import { dockerOf } from "./docker/docker.ts";
import { runAgain, startAll, stopAll } from "./docker/pause.ts";
import { exitCode, Failure } from "./failure.ts";
import { refuseUnfinishedTakeOver } from "./moving-in/journal.ts";
import { commandLine, dockerHost, siteOf } from "./site.ts";
import { interruptible } from "./terminal/interruption.ts";
import { quoted } from "./terminal/quoted.ts";
import { refuseUnfinished } from "./upgrade/unfinished.ts";
import { endRestore, markRestore } from "./upgrade/half-restore.ts";
import { byteSize } from "./terminal/byte-size.ts";
import { coloured, progressReport, say, typedConsent } from "./terminal/terminal.ts";

/** How a backup is opened, and what is done with it. */
export interface RestoreOptions extends LockOptions {
  /** File with the private key of age. */
  identity?: string;
  /** Ends when the backup was verified. */
  verifyOnly: boolean;
  /** Puts back the stack's file and state only, where there are none. */
  settingsOnly: boolean;
  /** The typed confirmation, given beforehand. */
  confirm?: string;
}

/** Replaces a stack's data by those of a backup, which is read to its end before anything is touched. */
export async function restore(path: string, options: RestoreOptions): Promise<void> {
  const site = siteOf(options);
  if (options.verifyOnly) await restoreLocked(path, options);
  else await withLock(site, `restore ${quoted(path)}`, options, () => restoreLocked(path, options));
}

async function restoreLocked(path: string, options: RestoreOptions): Promise<void> {
  const site = siteOf(options);
  if (!options.verifyOnly) {
    refuseUnfinished({ site, options });
    refuseUnfinishedTakeOver(site);
  }
  refuseNoFile(path, site, options);
  const file = openBackup(path, options.identity);
  const report = progressReport();
  const client = await dockerOf(site, options);
  const tools = await backupTools(client, dockerHost(site), site.stack, readBackupSettings(site).image, report);
  const archive = await interruptible(
    (signal) => verifyBackup(tools, file, report, signal),
    () => "Nothing was changed.",
  );
  const { manifest, contents } = archive;
  say(`A backup of the stack "${manifest.stack}" of ${manifest.created}, whole and unaltered:`);
  for (const [index, part] of manifest.parts.entries()) {
    say(`  ${partTitle(part)} of ${part.system}: ${byteSize(contents.parts[index]?.bytes ?? 0)}`);
  }
  if (options.verifyOnly) return;
  if (options.settingsOnly) {
    const lost = await putSettingsBack(client, site, archive);
    const identity = options.identity === undefined ? "" : ` --identity ${quoted(options.identity)}`;
    say(coloured("green", `Stack file and state of the stack "${site.stack}" are those of ${manifest.created}.`));
    say(`The passphrase in ${site.folders.passphraseFile} has to be the one of then.`);
    say("To get containers and data as well, type:");
    say(`  ${commandLine(["up", ...lost.map((name) => `--empty-volume ${name}`)].join(" "), options)}`);
    say(`  ${commandLine(`restore ${quoted(path)}${identity}`, options)}`);
    return;
  }

  const deployed = await findDeployed(options);
  const targets = await restoredParts(tools, archive, deployed, options);
  clearLocks(site);
  const services = deployed.members.filter(
    ({ kind, state, operations }) => kind === "service" && state === "running" && operations?.database === undefined,
  );
  const tasks = deployed.members.filter(({ kind, standby }) => kind === "task" && !standby);
  say(
    coloured(
      "red",
      `To be REPLACED in the stack "${site.stack}": ${targets.map(({ part }) => partTitle(part)).join(", ")}.`,
    ),
  );
  say(`Meanwhile these are stopped: ${services.map(({ name }) => name).join(", ") || "(none)"}.`);
  await typedConsent("What is there now is lost unless it was backed up.", site.stack, options.confirm);

  markRestore(site, resolve(path));
  await interruptible(
    async (signal) => {
      const steps = [
        () => stopAll(client, services, report),
        () => load(tools, file, archive, targets, report, signal),
        ...targets.map((target) => () => prove(tools, target, report)),
        () => runAgain(client, tasks, report),
        () => startAll(deployed, services, options, report),
      ];
      for (const step of steps) {
        signal.throwIfAborted();
        await step();
      }
    },
    () => half(path, options),
  ).catch((error: unknown) => {
    if (error instanceof Failure && error.exitCode === exitCode.interrupted) throw error;
    throw new Failure(`${(error as Error).message}\n${half(path, options)}`);
  });
  endRestore(site);
  say(coloured("green", `The data of the stack "${site.stack}" are those of ${manifest.created}.`));
}

function half(path: string, options: RestoreOptions): string {
  return [
    "The data may be replaced in part only, so what was stopped stays stopped.",
    `To begin the restore again, type: ${commandLine(`restore ${quoted(path)}`, options)}`,
    `To start the services with the data as they are, type: ${commandLine("up", options)}`,
  ].join("\n");
}
