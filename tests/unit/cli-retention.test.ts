import assert from "node:assert/strict";
import { backupName, backupsAmong } from "../../cli/backup/backup-name.ts";
import { superfluous } from "../../cli/backup/retention.ts";

const scheduled = (time: string) => backupName("prod", new Date(time), { encrypted: false, occasion: "scheduled" });

describe("the names of backups", () => {
  const created = new Date("2026-01-31T12:00:00.789Z");

  it("hold stack, time and occasion", () => {
    assert.equal(backupName("prod", created, { encrypted: false }), "prod-20260131T120000Z.tar.zst");
    assert.equal(
      backupName("prod", created, { encrypted: true, occasion: "upgrade" }),
      "prod-20260131T120000Z.upgrade.tar.zst.age",
    );
  });

  it("are found among others, newest first", () => {
    const own = ["prod-20260131T120000Z.tar.zst", scheduled("2026-02-01T00:00:00Z"), scheduled("2026-01-01T00:00:00Z")];
    const names = [...own, "prod-2-20260131T120000Z.tar.zst", "prod-20261331T120000Z.tar.zst", "notes.txt"];
    assert.deepEqual(
      backupsAmong(names, "prod").map(({ name }) => name),
      [own[1], own[0], own[2]],
    );
    assert.deepEqual(
      backupsAmong(names, "prod", "scheduled").map(({ name }) => name),
      [own[1], own[2]],
    );
  });
});

describe("the backups that are kept", () => {
  const names = [
    "2026-03-16T23:30:00Z", // in Auckland a day and a week later
    "2026-03-15T12:00:00Z",
    "2026-03-15T02:00:00Z",
    "2026-03-14T02:00:00Z",
    "2026-03-09T02:00:00Z",
    "2026-03-08T02:00:00Z",
    "2026-02-28T02:00:00Z",
    "2026-02-01T02:00:00Z",
    "2025-12-31T02:00:00Z",
  ].map(scheduled);
  const kept = (keep: Parameters<typeof superfluous>[1]["keep"], timeZone = "UTC") => {
    const removed = superfluous(names, { stack: "prod", occasion: "scheduled", keep, timeZone });
    return names.flatMap((name, index) => (removed.includes(name) ? [] : [index]));
  };

  it("are the newest of each of the last days, weeks and months that have any", () => {
    assert.deepEqual(kept({}), [0]);
    assert.deepEqual(kept({ newest: 3 }), [0, 1, 2]);
    assert.deepEqual(kept({ daily: 3 }), [0, 1, 3]);
    assert.deepEqual(kept({ weekly: 3 }), [0, 1, 5]);
    assert.deepEqual(kept({ monthly: 9 }), [0, 6, 8]);
    assert.deepEqual(kept({ daily: 2, weekly: 3, monthly: 2 }), [0, 1, 5, 6]);
  });

  it("are counted by the days of a time zone", () => {
    assert.deepEqual(kept({ daily: 2 }, "Pacific/Auckland"), [0, 1]);
    assert.deepEqual(kept({ daily: 4 }, "Pacific/Auckland"), [0, 1, 2, 3]);
  });
});
