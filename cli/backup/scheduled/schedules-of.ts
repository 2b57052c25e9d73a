import type { Member } from "../../docker/containers.ts";
import { parseScheduleReport, scheduleProblems, type ScheduleReport } from "./schedule-report.ts";

/** What the service that takes a stack's backups by schedule says of them; nothing where it does not run, or there is none. */
export function scheduleOf(members: readonly Member[]): ScheduleReport | undefined {
  const service = members.find(({ operations }) => operations?.reportsBackups);
  return service?.state === "running" ? parseScheduleReport(service.healthOutput ?? "") : undefined;
}

/** What is wrong with a stack's backups by schedule, besides that the service does not run or is not healthy. */
export function scheduledBackupProblems(members: readonly Member[], now: Date): string[] {
  const report = scheduleOf(members);
  if (report !== undefined) return scheduleProblems(report, now).map((problem) => `backup: ${problem}`);
  return members.some(({ operations, health }) => operations?.reportsBackups && health === "healthy")
    ? ["backup: what it says of its backups is not understood here; `slipway up` brings it to this clone's version"]
    : [];
}
