import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { DockerPipe } from "../docker/docker-pipe.ts";
import { writeArchive, type ArchiveSource } from "./archive-writer.ts";
import { writeNewFile } from "./new-file.ts";

/** Where a backup is written to. */
export interface BackupFile {
  /** There is none of this name. */
  file: string;
  /** What compresses and encrypts; ended in any case. */
  packed: DockerPipe;
  /** Breaks it off. */
  signal: AbortSignal;
  /** Is told how many bytes have been written. */
  onProgress: (bytes: number) => void;
}

/**
 * Writes a backup into a new file, which is there only when it is complete.
 *
 * @returns how many bytes the file has.
 */
export function saveArchive(source: ArchiveSource, to: BackupFile): Promise<number> {
  return savePacked(writeArchive(source), to);
}

/** Writes an archive into a new file, in the same way. */
export async function savePacked(archive: Readable, { file, packed, signal, onProgress }: BackupFile): Promise<number> {
  const fed = pipeline(archive, packed.stdin);
  fed.catch(() => undefined);
  const stop = () => {
    archive.destroy();
    packed.kill();
  };
  signal.addEventListener("abort", stop);
  try {
    return await writeNewFile(file, whole(packed, fed), onProgress);
  } finally {
    signal.removeEventListener("abort", stop);
    stop();
  }
}

/** What was packed: it ends well only when all of it was there, because a broken off input is packed as if it were whole. */
async function* whole({ stdout, ended }: DockerPipe, fed: Promise<void>): AsyncGenerator<Buffer> {
  yield* stdout as AsyncIterable<Buffer>;
  await ended;
  await fed;
}
