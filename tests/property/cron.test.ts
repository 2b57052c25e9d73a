import assert from "node:assert/strict";
import fc from "fast-check";
import { nextTime } from "../../settings/cron.ts";

const moment = fc.date({
  min: new Date("2024-01-01T00:00:00Z"),
  max: new Date("2028-01-01T00:00:00Z"),
  noInvalidDate: true,
});

describe("the next time of a schedule", () => {
  it("comes once a day in every time zone", () => {
    const zone = fc.constantFrom("Europe/London", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia");
    const time = fc.tuple(fc.nat(59), fc.nat(23));
    fc.assert(
      fc.property(time, moment, zone, ([minute, hour], after, timeZone) => {
        const line = `${minute} ${hour} * * *`;
        const first = nextTime(line, after, timeZone);
        const second = first && nextTime(line, first, timeZone);
        assert.ok(first && second && first > after);
        const hours = (second.getTime() - first.getTime()) / 3_600_000;
        assert.ok(hours >= 22 && hours <= 26, `${first.toISOString()} ${second.toISOString()}`);
      }),
    );
  });

  it("is told of every text whether it is a line of cron", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        nextTime(text, new Date(0), "UTC");
      }),
    );
  });
});
