import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import tar from "tar-stream";
import { z } from "zod";
import {
  contentsSchema,
  formatVersion,
  manifestSchema,
  member,
  partTitle,
  pieceName,
  pieceSize,
  textLimit,
  type Contents,
  type Manifest,
  type Part,
} from "./archive-format.ts";
import { sha256, type ArchiveSource } from "./archive-writer.ts";

type Entry = tar.Extract extends AsyncIterable<infer Source> ? Source : never;

/** Why an archive is no backup that can be restored. Completes the sentence "The file cannot be restored: …". */
export class DamagedArchive extends Error {
  override name = "DamagedArchive";
}

export interface Archive {
  manifest: Manifest;
  /** The stack file and the state, as far as they are in it. */
  texts: ArchiveSource["texts"];
  contents: Contents;
}

/**
 * Reads a backup from beginning to end. No name in it is ever a path: the members are the known ones, in the known order, or
 * the archive is refused.
 *
 * @param unpacked the archive, decompressed
 * @param take gets each part, and has to read all of it. What it is given may still turn out to be altered or incomplete:
 *   only when this function has ended well is everything as it was saved.
 * @throws DamagedArchive
 */
export async function readArchive(
  unpacked: Readable,
  take: (part: Part, index: number, content: AsyncIterable<Buffer>) => Promise<void>,
): Promise<Archive> {
  const extract = tar.extract();
  const fed = pipeline(unpacked, extract).then(
    () => undefined,
    (error: unknown) => error as Error,
  );
  const members = new Members(extract[Symbol.asyncIterator]() as AsyncIterator<Entry, undefined>);
  try {
    return await readMembers(members, take);
  } catch (error) {
    // tar-stream's own words for what is cut off or no tar archive.
    if (members.failed) throw new DamagedArchive(`it is damaged or cut off (${(error as Error).message})`);
    throw error;
  } finally {
    extract.destroy();
    await fed;
  }
}

async function readMembers(
  members: Members,
  take: (part: Part, index: number, content: AsyncIterable<Buffer>) => Promise<void>,
): Promise<Archive> {
  const sizes: Contents["members"] = {};
  const text = async (name: string) => {
    const content = await members.text(name);
    sizes[name] = { bytes: content.length, sha256: sha256(content) };
    return content;
  };
  const manifest = parseManifest(await text(member.manifest));
  const texts: Archive["texts"] = {};
  for (const name of [member.stackFile, member.state] as const) {
    if (await members.nextIs(name)) texts[name] = (await text(name)).toString();
  }
  const parts: { bytes: number; sha256: string }[] = [];
  for (const [index, part] of manifest.parts.entries()) {
    const hash = createHash("sha256");
    let bytes = 0;
    const progress = { ended: false };
    await take(
      part,
      index,
      (async function* () {
        for await (const chunk of members.pieces(index)) {
          hash.update(chunk);
          bytes += chunk.length;
          yield chunk;
        }
        progress.ended = true;
      })(),
    );
    if (!progress.ended) throw new Error(`${partTitle(part)} was not read to its end`);
    parts.push({ bytes, sha256: hash.digest("hex") });
  }
  const last = await members.text(member.contents);
  const seal = (await members.text(member.seal)).toString();
  await members.end();
  if (seal !== `${sha256(last)}  ${member.contents}\n`) throw new DamagedArchive("its list of contents was altered");
  const contents = parse(contentsSchema, last, member.contents);
  compare(manifest, contents, sizes, parts);
  return { manifest, texts, contents };
}

function parseManifest(content: Buffer): Manifest {
  const { format, version } = parse(z.object({ format: z.string(), version: z.number() }), content, member.manifest);
  if (format !== "slipway-backup") throw new DamagedArchive("it is no backup of Slipway's");
  if (version > formatVersion) {
    throw new DamagedArchive(
      `it is of version ${version} of the format, and this clone knows ${formatVersion}. Use the clone that made it, or a newer one`,
    );
  }
  return parse(manifestSchema, content, member.manifest);
}

