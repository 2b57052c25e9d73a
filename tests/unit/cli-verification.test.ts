import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { refuseNoFile } from "../../cli/backup/typed-backup.ts";
import { readVerification, recordVerification, verificationLine } from "../../cli/backup/verification.ts";
import { isForWantOfSpace } from "../../cli/docker/disk.ts";
import { exitCode } from "../../cli/failure.ts";
import { siteOf, type Site } from "../../cli/site.ts";

describe("a backup that is named", () => {
  const options = { stack: "prod", yes: false };
  let home: string;
  let site: Site;

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), "slipway-verification-"));
    site = siteOf({ stack: "prod", home });
  });

  afterEach(() => {
    rmSync(home, { recursive: true });
  });

  const refused = (path: string) => {
    let message = "";
    assert.throws(
      () => {
        refuseNoFile(path, site, options);
      },
      (error: Error) => {
        message = error.message;
        return (error as { exitCode?: number }).exitCode === exitCode.usage;
      },
    );
    return message;
  };

  it("has to be a file, and else it is said where backups are", () => {
    const folder = join(home, "backups");
    assert.equal(
      refused(join(home, "none")),
      [
        `There is no file ${home}/none.`,
        `In ${folder}, where backups of the stack "prod" are put, there is none.`,
        "Which were made before deployments: ./slipway history --stack prod",
      ].join("\n"),
    );
    mkdirSync(folder);
    for (const name of ["prod-20260131T120000Z.tar.zst", "prod-20260201T120000Z.scheduled.tar.zst"]) {
      writeFileSync(join(folder, name), "");
    }
    const message = refused(folder);
    assert.ok(message.startsWith(`${folder} is no file, as a backup is.\n`), message);
    assert.ok(message.includes(`is ${folder}/prod-20260201T120000Z.scheduled.tar.zst\n`), message);
    assert.match(refused(join(folder, "prod-20260131T120000Z.tar.zst", "x")), /^There is no file /);
    refuseNoFile(join(folder, "prod-20260131T120000Z.tar.zst"), site, options);
  });

  it("was verified, and may have been removed since", () => {
    const path = join(home, "b.tar.zst");
    writeFileSync(path, "");
    const time = "2026-01-31T12:00:00.000Z";
    const line = () => verificationLine(readVerification(site) ?? assert.fail());
    recordVerification(site, { file: "b.tar.zst", path, time, good: true });
    assert.equal(line(), "Backup b.tar.zst: verified on 2026-01-31, it can be restored");
    rmSync(path);
    assert.equal(line(), "Backup b.tar.zst: verified on 2026-01-31, it could be restored; it is not there any more");
    recordVerification(site, { file: "b.tar.zst", path, time, good: false });
    assert.equal(
      line(),
      "Backup b.tar.zst: verified on 2026-01-31, it could NOT be restored; it is not there any more",
    );
    recordVerification(site, { file: "b.tar.zst", time, good: false });
    assert.equal(line(), "Backup b.tar.zst: verified on 2026-01-31, it CANNOT be restored");
  });

  it("is not at fault where the disk is full", () => {
    const disk = { folder: "/var/lib/docker", free: 5_000_000_000 };
    assert.ok(isForWantOfSpace('ERROR:  could not extend file "base/1/2": No space left on device', disk));
    assert.ok(
      isForWantOfSpace("ERROR 1021 (HY000): Disk full (/tmp/x); waiting for someone to free some space", undefined),
    );
    assert.ok(isForWantOfSpace("ERROR 2013 (HY000): Lost connection to server during query", { ...disk, free: 4096 }));
    assert.ok(!isForWantOfSpace("patient has 1 rows; saved were 2", disk));
    assert.ok(!isForWantOfSpace("Expanding failed: truncated", undefined));
  });
});
