import { readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { exitCode, Failure } from "../failure.ts";
import { commandLine, type CommonOptions, type Site } from "../site.ts";
import { backupsAmong } from "./backup-name.ts";
import { ownFolder, readBackupSettings } from "./backup-settings.ts";

/**
 * Refuses a path that somebody typed for a backup where there is no file.
 *
 * @throws Failure with exit code 2, and with where backups are.
 */
export function refuseNoFile(path: string, site: Site, options: CommonOptions): void {
  const kind = kindOf(path);
  if (kind === "file") return;
  const folder = readBackupSettings(site).folder ?? ownFolder(site);
  const [newest] = backupsAmong(namesIn(folder), site.stack);
  throw new Failure(
    [
      kind === "none" ? `There is no file ${resolve(path)}.` : `${resolve(path)} is no file, as a backup is.`,
      newest === undefined
        ? `In ${folder}, where backups of the stack "${site.stack}" are put, there is none.`
        : `The newest backup of the stack "${site.stack}" in ${folder} is ${join(folder, newest.name)}`,
      `Which were made before deployments: ${commandLine("history", options)}`,
    ].join("\n"),
    exitCode.usage,
  );
}

function kindOf(path: string): "file" | "none" | "other" {
  try {
    return statSync(path).isFile() ? "file" : "other";
  } catch (error) {
    // Why a file that may be there cannot be looked at, its opening tells.
    return ["ENOENT", "ENOTDIR"].includes(String((error as NodeJS.ErrnoException).code)) ? "none" : "file";
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
