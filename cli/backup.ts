import { resolve } from "node:path";
import { backupFolder, saveStack } from "./backup/save-stack.ts";
import { findDeployed } from "./docker/deployed.ts";
import { commandLine, type CommonOptions } from "./site.ts";
import { quoted } from "./terminal/quoted.ts";
import { progressReport, remark, say } from "./terminal/terminal.ts";

export interface BackupOptions extends CommonOptions {
  /** Folder for the backup. @default the setting `backup.folder`; else `backups` beside the state */
  to?: string;
}

/** Saves a stack's data while it serves, its settings and its state in one file. Needs Docker only. */
export async function backup(options: BackupOptions): Promise<void> {
  const deployed = await findDeployed(options);
  const to = options.to === undefined ? undefined : resolve(options.to);
  const file = await saveStack(deployed, { folder: () => backupFolder(deployed.site, to) }, options, progressReport());
  say(file);
  remark(`To put it back, type: ${commandLine(`restore ${quoted(file)}`, options)}`);
}
