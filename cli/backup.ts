import { resolve } from "node:path";
import { backupFolder, saveStack } from "./backup/save-stack.ts";
import { withLock, type LockOptions } from "./deployment/command-lock.ts";
import { findDeployed } from "./docker/deployed.ts";
import { commandLine, siteOf } from "./site.ts";
import { quoted } from "./terminal/quoted.ts";
import { refuseUnfinished } from "./upgrade/unfinished.ts";
import { progressReport, remark, say } from "./terminal/terminal.ts";

/** Where a backup goes. */
export interface BackupOptions extends LockOptions {
  /** Folder for the backup. @default the setting `backup.folder`; else `backups` beside the state */
  to?: string;
}

/** Saves a stack's data while it serves, its settings and its state in one file. Needs Docker only. */
export async function backup(options: BackupOptions): Promise<void> {
  await withLock(siteOf(options), "backup", options, () => backupLocked(options));
}

async function backupLocked(options: BackupOptions): Promise<void> {
  refuseUnfinished({ site: siteOf(options), options });
  const deployed = await findDeployed(options);
  const to = options.to === undefined ? undefined : resolve(options.to);
  const file = await saveStack(deployed, { folder: () => backupFolder(deployed.site, to) }, options, progressReport());
  say(file);
  remark(`To put it back, type: ${commandLine(`restore ${quoted(file)}`, options)}`);
}
