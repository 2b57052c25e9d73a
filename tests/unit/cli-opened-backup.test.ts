import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { zstdCompressSync } from "node:zlib";
import type { BackupTools } from "../../cli/backup/backup-tools.ts";
import { openBackup, verifyBackup } from "../../cli/backup/opened-backup.ts";
import type { Report } from "../../toolchain/report.js";

const report = { step: (_: string, __: string, work: (detail: () => void) => unknown) => work(() => undefined) };

describe("the verification of a backup", () => {
  let folder: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "slipway-backup-"));
  });

  after(() => {
    rmSync(folder, { recursive: true });
  });

  it("ends, with what expands the backup, when it is interrupted", async () => {
    const path = join(folder, "backup.tar.zst");
    writeFileSync(path, zstdCompressSync("a long backup"));
    const stdout = new PassThrough();
    const { promise: ended, reject } = Promise.withResolvers<never>();
    const kill = () => {
      stdout.end();
      reject(new Error("killed"));
    };
    const tools = { unpack: () => ({ stdin: new PassThrough(), stdout, ended, kill }) };
    const controller = new AbortController();
    const verified = verifyBackup(
      tools as unknown as BackupTools,
      openBackup(path, undefined),
      report as unknown as Report,
      controller.signal,
    );
    controller.abort();
    await assert.rejects(verified, /backup\.tar\.zst cannot be restored: killed\. Nothing was changed\./);
  });
});
