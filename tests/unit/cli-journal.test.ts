import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { siteOf, type Site } from "../../cli/site.ts";
import { endRestore, halfRestore, markRestore } from "../../cli/upgrade/half-restore.ts";
import { isTouched, JournalFile, steps, whatNext } from "../../cli/upgrade/journal.ts";
import { failureReport } from "../../cli/upgrade/report.ts";
import { refuseUnfinished, unfinished } from "../../cli/upgrade/unfinished.ts";

describe("the journal of an upgrade", () => {
  let home: string;
  let site: Site;
  const options = { stack: "dev", home: "", yes: false };

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), "slipway-journal-test-"));
    site = siteOf({ stack: "dev", home });
    options.home = home;
  });

  afterEach(() => {
    rmSync(home, { recursive: true });
  });

  const begin = () => JournalFile.begin(site, { number: 2, kind: "upgrade", former: 1, placed: [] });
  const onDisk = () => JournalFile.open(site)?.current;

  it("is on the disk before a step begins, for its owner alone", async () => {
    const journal = begin();
    assert.equal(onDisk(), undefined);
    await journal.step("backup", () => {
      assert.equal(onDisk()?.step, "backup");
      return Promise.resolve();
    });
    await journal.step("deploy", () => {
      journal.set({ touched: true });
      return Promise.resolve();
    });
    assert.deepEqual(onDisk(), journal.current);
    assert.deepEqual(
      journal.current.steps.map(({ way, step }) => [way, step]),
      [
        ["forward", "backup"],
        ["forward", "deploy"],
      ],
    );
    const file = join(home, "deployments", "dev", "journal.json");
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(join(home, "deployments", "dev")), ["journal.json"]);
  });

  it("begins the way back without what was saved and loaded on the way forward", () => {
    const journal = begin();
    journal.set({ isSaved: true, isLoaded: true, safety: ["/s"] });
    journal.turnBack({ touched: true, failure: "no luck" });
    const { way, isSaved, isLoaded, safety, touched, failure } = journal.current;
    assert.deepEqual([way, isSaved, isLoaded, touched, failure], ["back", false, false, true, "no luck"]);
    assert.deepEqual(safety, ["/s"]);
    assert.deepEqual(onDisk(), journal.current);
  });

  it("keeps the step that failed", async () => {
    const journal = begin();
    await assert.rejects(
      journal.step("deploy", () => Promise.reject(new Error("no luck"))),
      /no luck/,
    );
    assert.equal(onDisk()?.step, "deploy");
  });

  it("tells how long each step took", async () => {
    const journal = begin();
    await journal.step("backup", () => Promise.resolve());
    journal.set({ way: "back" });
    await journal.step("data", () => Promise.resolve());
    const [first = "", second = "", ...others] = journal.times(Date.now() + 60_000);
    assert.match(first, /^backup \S+ s$/);
    assert.match(second, /^back: data (?:60 s|1 min.*)$/);
    assert.deepEqual(others, []);
  });

  it("goes with the key that opens the backup", () => {
    const journal = begin();
    const identity = join(home, "identity");
    writeFileSync(identity, "AGE-SECRET-KEY-1");
    journal.set({ identity });
    journal.remove();
    assert.equal(existsSync(identity), false);
    assert.equal(JournalFile.open(site), undefined);
  });

  it("says what is to be done after an interruption", () => {
    assert.deepEqual(
      steps.map((step) => [step, whatNext({ way: "forward", step }), whatNext({ way: "back", step })]),
      [
        ["backup", "anew", "back"],
        ["images", "anew", "back"],
        ["data", "forward", "back"],
        ["deploy", "forward", "back"],
        ["load", "forward", "back"],
        ["health", "forward", "back"],
        ["probe", "forward", "back"],
      ],
    );
  });

  it("takes data for touched when a container that runs on them is another or gone", () => {
    const placed = [
      { container: "db", id: "1" },
      { container: "migrate", id: "2" },
    ];
    const now = (entries: Record<string, string>) => new Map(Object.entries(entries));
    assert.equal(isTouched({ touched: false, placed }, now({ db: "1", migrate: "2", web: "9" })), false);
    assert.equal(isTouched({ touched: true, placed }, now({ db: "1", migrate: "2" })), true);
    assert.equal(isTouched({ touched: false, placed }, now({ db: "1", migrate: "3" })), true);
    assert.equal(isTouched({ touched: false, placed }, now({ db: "1" })), true);
    // A task without a container may have run, failed and been removed.
    assert.equal(isTouched({ touched: false, placed: [{ container: "migrate" }] }, now({})), true);
  });

  it("keeps other commands away, and says what to type", async () => {
    assert.equal(unfinished({ site, options }), undefined);
    refuseUnfinished({ site, options });
    const journal = begin();
    await journal.step("deploy", () => Promise.resolve());
    const said = `The deployment 2 is unfinished: it was interrupted in the step deploy. To take it up, type: ./slipway up --home '${home}'`;
    assert.equal(unfinished({ site, options }), said);
    assert.throws(() => {
      refuseUnfinished({ site, options });
    }, new RegExp("Nothing was changed"));
  });

  it("has a mark beside it while a restore replaces data", () => {
    assert.equal(halfRestore(site, options), undefined);
    markRestore(site, "/backups/it's one");
    assert.match(
      halfRestore(site, options) ?? "",
      /not finished: .* type: \.\/slipway restore '\/backups\/it'\\''s one' .* type: \.\/slipway up /,
    );
    assert.match(readFileSync(join(home, "deployments", "dev", "restore.json"), "utf8"), /"began"/);
    endRestore(site);
    assert.equal(halfRestore(site, options), undefined);
  });
});

describe("the report of an upgrade that was brought back", () => {
  const failed = {
    entry: { number: 4, kind: "upgrade" },
    former: { number: 3, time: "2026-01-31T12:00:00.000Z" },
    failedStep: "deploy",
    failure: "The task migrate failed with exit code 7.\nLast log lines:\nno luck",
    touched: true,
    backup: "/backups/b.tar.zst",
    safety: ["/backups/s.tar.zst"],
    stackFile: "/h/stacks/Pulumi.prod.yaml",
    options: { stack: "prod", yes: true },
  } as const;

  it("says what failed, what serves now, where the data are, and what to type", () => {
    assert.deepEqual(failureReport(failed).split("\n"), [
      "The upgrade 4 failed in the step deploy, and was brought back:",
      "  The task migrate failed with exit code 7.",
      "  Last log lines:",
      "  no luck",
      "",
      "The deployment 3 of 2026-01-31T12:00:00.000Z serves again, with its own settings.",
      "Its data are those from the backup before the upgrade:",
      "  backup before the upgrade: /backups/b.tar.zst",
      "  data as they were when it failed: /backups/s.tar.zst",
      "",
      "/h/stacks/Pulumi.prod.yaml is as you wrote it. Correct it and try again: ./slipway upgrade --stack prod",
      "To write the settings that run now into it: ./slipway rollback 3 --stack prod",
      "What was deployed when: ./slipway history --stack prod",
    ]);
  });

  it("does not claim that data were put back which were not touched", () => {
    const report = failureReport({ ...failed, touched: false, safety: [] });
    assert.match(report, /The data were not touched\.\n {2}backup before the upgrade/);
    assert.doesNotMatch(report, /when it failed/);
  });
});
