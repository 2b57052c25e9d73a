import type * as pulumi from "@pulumi/pulumi";
import { bundledImage } from "../components/build.ts";
import type { Host } from "../components/host.ts";
import { Image } from "../components/image.ts";
import { ScheduledBackup } from "../components/scheduled-backup.ts";
import type { StackSettings } from "../settings/stack.ts";
import { systemNames } from "../settings/systems.ts";

/**
 * Adds what takes a stack's backups by schedule, where the settings want that. It goes by the name, the time zone and the log
 * rotation of the stack's first system. To be called when everything else was declared on the host.
 */
export function scheduleBackups(host: Host, settings: StackSettings, opts: pulumi.ComponentResourceOptions): void {
  const { backup, imageRevision } = settings;
  const system = systemNames.find((name) => settings[name] !== undefined);
  const first = system && settings[system];
  if (backup?.schedule === undefined || backup.folder === undefined || system === undefined || first === undefined)
    return;
  const { cron, keepDaily, keepWeekly, keepMonthly, userId, memory } = backup.schedule;
  const source = backup.image === undefined ? { build: bundledImage("backup", imageRevision) } : { pull: backup.image };
  new ScheduledBackup(
    "backup",
    {
      host,
      system,
      prefix: first.name,
      image: new Image("backup-image", { host, source }, opts),
      folder: backup.folder,
      recipient: backup.recipient,
      cron,
      keep: { daily: keepDaily, weekly: keepWeekly, monthly: keepMonthly },
      userId,
      memory,
      logs: first.logs,
      timeZone: first.timeZone,
    },
    opts,
  );
}
