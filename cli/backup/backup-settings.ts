import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { z } from "zod";
import { backupSettings, exampleRecipient } from "../../settings/backup.ts";
import { readStackFile } from "../../settings/stack-file.ts";
import { exitCode, Failure } from "../failure.ts";
import type { Site } from "../site.ts";

export type BackupSettings = z.output<typeof backupSettings>;

/**
 * What a stack's file says of backups, be the rest of the file right or wrong.
 *
 * @throws Failure with exit code 2 when that is wrong.
 */
export function readBackupSettings({ stack, stackFile }: Site): BackupSettings {
  if (!existsSync(stackFile)) return {};
  const { values } = readStackFile(stack, readFileSync(stackFile, "utf8"));
  const { data, error } = backupSettings.safeParse(values["backup"] ?? {});
  if (data !== undefined) return data;
  const problems = error.issues.map(
    ({ path, message }) => `  ${["backup", ...path.map(String)].join(".")}: ${message}`,
  );
  throw new Failure([`The settings of backups in ${stackFile} have problems:`, ...problems].join("\n"), exitCode.usage);
}

/**
 * Refuses to encrypt for the examples' key, whose private one the user has not.
 *
 * @throws Failure with exit code 2, and with what to type.
 */
export function refuseExampleRecipient({ recipient }: BackupSettings): void {
  if (recipient !== exampleRecipient) return;
  throw new Failure(
    `backup.recipient: must be a public key of your own, but ${recipient} is the example's, and nobody here could restore ` +
      "the backup. To make one, type: age-keygen -o backup-key.txt",
    exitCode.usage,
  );
}

/** Where backups are put unless something else is said. */
export function ownFolder({ folders }: Site): string {
  return join(dirname(folders.state), "backups");
}
