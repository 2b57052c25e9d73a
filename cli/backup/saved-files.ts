import { createHash } from "node:crypto";
import { posix } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import tar, { type Header } from "tar-stream";

import { readToEnd } from "./read-to-end.ts";

/** What a folder's files are compared by. */
export interface Survey {
  files: number;
  /** Sum of their sizes. */
  bytes: number;
  /** SHA-256 over type, name, mode, owner, target or content, and a file's time, of everything in the order of names. */
  checksum: string;
}

/** The greatest number of a user or group that a tar archive holds everywhere. */
const greatestId = 0o7777777;

/**
 * Goes through a tar archive of a folder's files.
 *
 * @param onProblem what is done with an entry that cannot be restored: throw, or leave it out
 * @param pack gets everything else
 */
export async function surveyFiles(
  archive: AsyncIterable<Buffer>,
  onProblem: (problem: string) => void,
  pack?: tar.Pack,
): Promise<Survey> {
  const extract = tar.extract();
  const fed = pipeline(Readable.from(archive, { objectMode: false }), extract);
  fed.catch(() => undefined);
  const survey = createHash("sha256");
  const links = new Set<string>();
  let [files, bytes] = [0, 0];
  let last: Buffer = Buffer.alloc(0);
  for await (const entry of extract) {
    const { header } = entry;
    const name = nameOf(header);
    const problem = problemOf(name, header, links) ?? (isAfter(name, last) ? undefined : "it is out of order");
    if (problem !== undefined) {
      onProblem(`${JSON.stringify(header.name)}: ${problem}`);
      await readToEnd(entry as AsyncIterable<Buffer>);
      continue;
    }
    last = Buffer.from(name);
    const { type, mode, uid, gid, linkname, size, mtime } = header;
    if (type === "symlink") links.add(name);
    const content = createHash("sha256");
    const hashed = async function* () {
      for await (const chunk of entry as AsyncIterable<Buffer>) {
        content.update(chunk);
        yield chunk;
      }
    };
    if (pack === undefined) await readToEnd(hashed());
    else await pipeline(hashed, pack.entry({ ...header, pax: null }));
    if (type === "file") {
      files++;
      bytes += size;
    }
    const time = type === "file" ? mtime.getTime() : undefined;
    survey.update(JSON.stringify([type, name, mode & 0o7777, uid, gid, linkname, time ?? null, content.digest("hex")]));
  }
  await fed;
  pack?.finalize();
  return { files, bytes, checksum: survey.digest("hex") };
}

/** The name below the folder: `.` for itself, else such as `a/b`. */
function nameOf({ name }: Header): string {
  return name.replace(/^\.\/(?=.)/, "").replace(/(?<=.)\/$/, "");
}

/** Entries come in the order of the bytes of their names, and so each only once. */
function isAfter(name: string, last: Buffer): boolean {
  return last.length === 0 || last.toString() === "." || Buffer.compare(Buffer.from(name), last) > 0;
}

/** Why an entry cannot be put back into a folder; nothing when it can. */
function problemOf(name: string, header: Header, links: ReadonlySet<string>): string | undefined {
  const { type, linkname, uid, gid } = header;
  const parts = name.split("/");
  if (type !== "file" && type !== "directory" && type !== "symlink") return `it is a ${type}`;
  if (name.includes("\uFFFD")) return "its name is no UTF-8";
  if (name !== "." && parts.some((part) => part === "" || part === "." || part === "..")) {
    return "its name leads out of the folder";
  }
  if (parts.some((_, index) => index > 0 && links.has(parts.slice(0, index).join("/")))) return "it is below a link";
  if (type === "symlink" && leadsOut(name, linkname)) return `it is a link to ${linkname}, out of the folder`;
  if (uid > greatestId || gid > greatestId) return `its owner's number is above ${greatestId}`;
  return undefined;
}

function leadsOut(name: string, target: string): boolean {
  if (target === "" || target.startsWith("/")) return true;
  const resolved = posix.join(posix.dirname(name), target);
  return resolved === ".." || resolved.startsWith("../");
}
