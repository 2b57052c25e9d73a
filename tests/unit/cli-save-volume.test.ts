import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BackupTools } from "../../cli/backup/backup-tools.ts";
import { saveVolume } from "../../cli/backup/save-volume.ts";
import { pipeProcess, type DockerPipe } from "../../cli/docker/docker-pipe.ts";
import type { Report } from "../../toolchain/report.js";
import { entriesOf } from "../archive.ts";

describe("a volume's files", () => {
  let folder: string;
  let backups: string;
  let processes: DockerPipe[];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "slipway-save-volume-"));
    backups = join(folder, "backups");
    mkdirSync(backups);
    mkdirSync(join(folder, "data"));
    writeFileSync(join(folder, "data/ibdata1"), "rows");
    symlinkSync("/elsewhere/table.ibd", join(folder, "data/table.ibd"));
    processes = [];
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  /** Saves `data` by a program of this machine; `progress` is called when something was written. */
  function save(reading: string, signal: AbortSignal, progress: () => void = () => undefined): Promise<void> {
    const start = (script: string): DockerPipe => {
      const pipe = pipeProcess("bash", ["-c", script], "A tool");
      processes.push(pipe);
      return pipe;
    };
    const tools: Pick<BackupTools, "saveFiles" | "pack"> = {
      saveFiles: (volume) => start(`cd '${join(folder, volume)}' && ${reading}`),
      pack: () => start("exec cat"),
    };
    const report: Report = { note: () => undefined, step: (_what, _why, work) => work(progress) };
    const options = { file: join(backups, "data.tar"), why: "", recipient: undefined, signal };
    return saveVolume(tools, "data", options, report);
  }

  it("are saved as they are, with links that lead out of it", async () => {
    await save("tar --create ibdata1 table.ibd", new AbortController().signal);
    const entries = await entriesOf(readFileSync(join(backups, "data.tar")), "name", "type", "linkname");
    assert.deepEqual(
      entries.map(({ name, type, linkname, content }) => [name, type, linkname, content]),
      [
        ["ibdata1", "file", null, "rows"],
        ["table.ibd", "symlink", "/elsewhere/table.ibd", ""],
      ],
    );
  });

  it("leave nothing behind when the saving is broken off, neither a file nor a process", async () => {
    const controller = new AbortController();
    const saving = save("exec cat /dev/zero", controller.signal, () => {
      controller.abort();
    });
    await assert.rejects(saving);
    assert.deepEqual(readdirSync(backups), []);
    assert.equal(processes.length, 2);
    for (const { ended } of processes) await assert.rejects(ended, /SIGKILL/);
  });

  it("are not taken for saved when they could be read in part only", async () => {
    const saving = save("tar --create ibdata1; echo 'cannot read ibdata2' >&2; exit 2", new AbortController().signal);
    await assert.rejects(saving, /cannot read ibdata2/);
    assert.deepEqual(readdirSync(backups), []);
  });

  it("are not read on when there is a file of that name already", async () => {
    writeFileSync(join(backups, "data.tar"), "earlier");
    await assert.rejects(save("exec cat /dev/zero", new AbortController().signal), /exists already/);
    for (const { ended } of processes) await assert.rejects(ended, /SIGKILL|SIGPIPE/);
  });
});
