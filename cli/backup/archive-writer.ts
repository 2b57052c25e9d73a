import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import tar from "tar-stream";
import { member, pieceName, pieceSize, type Contents, type Manifest, type Part, type Proof } from "./archive-format.ts";

/** Where the parts of a backup come from. */
export interface ArchiveSource {
  manifest: Manifest;
  /** Texts of the stack file and the state, as far as there are any. */
  texts: Partial<Record<typeof member.stackFile | typeof member.state, string>>;
  /** Hands the content of a part over. The proof is asked for when all of it was taken. */
  open: (part: Part) => Promise<{ content: AsyncIterable<Buffer>; proof: () => Promise<Proof> }>;
}

/**
 * A backup as a stream, before it is compressed. Nothing is taken from a source faster than the stream is read, so that
 * memory does not depend on sizes.
 */
export function writeArchive(source: ArchiveSource): Readable {
  const pack = tar.pack();
  const stream = Readable.from(pack, { objectMode: false, highWaterMark: 1024 * 1024 });
  fill(pack, source).catch((error: unknown) => {
    stream.destroy(error as Error);
  });
  stream.on("close", () => {
    pack.destroy();
  });
  return stream;
}

async function fill(pack: tar.Pack, { manifest, texts, open }: ArchiveSource): Promise<void> {
  const contents: Contents = { members: {}, parts: [] };
  const add = async (name: string, text: string) => {
    const content = Buffer.from(text);
    contents.members[name] = { bytes: content.length, sha256: sha256(content) };
    await addEntry(pack, name, content);
  };
  await add(member.manifest, JSON.stringify(manifest, undefined, 2));
  for (const name of [member.stackFile, member.state] as const) {
    const text = texts[name];
    if (text !== undefined) await add(name, text);
  }
  for (const [index, part] of manifest.parts.entries()) {
    const { content, proof } = await open(part);
    const hash = createHash("sha256");
    let bytes = 0;
    let piece = 0;
    for await (const chunk of inPieces(content)) {
      hash.update(chunk);
      bytes += chunk.length;
      await addEntry(pack, pieceName(index, piece++), chunk);
    }
    contents.parts.push({ bytes, sha256: hash.digest("hex"), proof: await proof() });
  }
  const last = Buffer.from(JSON.stringify(contents, undefined, 2));
  await addEntry(pack, member.contents, last);
  await addEntry(pack, member.seal, Buffer.from(`${sha256(last)}  ${member.contents}\n`));
  pack.finalize();
}

export function sha256(content: Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}

async function addEntry(pack: tar.Pack, name: string, content: Buffer): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  const entry = pack.entry({ name, size: content.length, mode: 0o600, mtime: new Date(0) }, (error) => {
    if (error == null) resolve(undefined);
    else reject(error);
  });
  entry.end(content);
  await promise;
}

async function* inPieces(content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let waiting: Buffer[] = [];
  let size = 0;
  for await (const chunk of content) {
    waiting.push(chunk);
    size += chunk.length;
    if (size < pieceSize) continue;
    const all = Buffer.concat(waiting);
    let start = 0;
    for (; start + pieceSize <= all.length; start += pieceSize) yield all.subarray(start, start + pieceSize);
    waiting = [all.subarray(start)];
    size = all.length - start;
  }
  if (size > 0) yield Buffer.concat(waiting);
}
