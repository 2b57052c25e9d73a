import tar, { type Header } from "tar-stream";

/** The entries of a tar archive, in their order, each with these of its properties and its content. */
export async function entriesOf<Key extends keyof Header>(archive: Buffer, ...keys: Key[]) {
  const entries: (Pick<Header, Key> & { content: string })[] = [];
  const extract = tar.extract();
  extract.end(archive);
  for await (const entry of extract) {
    const pieces: Buffer[] = [];
    for await (const piece of entry) pieces.push(piece as Buffer);
    const picked = Object.fromEntries(keys.map((key) => [key, entry.header[key]])) as Pick<Header, Key>;
    entries.push({ ...picked, content: Buffer.concat(pieces).toString("utf8") });
  }
  return entries;
}
