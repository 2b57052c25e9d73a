import assert from "node:assert/strict";
import fc from "fast-check";
import { nextTime, parseCron } from "../../settings/cron.ts";

const field = (least: number, most: number) =>
  fc.oneof(
    fc.constant("*"),
    fc.integer({ min: least, max: most }).map(String),
    fc.integer({ min: 1, max: 20 }).map((step) => `*/${step}`),
    fc
      .tuple(fc.integer({ min: least, max: most }), fc.integer({ min: least, max: most }))
      .map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`),
  );
const line = fc.tuple(field(0, 59), field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 7));
const moment = fc.date({
  min: new Date("2024-01-01T00:00:00Z"),
  max: new Date("2028-01-01T00:00:00Z"),
  noInvalidDate: true,
});

describe("the next time of a schedule", () => {
  it("is the first of its times in UTC", () => {
    fc.assert(
      fc.property(line, moment, (fields, after) => {
        const cron = parseCron(fields.join(" "));
        assert.ok(cron);
        const next = nextTime(cron, after, "UTC");
        assert.ok(next !== undefined && next > after);
        const isTime = (time: Date) =>
          cron.seconds.includes(time.getUTCSeconds()) &&
          cron.minutes.includes(time.getUTCMinutes()) &&
          cron.hours.includes(time.getUTCHours()) &&
          cron.months.has(time.getUTCMonth() + 1) &&
          cron.isDay(time.getUTCDate(), time.getUTCDay());
        assert.ok(isTime(next) && next.getUTCMilliseconds() === 0);
        const earlier = new Date(Math.floor(after.getTime() / 1000) * 1000 + 1000);
        for (let tried = 0; tried < 200 && earlier < next; tried++, earlier.setTime(earlier.getTime() + 1000)) {
          assert.ok(!isTime(earlier), earlier.toISOString());
        }
      }),
    );
  });

  it("comes once a day in every time zone", () => {
    const zone = fc.constantFrom("Europe/London", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia");
    const time = fc.tuple(fc.nat(59), fc.nat(23));
    fc.assert(
      fc.property(time, moment, zone, ([minute, hour], after, timeZone) => {
        const cron = parseCron(`${minute} ${hour} * * *`);
        assert.ok(cron);
        const first = nextTime(cron, after, timeZone);
        const second = first && nextTime(cron, first, timeZone);
        assert.ok(first && second && first > after);
        const hours = (second.getTime() - first.getTime()) / 3_600_000;
        assert.ok(hours >= 22 && hours <= 26, `${first.toISOString()} ${second.toISOString()}`);
      }),
    );
  });

  it("is told of every text whether it is a line of cron", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        parseCron(text);
      }),
    );
  });
});
