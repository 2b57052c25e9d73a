import assert from "node:assert/strict";
import fc from "fast-check";
import { backupName, backupsAmong, type Occasion } from "../../cli/backup/backup-name.ts";
import { superfluous, type Keep } from "../../cli/backup/retention.ts";

const stack = fc.constantFrom("prod", "prod-2", "a.b_c", "prod-20260101T000000Z.scheduled");
const moment = fc
  .date({ min: new Date("2024-01-01T00:00:00Z"), max: new Date("2027-01-01T00:00:00Z"), noInvalidDate: true })
  .map((date) => new Date(Math.floor(date.getTime() / 1000) * 1000));
const occasion = fc.constantFrom<Occasion | undefined>("scheduled", "upgrade", undefined);
const name = fc
  .tuple(stack, moment, occasion, fc.boolean())
  .map(([of, created, made, encrypted]) => backupName(of, created, { encrypted, occasion: made }));
const other = fc.oneof(
  fc.string(),
  name.map((text) => `.${text}.12.partial`),
  name.map((text) => `${text}.part`),
  name.map((text) => text.replace("T", "t")),
);
const folder = fc.uniqueArray(fc.oneof({ weight: 4, arbitrary: name }, other), { maxLength: 60 });
const count = fc.nat(5);
const keep: fc.Arbitrary<Keep> = fc.record(
  { newest: count, daily: count, weekly: count, monthly: count },
  { requiredKeys: [] },
);
const timeZone = fc.constantFrom("UTC", "Europe/London", "Pacific/Auckland");
const settings = fc.record({ stack, occasion: fc.constantFrom<Occasion>("scheduled", "upgrade"), keep, timeZone });

describe("which backups are removed", () => {
  it("are those of this stack and occasion alone, and never the newest of them", () => {
    fc.assert(
      fc.property(folder, settings, (names, options) => {
        const own = backupsAmong(names, options.stack, options.occasion);
        const removed = superfluous(names, options);
        for (const each of removed) {
          assert.ok(own.some((backup) => backup.name === each));
          assert.ok(each.includes(`.${options.occasion}.tar.zst`));
        }
        assert.ok(!removed.includes(own[0]?.name ?? ""));
        assert.equal(new Set(removed).size, removed.length);
      }),
    );
  });

  it("leave at least what each number asks for, and no more than all of them together", () => {
    fc.assert(
      fc.property(folder, settings, (names, options) => {
        const { newest = 0, daily = 0, weekly = 0, monthly = 0 } = options.keep;
        const own = backupsAmong(names, options.stack, options.occasion);
        const removed = new Set(superfluous(names, options));
        const kept = own.filter((backup) => !removed.has(backup.name));
        assert.ok(kept.length >= Math.min(own.length, Math.max(newest, own.length > 0 ? 1 : 0)));
        assert.ok(kept.length <= Math.max(newest, 1) + daily + weekly + monthly);
        const spans = (length: number, of: typeof own) => {
          const format = new Intl.DateTimeFormat("sv-SE", { timeZone: options.timeZone });
          return new Set(of.map(({ created }) => format.format(created).slice(0, length)));
        };
        assert.ok(spans(10, kept).size >= Math.min(daily, spans(10, own).size));
        assert.ok(spans(7, kept).size >= Math.min(monthly, spans(7, own).size));
      }),
    );
  });

  it("need no second look: what is left then stays", () => {
    fc.assert(
      fc.property(folder, settings, (names, options) => {
        const removed = new Set(superfluous(names, options));
        assert.deepEqual(
          superfluous(
            names.filter((each) => !removed.has(each)),
            options,
          ),
          [],
        );
      }),
    );
  });

  it("are told from the names that backups are given", () => {
    fc.assert(
      fc.property(stack, moment, occasion, fc.boolean(), (of, created, made, encrypted) => {
        const text = backupName(of, created, { encrypted, occasion: made });
        assert.deepEqual(backupsAmong([text], of), [{ name: text, created }]);
        assert.equal(backupsAmong([text], of, "scheduled").length, made === "scheduled" ? 1 : 0);
      }),
    );
  });
});
