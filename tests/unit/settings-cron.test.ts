import assert from "node:assert/strict";
import { nextTime } from "../../settings/cron.ts";

/** The next times after a moment. */
function due(line: string, after: string, timeZone = "UTC", count = 1): (string | undefined)[] {
  const times: (string | undefined)[] = [];
  for (let moment: Date | undefined = new Date(after); times.length < count && moment !== undefined;) {
    moment = nextTime(line, moment, timeZone);
    times.push(moment?.toISOString().replace(":00.000Z", "").replace(".000Z", ""));
  }
  return times;
}

describe("a line of cron", () => {
  it("names minute, hour, day, month and weekday", () => {
    assert.deepEqual(due("30 2 * * *", "2026-01-31T02:29:59Z"), ["2026-01-31T02:30"]);
    assert.deepEqual(due("30 2 * * *", "2026-01-31T02:30:00Z"), ["2026-02-01T02:30"]);
    assert.deepEqual(due("0 0 1 * *", "2026-01-31T02:30:00Z"), ["2026-02-01T00:00"]);
    assert.deepEqual(due("0 4 * * sun", "2026-01-31T02:30:00Z", "UTC", 2), ["2026-02-01T04:00", "2026-02-08T04:00"]);
    assert.deepEqual(due("0 4 * * 7", "2026-01-31T02:30:00Z"), ["2026-02-01T04:00"]);
    assert.deepEqual(due("0 0 29 feb *", "2026-01-31T00:00:00Z"), ["2028-02-29T00:00"]);
    assert.deepEqual(due("*/20 8-9,22 * * mon-fri", "2026-01-30T09:39:00Z", "UTC", 3), [
      "2026-01-30T09:40",
      "2026-01-30T22:00",
      "2026-01-30T22:20",
    ]);
  });

  it("may begin with seconds", () => {
    assert.deepEqual(due("*/20 * * * * *", "2026-01-31T23:59:39.500Z", "UTC", 2), [
      "2026-01-31T23:59:40",
      "2026-02-01T00:00",
    ]);
  });

  it("means either of days and weekdays where both are given", () => {
    assert.deepEqual(due("0 0 13 * fri", "2026-01-31T00:00:00Z", "UTC", 3), [
      "2026-02-06T00:00",
      "2026-02-13T00:00",
      "2026-02-20T00:00",
    ]);
  });

  it("follows the clocks of a time zone, also when they are changed", () => {
    assert.deepEqual(due("30 1 * * *", "2026-03-28T12:00:00Z", "Europe/London", 2), [
      "2026-03-29T01:00", // there is no 01:30 that night; it is 02:00 by then
      "2026-03-30T00:30",
    ]);
    assert.deepEqual(due("30 1 * * *", "2026-10-24T12:00:00Z", "Europe/London", 2), [
      "2026-10-25T00:30", // the first of two
      "2026-10-26T01:30",
    ]);
    assert.deepEqual(due("0 6 * * *", "2026-06-30T17:59:00Z", "Pacific/Auckland"), ["2026-06-30T18:00"]);
  });

  it("may name a time that never comes", () => {
    assert.deepEqual(due("0 0 30 2 *", "2026-01-31T00:00:00Z"), [undefined]);
  });

  it("is refused when it is none", () => {
    const wrong = ["", "* * * *", "* * * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8"];
    const odd = [
      "5-1 * * * *",
      "*/0 * * * *",
      "1/2/3 * * * *",
      "1-2-3 * * * *",
      "a * * * *",
      "1, * * * *",
      "* * * * mo",
      "@daily",
      "2026-01-31T00:00:00",
    ];
    for (const line of [...wrong, ...odd]) assert.equal(nextTime(line, new Date(0), "UTC"), undefined, line);
  });
});
