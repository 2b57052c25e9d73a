import { pipeline } from "node:stream/promises";
import type { DockerPipe } from "../docker/docker-pipe.ts";
import { writeArchive, type ArchiveSource } from "./archive-writer.ts";
import { writeNewFile } from "./new-file.ts";

/**
 * Writes a backup into a new file, which is there only when it is complete.
 *
 * @param to.packed what compresses and encrypts; ended here in any case
 * @param to.signal breaks it off
 * @param to.onProgress is told how many bytes have been written
 * @returns how many bytes the file has.
 */
export async function saveArchive(
  source: ArchiveSource,
  to: { file: string; packed: DockerPipe; signal: AbortSignal; onProgress: (bytes: number) => void },
): Promise<number> {
  const { file, packed, signal, onProgress } = to;
  const archive = writeArchive(source);
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
