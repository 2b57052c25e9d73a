import type { Member } from "../../docker/containers.ts";
import { commandLine, type CommonOptions } from "../../site.ts";
import { parseScheduleReport, scheduleProblems, type ScheduleReport } from "./schedule-report.ts";

/** What the service that takes a stack's backups by schedule says of them; nothing where it does not run, or there is none. */
export function scheduleOf(members: readonly Member[]): ScheduleReport | undefined {
  const service = members.find(({ operations }) => operations?.reportsBackups);
  return service?.state === "running" ? parseScheduleReport(service.healthOutput ?? "") : undefined;
}

/**
 * What is wrong with a stack's backups by schedule, besides that their service has ended by itself or is not healthy. That
 * somebody stopped it is wrong, too: else a stack would count as well that has no new backups.
 */
export function scheduledBackupProblems(members: readonly Member[], now: Date, options: CommonOptions): string[] {
  const stopped = members.find(({ operations, stopped }) => operations?.reportsBackups && stopped);
  if (stopped !== undefined) {
    const start = commandLine(`start ${stopped.name}`, options);
    return [
      `${stopped.name}: it is stopped, so that no backups are taken by schedule. To start it again, type: ${start}`,
    ];
  }
  const report = scheduleOf(members);
  if (report !== undefined) return scheduleProblems(report, now).map((problem) => `backup: ${problem}`);
  return members.some(({ operations, health }) => operations?.reportsBackups && health === "healthy")
    ? [
        `backup: what it says of its backups is not understood here; it is brought to this clone's version by: ${commandLine("up", options)}`,
      ]
    : [];
}
