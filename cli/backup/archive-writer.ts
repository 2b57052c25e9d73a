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
    await addEntry(pack, name, [content]);
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
    for await (const chunks of inPieces(content)) {
      for (const chunk of chunks) {
        hash.update(chunk);
        bytes += chunk.length;
      }
      await addEntry(pack, pieceName(index, piece++), chunks);
    }
    contents.parts.push({ bytes, sha256: hash.digest("hex"), proof: await proof() });
  }
  const last = Buffer.from(JSON.stringify(contents, undefined, 2));
  await addEntry(pack, member.contents, [last]);
  await addEntry(pack, member.seal, [Buffer.from(`${sha256(last)}  ${member.contents}\n`)]);
  pack.finalize();
}

export function sha256(content: Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}

async function addEntry(pack: tar.Pack, name: string, chunks: readonly Buffer[]): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  const size = sizeOf(chunks);
  const entry = pack.entry({ name, size, mode: 0o600, mtime: new Date(0) }, (error) => {
    if (error == null) resolve(undefined);
    else reject(error);
  });
  for (const chunk of chunks.slice(0, -1)) entry.write(chunk);
  entry.end(chunks.at(-1));
  await promise;
}

function sizeOf(chunks: readonly Buffer[]): number {
  return chunks.reduce((sum, chunk) => sum + chunk.length, 0);
}

/** Content in pieces, each as the chunks in which it came: to join them would copy all of it once more. */
async function* inPieces(content: AsyncIterable<Buffer>): AsyncGenerator<Buffer[]> {
  let waiting: Buffer[] = [];
  let room = pieceSize;
  for await (let chunk of content) {
    while (chunk.length >= room) {
      yield [...waiting, chunk.subarray(0, room)];
      chunk = chunk.subarray(room);
      waiting = [];
      room = pieceSize;
    }
    if (chunk.length === 0) continue;
    waiting.push(chunk);
    room -= chunk.length;
  }
  if (waiting.length > 0) yield waiting;
}
