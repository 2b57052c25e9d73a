import { z } from "zod";
import { byteSize } from "../../terminal/byte-size.ts";
import { nextTime } from "../../../settings/cron.ts";

const time = z.iso.datetime();

/** What the service that takes backups by schedule says of them: the output of its health check. */
const scheduleReportSchema = z.strictObject({
  version: z.literal(1),
  cron: z.string(),
  timeZone: z.string(),
  /** Since when there is a schedule; kept in the folder, as far as it can be written. */
  since: time,
  /** The newest backup of the schedule that is there. */
  lastGood: z.strictObject({ file: z.string(), created: time, bytes: z.int().min(0) }).optional(),
  /** Why the last one failed, unless a good one came after it. */
  lastError: z.strictObject({ time, message: z.string() }).optional(),
  /** When the one that is being taken began. */
  running: time.optional(),
  nextDue: time.optional(),
});

export type ScheduleReport = z.infer<typeof scheduleReportSchema>;

/** How late a backup may begin and how long it may take before it counts as missing, in milliseconds. */
const patience = 10 * 60_000;

/** Reads what the service said; nothing when that is no report. */
export function parseScheduleReport(text: string): ScheduleReport | undefined {
  try {
    return scheduleReportSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** When the first backup was due of which there is none; nothing when all are there. */
export function missedSince(
  { cron: line, timeZone, since, lastGood }: Pick<ScheduleReport, "cron" | "timeZone" | "since" | "lastGood">,
  now: Date,
): Date | undefined {
  const due = nextTime(line, new Date(lastGood?.created ?? since), timeZone);
  return due !== undefined && due.getTime() + patience < now.getTime() ? due : undefined;
}

/** A stack's scheduled backups in a line. */
export function scheduleLine({ lastGood, running, nextDue }: ScheduleReport): string {
  const last =
    lastGood === undefined
      ? "none yet"
      : `the last good one is ${lastGood.file} of ${lastGood.created}, ${byteSize(lastGood.bytes)}`;
  const next =
    running === undefined ? `the next is due at ${nextDue ?? "no time"}` : `one is being taken since ${running}`;
  return `Scheduled backups: ${last}; ${next}`;
}

/** What is wrong with a stack's scheduled backups. */
export function scheduleProblems(report: ScheduleReport, now: Date): string[] {
  const { lastGood, lastError, running } = report;
  const last = lastGood === undefined ? "there is no good one yet" : `the last good one is of ${lastGood.created}`;
  if (lastError !== undefined) return [`the backup of ${lastError.time} failed, and ${last}: ${lastError.message}`];
  const missed = running === undefined ? missedSince(report, now) : undefined;
  return missed === undefined ? [] : [`the backup that was due at ${missed.toISOString()} is missing; ${last}`];
}
