import { createReadStream, openSync, readFileSync, readSync, closeSync, statSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import type { Part } from "./archive-format.ts";
import { DamagedArchive, readArchive, type Archive } from "./archive-reader.ts";
import type { BackupTools } from "./backup-tools.ts";
import { exitCode, Failure } from "../failure.ts";
import { readToEnd } from "./read-to-end.ts";
import { surveyFiles } from "./saved-files.ts";
import { byteSize } from "../terminal/byte-size.ts";
import { timeSpan } from "../terminal/terminal.ts";
import type { Report } from "../../toolchain/report.js";
import { quoted } from "../terminal/quoted.ts";

/** A backup's file, of which only its beginning was read so far. */
export interface BackupFile {
  path: string;
  bytes: number;
  /** The lines of the private key, where the file is encrypted. */
  identity: string | undefined;
}

const zstdMagic = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
const ageMagic = Buffer.from("age-encryption.org/v1\n");

/**
 * Looks at a file that is said to be a backup.
 *
 * @param identityFile the private key of age; needed where the file is encrypted
 */
export function openBackup(path: string, identityFile: string | undefined): BackupFile {
  const beginning = Buffer.alloc(ageMagic.length);
  let bytes: number;
  try {
    bytes = statSync(path).size;
    const file = openSync(path, "r");
    readSync(file, beginning);
    closeSync(file);
  } catch (error) {
    // One by schedule belongs to the user of that setting.
    const isOthers = (error as NodeJS.ErrnoException).code === "EACCES";
    const advice = isOthers
      ? `\nFor a copy of yours, type: sudo install --mode=600 --owner="$USER" ${quoted(path)} .`
      : "";
    throw new Failure(`The backup cannot be read: ${(error as Error).message}${advice}`, exitCode.usage);
  }
  if (beginning.equals(ageMagic)) {
    if (identityFile === undefined) {
      throw new Failure(`${path} is encrypted. Name the file with the private key: --identity FILE`, exitCode.usage);
    }
    return { path, bytes, identity: readIdentity(identityFile) };
  }
  if (!beginning.subarray(0, zstdMagic.length).equals(zstdMagic)) throw refusal(path, "it is no backup of Slipway's");
  return { path, bytes, identity: undefined };
}

function readIdentity(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new Failure(`The private key cannot be read: ${(error as Error).message}`, exitCode.usage);
  }
  const keys = text.split("\n").filter((line) => line.startsWith("AGE-SECRET-KEY-"));
  if (keys.length > 0) return keys.map((key) => `${key}\n`).join("");
  throw new Failure(`${file} holds no private key of age, a line that begins with AGE-SECRET-KEY-.`, exitCode.usage);
}

/** What is done with each part of a backup; all of its content has to be read. */
export type Take = (part: Part, index: number, content: AsyncIterable<Buffer>) => Promise<void>;

/**
 * Reads a backup to its end without doing anything with it.
 *
 * @param signal breaks the reading off
 * @throws Failure when it is not whole and unaltered.
 */
export async function verifyBackup(
  tools: BackupTools,
  file: BackupFile,
  report: Report,
  signal: AbortSignal,
): Promise<Archive> {
  try {
    return await report.step(`Verifying ${file.path}`, "before anything is touched", (detail) =>
      readBackup(tools, file, verifyPart, detail, signal),
    );
  } catch (error) {
    throw error instanceof DamagedArchive ? refusal(file.path, error.message) : error;
  }
}

/** Reads a part; of files also whether each can be put back. */
export async function verifyPart({ kind }: Part, _: number, content: AsyncIterable<Buffer>): Promise<void> {
  if (kind === "database") {
    await readToEnd(content);
    return;
  }
  try {
    await surveyFiles(content, (problem) => {
      throw new DamagedArchive(`of the files in it, ${problem}`);
    });
  } catch (error) {
    if (error instanceof DamagedArchive) throw error;
    throw new DamagedArchive(`the files in it are no tar archive (${(error as Error).message})`);
  }
}

/**
 * Reads a backup from beginning to end.
 *
 * @param detail is told how far it is
 * @param signal breaks the reading off
 * @throws DamagedArchive when it is not whole and unaltered, or was not read to its end.
 */
export async function readBackup(
  tools: BackupTools,
  { path, bytes, identity }: BackupFile,
  take: Take,
  detail: (line: string) => void,
  signal: AbortSignal,
): Promise<Archive> {
  signal.throwIfAborted();
  const start = Date.now();
  const unpacked = tools.unpack(identity !== undefined);
  signal.addEventListener("abort", unpacked.kill);
  const source = async function* () {
    if (identity !== undefined) yield Buffer.from(`${identity}\n`);
    let read = 0;
    for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 }) as AsyncIterable<Buffer>) {
      read += chunk.length;
      detail(progress(read, bytes, Date.now() - start));
      yield chunk;
    }
  };
  const fed = pipeline(source, unpacked.stdin);
  fed.catch(() => undefined);
  try {
    const archive = await readArchive(unpacked.stdout, take);
    await unpacked.ended;
    await fed;
    return archive;
  } catch (error) {
    if (!(error instanceof DamagedArchive)) throw error;
    // What could not be expanded was cut off there; that says more than what was missing then.
    const cause = await Promise.race([
      unpacked.ended.then(
        () => undefined,
        (error: unknown) => (error as Error).message,
      ),
      soon(),
    ]);
    throw cause === undefined ? error : new DamagedArchive(cause);
  } finally {
    signal.removeEventListener("abort", unpacked.kill);
    unpacked.kill();
  }
}

function progress(read: number, bytes: number, milliseconds: number): string {
  const left = timeSpan((milliseconds * (bytes - read)) / read);
  return `${Math.floor((100 * read) / bytes)}% of ${byteSize(bytes)}, ${left} left`;
}

function soon(): Promise<undefined> {
  return new Promise((resolve) => setTimeout(resolve, 1000, undefined));
}

function refusal(path: string, why: string): Failure {
  return new Failure(`${path} cannot be restored: ${why}. Nothing was changed.`);
}