function parse<Schema extends z.ZodType>(schema: Schema, content: Buffer, name: string): z.output<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(content.toString("utf8"));
  } catch {
    throw new DamagedArchive(`its ${name} is no JSON`);
  }
  const { data, error } = schema.safeParse(value);
  if (error === undefined) return data;
  throw new DamagedArchive(
    `its ${name} is not as it should be: ${z.prettifyError(error).replaceAll(/\s*\n\s*/g, " ")}`,
  );
}

function compare(
  manifest: Manifest,
  contents: Contents,
  members: Contents["members"],
  parts: readonly { bytes: number; sha256: string }[],
): void {
  const altered = [
    ...[...new Set([...Object.keys(members), ...Object.keys(contents.members)])].filter(
      (name) =>
        members[name]?.sha256 !== contents.members[name]?.sha256 ||
        members[name]?.bytes !== contents.members[name]?.bytes,
    ),
    ...(parts.length === contents.parts.length ? [] : ["the number of its parts"]),
    ...manifest.parts.flatMap((part, index) => {
      const [read, saved] = [parts[index], contents.parts[index]];
      const equal = read?.bytes === saved?.bytes && read?.sha256 === saved?.sha256 && saved?.proof.kind === part.kind;
      return equal ? [] : [partTitle(part)];
    }),
  ];
  if (altered.length > 0) throw new DamagedArchive(`altered or incomplete: ${altered.join(", ")}`);
}

/** The members of a tar archive, one after the other, each under the only name that it may have. */
class Members {
  /** Whether the tar archive itself could not be read. */
  failed = false;
  readonly #entries: AsyncIterator<Entry, undefined>;
  /** The next member, where it was looked at already. */
  #next: Entry | undefined;
  #ended = false;

  constructor(entries: AsyncIterator<Entry, undefined>) {
    this.#entries = entries;
  }

  /** Whether there is a next member, and it is of this name. */
  async nextIs(name: string): Promise<boolean> {
    return (await this.#peek())?.header.name === name;
  }

  /** The whole content of the next member, which has to be of this name. */
  async text(name: string): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of this.#read(await this.#take(name, textLimit))) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  /** The content of a part. */
  async *pieces(part: number): AsyncGenerator<Buffer> {
    for (let piece = 0; await this.nextIs(pieceName(part, piece)); piece++) {
      yield* this.#read(await this.#take(pieceName(part, piece), pieceSize));
    }
  }

  /** Fails unless there is nothing more. */
  async end(): Promise<void> {
    const entry = await this.#peek();
    if (entry !== undefined) {
      throw new DamagedArchive(`it holds ${JSON.stringify(entry.header.name)}, which does not belong there`);
    }
  }

  async #take(name: string, limit: number): Promise<Entry> {
    const entry = await this.#peek();
    this.#next = undefined;
    if (entry === undefined) throw new DamagedArchive(`it is cut off: ${name} is missing`);
    const { header } = entry;
    if (header.name !== name) {
      throw new DamagedArchive(`it holds ${JSON.stringify(header.name)} where ${name} belongs`);
    }
    if (header.type !== "file" || header.pax != null) throw new DamagedArchive(`its ${name} is no plain file`);
    if (header.size > limit) throw new DamagedArchive(`its ${name} is larger than ${limit} bytes`);
    return entry;
  }

  async #peek(): Promise<Entry | undefined> {
    if (this.#next !== undefined || this.#ended) return this.#next;
    const result = await this.#guard(() => this.#entries.next());
    this.#ended = result.done === true;
    this.#next = result.done === true ? undefined : result.value;
    return this.#next;
  }

  async *#read(entry: Entry): AsyncGenerator<Buffer> {
    const chunks = entry[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>;
    for (;;) {
      const result = await this.#guard(() => chunks.next());
      if (result.done === true) return;
      yield result.value;
    }
  }

  async #guard<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      this.failed = true;
      throw error;
    }
  }
}
