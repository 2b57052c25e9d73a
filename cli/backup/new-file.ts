import { existsSync } from "node:fs";
import { open, rename, rm, type FileHandle } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Failure } from "../failure.ts";
import { byteSize } from "../terminal/byte-size.ts";

/**
 * Writes a file that is either complete, on the disk, or not there at all. Only its owner can read it.
 *
 * @param onProgress is told how many bytes have been written
 * @returns how many bytes it has.
 * @throws Failure when there is a file of that name, or when the disk takes no more.
 */
export async function writeNewFile(
  file: string,
  content: AsyncIterable<Buffer>,
  onProgress: (bytes: number) => void,
): Promise<number> {
  if (existsSync(file)) throw new Failure(`${file} exists already. Nothing was written. Type the same command again.`);
  const partial = join(dirname(file), `.${basename(file)}.${process.pid}.partial`);
  let bytes = 0;
  let handle: FileHandle | undefined;
  try {
    handle = await open(partial, "wx", 0o600);
    for await (const chunk of content) {
      await handle.writeFile(chunk);
      bytes += chunk.length;
      onProgress(bytes);
    }
    await handle.sync();
    await handle.close();
    handle = undefined;
    await rename(partial, file);
    await syncFolder(dirname(file));
    return bytes;
  } catch (error) {
    await handle?.close().catch(() => undefined);
    await rm(partial, { force: true });
    throw explained(error as NodeJS.ErrnoException, dirname(file), bytes);
  }
}

/** A name is on the disk only when its folder is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function explained(error: NodeJS.ErrnoException, folder: string, bytes: number): Error {
  switch (error.code) {
    case "ENOSPC":
    case "EDQUOT":
    case "EFBIG":
      return new Failure(
        `The disk of ${folder} is full after ${byteSize(bytes)}: ${error.message}. What was written has been removed; ` +
          "what was there before, and the data themselves, were not touched. Make room, or have backups put elsewhere: the setting backup.folder, or backup --to FOLDER",
      );
    case "EACCES":
    case "EROFS":
      return new Failure(
        `Nothing can be written in ${folder}: ${error.message}. Give this user the right to, or have backups put elsewhere: ` +
          "the setting backup.folder, or backup --to FOLDER",
      );
    default:
      return error;
  }
}
