import assert from "node:assert/strict";
import { chmodSync, chownSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { buildImage, builtReference, bundledImage } from "../../../components/build.ts";
import { assertExit, type Result } from "./processes.ts";
import type { Sandbox } from "./sandbox.ts";
import { until } from "./until.ts";

/** The user of the folder, who has no name. */
export const backupUser = 4711;

/** Seconds; generous, because others work on the machine at the same time. */
export const patience = 240;

/** Makes a folder of the sandbox for backups by schedule. */
export function folderForBackups(sandbox: Sandbox, name: string): string {
  const folder = join(sandbox.folder, name);
  mkdirSync(folder, { mode: 0o700 });
  chownSync(folder, backupUser, backupUser);
  // The service has to get to it by a user of its own.
  chmodSync(sandbox.folder, 0o755);
  return folder;
}

/**
 * Has a deployed stack backed up by schedule, and fails unless a backup comes of it that passes the drill. The schedule stays.
 *
 * @returns what the drill said.
 */
export async function proveSchedule(sandbox: Sandbox, stack: string): Promise<string> {
  const slipway = async (...args: string[]): Promise<Result> =>
    assertExit(await sandbox.slipway([...args, "--stack", stack]), 0);
  const folder = folderForBackups(sandbox, `${stack}-by-schedule`);
  const image = builtReference(bundledImage("backup"));
  await buildImage(sandbox.docker, bundledImage("backup"), image, () => undefined);
  sandbox.editStackFile(stack, {
    "slipway:backup": {
      folder,
      image,
      schedule: { cron: "*/10 * * * * *", keepDaily: 1, keepWeekly: 0, keepMonthly: 0, userId: backupUser },
    },
  });
  await slipway("up", "--yes");
  await until("there is a backup by schedule", patience, () =>
    Promise.resolve(readdirSync(folder).some((name) => name.endsWith(".scheduled.tar.zst"))),
  );
  await until("the status tells of it", patience, async () => {
    const { backups } = JSON.parse((await slipway("status", "--json")).stdout) as {
      backups: { scheduled?: { lastGood?: { file: string } } };
    };
    return backups.scheduled?.lastGood !== undefined;
  });
  assertExit(await sandbox.pulumi(stack, ["preview", "--expect-no-changes"]), 0);
  // So that the newest one stays.
  await slipway("stop", "backup");
  const { stdout } = await slipway("backup", "verify");
  await slipway("start", "backup");
  assert.match(stdout, /\.scheduled\.tar\.zst can be restored: everything in it is as it was saved/);
  return stdout;
}
