import { readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { nextTime } from "../../../settings/cron.ts";
import { backupsAmong } from "../backup-name.ts";
import { clearRequests } from "./part-pipes.ts";
import { missedSince, parseScheduleReport, type ScheduleReport } from "./schedule-report.ts";
import { scheduleSchema, scheduleVariable, type Schedule } from "./schedule.ts";
import { backupsFolder, takeBackup } from "./take-backup.ts";

// The service that takes backups by schedule, in a container of images/backup. Why it is made as it is: decision record 19.

/** What the health check prints. */
const reportFile = "/tmp/report.json";
/** How often the report is written, and how late a backup may begin, in milliseconds. */
const beat = 5000;
/** How long a backup may take before it is broken off, in milliseconds. */
const longest = 24 * 60 * 60_000;
/** How long after the start a missed backup is made up for, in milliseconds: by then databases are there. */
const makeUpAfter = 60_000;
/** How long an error may be in the report, of which Docker keeps 4096 bytes. */
const errorLength = 1500;

const schedule = scheduleSchema.parse(JSON.parse(process.env[scheduleVariable] ?? "{}"));
const ending = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    ending.abort();
  });
}

for (const { folder } of schedule.parts) clearRequests(folder);
const former = formerReport(schedule);
const state: {
  lastError: ScheduleReport["lastError"];
  running: Date | undefined;
  nextDue: Date | undefined;
  /** The report that stands beside the backups. */
  kept: string;
} = { lastError: former?.lastError, running: undefined, nextDue: undefined, kept: "" };
const since = former?.since ?? new Date().toISOString();
const started = new Date();
state.nextDue =
  missedSince(report(), started) === undefined
    ? nextTime(schedule.cron, started, schedule.timeZone)
    : new Date(started.getTime() + makeUpAfter);

const heart = setInterval(writeReport, beat);
writeReport();
while (!ending.signal.aborted) {
  const left = (state.nextDue?.getTime() ?? Infinity) - Date.now();
  if (left <= 0) await run();
  // Clocks may be set, and a machine may sleep.
  else await sleep(Math.min(left, beat), undefined, { signal: ending.signal }).catch(() => undefined);
}
clearInterval(heart);

async function run(): Promise<void> {
  state.running = new Date();
  writeReport();
  console.log("Taking a backup");
  const signal = AbortSignal.any([ending.signal, AbortSignal.timeout(longest)]);
  try {
    await takeBackup(schedule, signal, (problem) => {
      console.log(problem);
    });
    state.lastError = undefined;
    console.log(`Saved: ${lastGood()?.file ?? ""}`);
  } catch (error) {
    if (ending.signal.aborted) return;
    const message = error instanceof Error ? error.message : String(error);
    state.lastError = { time: state.running.toISOString(), message: message.slice(0, errorLength) };
    console.error(message);
  } finally {
    state.running = undefined;
    state.nextDue = nextTime(schedule.cron, new Date(), schedule.timeZone);
    writeReport();
  }
}

function report(): ScheduleReport {
  const good = lastGood();
  return {
    version: 1,
    cron: schedule.cron,
    timeZone: schedule.timeZone,
    since,
    ...(good && { lastGood: good }),
    ...(state.lastError && { lastError: state.lastError }),
    ...(state.running && { running: state.running.toISOString() }),
    ...(state.nextDue && { nextDue: state.nextDue.toISOString() }),
  };
}

function lastGood(): ScheduleReport["lastGood"] {
  try {
    const [newest] = backupsAmong(readdirSync(backupsFolder), schedule.stack, "scheduled");
    if (newest === undefined) return undefined;
    const { size: bytes } = statSync(join(backupsFolder, newest.name));
    return { file: newest.name, created: newest.created.toISOString(), bytes };
  } catch {
    return undefined;
  }
}

function writeReport(): void {
  const text = JSON.stringify(report());
  write(reportFile, text);
  if (text === state.kept) return;
  try {
    write(keptReport(schedule), text);
    state.kept = text;
  } catch {
    // That nothing can be written there is told by the next backup, which fails.
  }
}

function write(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** What was reported before this container was made; it stands beside the backups. */
function formerReport(of: Schedule): ScheduleReport | undefined {
  try {
    return parseScheduleReport(readFileSync(keptReport(of), "utf8"));
  } catch {
    return undefined;
  }
}

function keptReport({ stack }: Schedule): string {
  return join(backupsFolder, `.${stack}.schedule.json`);
}
