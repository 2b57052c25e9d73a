import assert from "node:assert/strict";
import {
  missedSince,
  parseScheduleReport,
  scheduleLine,
  scheduleProblems,
  type ScheduleReport,
} from "../../cli/backup/scheduled/schedule-report.ts";
import { scheduledBackupProblems, scheduleOf } from "../../cli/backup/scheduled/schedules-of.ts";
import { member } from "../member.ts";

const report: ScheduleReport = {
  version: 1,
  cron: "30 2 * * *",
  timeZone: "UTC",
  since: "2026-01-01T12:00:00.000Z",
  lastGood: { file: "prod-20260131T023000Z.scheduled.tar.zst", created: "2026-01-31T02:30:00.000Z", bytes: 1_500_000 },
  nextDue: "2026-02-01T02:30:00.000Z",
};
const options = { stack: "dev", yes: false };
const none: ScheduleReport = { ...report };
delete none.lastGood;

describe("what is said of scheduled backups", () => {
  it("is nothing while they come in time", () => {
    assert.deepEqual(scheduleProblems(report, new Date("2026-01-31T12:00:00Z")), []);
    assert.deepEqual(scheduleProblems(report, new Date("2026-02-01T02:39:00Z")), []);
    assert.deepEqual(scheduleProblems(none, new Date("2026-01-02T02:00:00Z")), []);
  });

  it("names one that is missing, unless it is being taken", () => {
    const late = new Date("2026-02-01T02:41:00Z");
    assert.deepEqual(scheduleProblems(report, late), [
      "the backup that was due at 2026-02-01T02:30:00.000Z is missing; the last good one is of 2026-01-31T02:30:00.000Z",
    ]);
    assert.deepEqual(scheduleProblems({ ...report, running: "2026-02-01T02:30:00.100Z" }, late), []);
    assert.deepEqual(scheduleProblems(none, new Date("2026-01-02T03:00:00Z")), [
      "the backup that was due at 2026-01-02T02:30:00.000Z is missing; there is no good one yet",
    ]);
    assert.equal(missedSince(report, new Date("2026-02-01T02:39:00Z")), undefined);
  });

  it("names one that failed, and why", () => {
    const lastError = { time: "2026-02-01T02:30:00.000Z", message: "Dumping the database mysql failed: gone" };
    assert.deepEqual(scheduleProblems({ ...report, lastError }, new Date("2026-02-01T02:31:00Z")), [
      "the backup of 2026-02-01T02:30:00.000Z failed, and the last good one is of 2026-01-31T02:30:00.000Z: " +
        "Dumping the database mysql failed: gone",
    ]);
  });

  it("is read from the output of the service's health check", () => {
    const service = member({
      name: "backup",
      healthOutput: JSON.stringify(report),
      operations: { version: 1, shell: ["bash"], reportsBackups: true },
    });
    assert.deepEqual(scheduleOf([member(), service]), report);
    assert.deepEqual(scheduledBackupProblems([member(), service], new Date("2026-03-01T00:00:00Z"), options), [
      "backup: the backup that was due at 2026-02-01T02:30:00.000Z is missing; the last good one is of 2026-01-31T02:30:00.000Z",
    ]);
    assert.equal(scheduleOf([member({ ...service, state: "exited" })]), undefined);
    assert.deepEqual(
      scheduledBackupProblems(
        [member({ ...service, health: "healthy", healthOutput: "version 2" })],
        new Date(),
        options,
      ),
      [
        "backup: what it says of its backups is not understood here; it is brought to this clone's version by: ./slipway up",
      ],
    );
    const starting = member({ ...service, health: "starting", healthOutput: "" });
    assert.deepEqual(scheduledBackupProblems([starting], new Date(), options), []);
    assert.deepEqual(scheduledBackupProblems([member()], new Date(), options), []);
    for (const text of ["", "no report", "{}", JSON.stringify({ ...report, version: 2 })]) {
      assert.equal(parseScheduleReport(text), undefined, text);
    }
  });

  it("fits in a line", () => {
    assert.equal(
      scheduleLine(report),
      "Scheduled backups: the last good one is prod-20260131T023000Z.scheduled.tar.zst of 2026-01-31T02:30:00.000Z, 1.5 MB; " +
        "the next is due at 2026-02-01T02:30:00.000Z",
    );
    assert.equal(
      scheduleLine({ ...none, running: "2026-01-02T02:30:00.000Z" }),
      "Scheduled backups: none yet; one is being taken since 2026-01-02T02:30:00.000Z",
    );
  });
});
