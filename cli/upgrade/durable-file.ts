import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Writes a file that is either the former or the new one, whenever the machine loses power. Only its owner can read it.
 */
export function writeDurably(file: string, text: string): void {
  const folder = dirname(file);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}.draft`;
  const handle = openSync(draft, "w", 0o600);
  writeSync(handle, text);
  fsyncSync(handle);
  closeSync(handle);
  renameSync(draft, file);
  // A name is on the disk only when its folder is.
  const folderHandle = openSync(folder, "r");
  fsyncSync(folderHandle);
  closeSync(folderHandle);
}

/** The same with data. */
export function writeJsonDurably(file: string, data: unknown): void {
  writeDurably(file, `${JSON.stringify(data, undefined, 2)}\n`);
}
