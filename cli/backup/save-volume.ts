import { Readable } from "node:stream";
import type { Report } from "../../toolchain/report.js";
import { byteSize } from "../terminal/byte-size.ts";
import type { BackupTools } from "./backup-tools.ts";
import { savePacked } from "./saved-archive.ts";

export interface SaveVolumeOptions {
  /** There is none of this name. */
  file: string;
  /** Why it is saved, or to where, in words. */
  why: string;
  /** Public key of age. @default the file is not encrypted */
  recipient: string | undefined;
  /** Breaks it off. */
  signal: AbortSignal;
}

/**
 * Saves the files of a volume that nobody uses in one new file, as they are: links that lead out of it, too, which a backup
 * of a stack would leave out.
 */
export async function saveVolume(
  tools: Pick<BackupTools, "saveFiles" | "pack">,
  volume: string,
  { file, why, recipient, signal }: SaveVolumeOptions,
  report: Report,
): Promise<void> {
  await report.step(`Saving the volume ${volume}`, why, async (detail) => {
    signal.throwIfAborted();
    const read = tools.saveFiles(volume);
    read.stdin.end();
    const files = async function* () {
      yield* read.stdout as AsyncIterable<Buffer>;
      await read.ended;
    };
    signal.addEventListener("abort", read.kill);
    try {
      await savePacked(Readable.from(files(), { objectMode: false }), {
        file,
        packed: tools.pack(recipient === undefined ? [] : [recipient]),
        signal,
        onProgress: (bytes) => {
          detail(`${byteSize(bytes)} written`);
        },
      });
    } finally {
      signal.removeEventListener("abort", read.kill);
      read.kill();
    }
  });
}
