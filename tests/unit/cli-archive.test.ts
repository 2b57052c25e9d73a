import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { createZstdDecompress, zstdCompressSync } from "node:zlib";
import tar from "tar-stream";
import { pieceSize, type Manifest, type Part, type Proof } from "../../cli/backup/archive-format.ts";
import { DamagedArchive, readArchive } from "../../cli/backup/archive-reader.ts";
import { sha256, writeArchive } from "../../cli/backup/archive-writer.ts";
import { verifyPart } from "../../cli/backup/opened-backup.ts";
import { surveyFiles } from "../../cli/backup/saved-files.ts";
import { entriesOf } from "../archive.ts";

const database: Part = { kind: "database", system: "shop", service: "mysql", version: "MariaDB 10.11" };
const files: Part = { kind: "files", system: "shop", service: "web", folder: "/data" };
const manifest: Manifest = {
  format: "slipway-backup",
  version: 1,
  stack: "dev",
  created: "2026-01-31T12:00:00.000Z",
  images: { "shop/mysql": "slipway/mariadb:10.11-1" },
  parts: [database, files],
};
const texts = { "stack-file.yaml": "config: {}\n", "state.json": '{"checkpoint":{}}' };
const dump = Buffer.alloc(2 * pieceSize + 5, "INSERT INTO `thing` VALUES (1);\n");

interface TarEntry {
  name: string;
  content?: string | Buffer;
  type?: tar.Header["type"];
  linkname?: string;
  mode?: number;
  uid?: number;
}

function tarOf(entries: readonly TarEntry[]): Promise<Buffer> {
  const pack = tar.pack();
  for (const { content = "", ...header } of entries) pack.entry({ mtime: new Date(0), ...header }, content);
  pack.finalize();
  return buffer(Readable.from(pack));
}

const folder: TarEntry[] = [
  { name: "./", type: "directory" },
  { name: "./a", content: "A", mode: 0o640, uid: 1000 },
  { name: "./b/", type: "directory" },
  { name: "./b/c", content: "C" },
  { name: "./link", type: "symlink", linkname: "b/c" },
];

async function proofOf(part: Part, content: Buffer): Promise<Proof> {
  if (part.kind === "database") return { kind: "database", rows: { thing: [1, 2] }, dump: sha256(content) };
  const nothing = () => undefined;
  return { kind: "files", ...(await surveyFiles(Readable.from([content]), nothing)) };
}

async function archiveOf(filesOf: readonly TarEntry[] = folder): Promise<Buffer> {
  const contents = { database: dump, files: await tarOf(filesOf) };
  return await buffer(
    writeArchive({
      manifest,
      texts,
      open: (part) => {
        const content = contents[part.kind];
        // In pieces of another size than the archive's.
        const chunks = Readable.from(content, { objectMode: false, highWaterMark: 65_537 });
        return Promise.resolve({ content: chunks, proof: () => proofOf(part, content) });
      },
    }),
  );
}

const read = (archive: Readable) => readArchive(archive, verifyPart);

describe("a backup's archive", () => {
  it("holds the known members in the known order, and reads back as it was written", async () => {
    const archive = await archiveOf();
    const entries = await entriesOf(archive, "name", "type");
    assert.deepEqual(
      entries.map(({ name, type, content }) => [name, type, Buffer.byteLength(content)]),
      [
        ["manifest.json", "file", Buffer.byteLength(JSON.stringify(manifest, undefined, 2))],
        ["stack-file.yaml", "file", 11],
        ["state.json", "file", 17],
        ["part-000/00000000", "file", pieceSize],
        ["part-000/00000001", "file", pieceSize],
        ["part-000/00000002", "file", 5],
        ["part-001/00000000", "file", 4608],
        ["contents.json", "file", entries.at(-2)?.content.length],
        ["contents.sha256", "file", 64 + "  contents.json\n".length],
      ],
    );

    const taken: Buffer[] = [];
    const { manifest: found, contents } = await readArchive(Readable.from([archive]), async (part, index, content) => {
      assert.equal(part.kind, index === 0 ? "database" : "files");
      taken.push(await buffer(content));
    });
    assert.deepEqual(found, manifest);
    assert.ok(taken[0]?.equals(dump));
    assert.deepEqual(contents.parts[0], {
      bytes: dump.length,
      sha256: sha256(dump),
      proof: { kind: "database", rows: { thing: [1, 2] }, dump: sha256(dump) },
    });
    assert.deepEqual(await read(Readable.from([archive])), { manifest: found, texts, contents });
  });

  it("needs neither a stack file nor a state nor content", async () => {
    const parts = [database];
    const empty = () =>
      Promise.resolve({
        content: Readable.from([]),
        proof: () => Promise.resolve<Proof>({ kind: "database", dump: sha256(Buffer.alloc(0)) }),
      });
    const archive = writeArchive({ manifest: { ...manifest, parts }, texts: {}, open: empty });
    const { texts: found, contents } = await read(archive);
    assert.deepEqual(found, {});
    assert.deepEqual(Object.keys(contents.members), ["manifest.json"]);
    assert.equal(contents.parts[0]?.bytes, 0);
  });

  it("ends with the error of a part that cannot be read", async () => {
    const broken = {
      manifest,
      texts,
      open: () =>
        Promise.resolve({
          content: (async function* () {
            yield await Promise.resolve(dump);
            throw new Error("the dump broke off");
          })(),
          proof: () => Promise.reject(new Error("not asked for")),
        }),
    };
    await assert.rejects(buffer(writeArchive(broken)), /the dump broke off/);
  });

  it("takes no more of a part than is read of it", async () => {
    let taken = 0;
    const endless = (async function* () {
      for (;;) {
        taken++;
        yield await Promise.resolve(Buffer.alloc(pieceSize));
      }
    })();
    const archive = writeArchive({
      manifest,
      texts,
      open: () => Promise.resolve({ content: endless, proof: () => Promise.reject(new Error("not asked for")) }),
    });
    let read = 0;
    for await (const chunk of archive as AsyncIterable<Buffer>) {
      read += chunk.length;
      if (read > 40 * pieceSize) break;
    }
    assert.ok(taken < 50, String(taken));
  });
});

describe("a damaged backup", () => {
  /** What is to happen to the members of a whole archive. */
  type Change = (entries: TarEntry[]) => TarEntry[];
  let whole: TarEntry[];
  let packed: Buffer;

  before(async () => {
    const archive = await archiveOf();
    packed = zstdCompressSync(archive, { params: { 201: 1 } }); // ZSTD_c_checksumFlag
    const extract = tar.extract();
    extract.end(archive);
    whole = [];
    for await (const entry of extract) {
      whole.push({ name: entry.header.name, content: await buffer(Readable.from(entry as AsyncIterable<Buffer>)) });
    }
  });

  async function refused(archive: Readable, message?: RegExp): Promise<void> {
    await assert.rejects(read(archive), (error) => {
      assert.ok(error instanceof DamagedArchive, String(error));
      if (message !== undefined) assert.match(error.message, message);
      return true;
    });
  }

  /** The members with another text in one of them, as someone would do it who then mends all checksums. */
  const mended =
    (name: string, change: (text: string) => string): Change =>
    (entries) => {
      const changed = entries.map((entry) =>
        entry.name === name ? { ...entry, content: change(String(entry.content)) } : entry,
      );
      const of = (wanted: string) => changed.find((entry) => entry.name === wanted);
      const contents = JSON.parse(String(of("contents.json")?.content)) as {
        members: Record<string, { bytes: number; sha256: string }>;
      };
      for (const member of Object.keys(contents.members)) {
        const content = Buffer.from(of(member)?.content ?? "");
        contents.members[member] = { bytes: content.length, sha256: sha256(content) };
      }
      const list =
        name === "contents.json" ? Buffer.from(String(of(name)?.content)) : Buffer.from(JSON.stringify(contents));
      return changed.map((entry) => {
        if (entry.name === "contents.json") return { ...entry, content: list };
        return entry.name === "contents.sha256" ? { ...entry, content: `${sha256(list)}  contents.json\n` } : entry;
      });
    };
  const json = (change: (value: Record<string, unknown>) => unknown) => (text: string) =>
    JSON.stringify(change(JSON.parse(text) as Record<string, unknown>));
  const without =
    (name: string): Change =>
    (entries) =>
      entries.filter((entry) => entry.name !== name);
  const renamed =
    (name: string, to: string): Change =>
    (entries) =>
      entries.map((entry) => (entry.name === name ? { ...entry, name: to } : entry));
  const inserted =
    (before: string, entry: TarEntry): Change =>
    (entries) =>
      entries.flatMap((one) => (one.name === before ? [entry, one] : [one]));
  const linked =
    (name: string, type: tar.Header["type"], linkname: string): Change =>
    (entries) =>
      entries.map((entry) => (entry.name === name ? { name, type, linkname } : entry));

  const changes: [title: string, change: Change, message: RegExp][] = [
    ["without a manifest", without("manifest.json"), /"stack-file.yaml" where manifest.json belongs/],
    ["without a stack file that it had", without("stack-file.yaml"), /altered or incomplete: stack-file.yaml/],
    ["without a state that it had", without("state.json"), /altered or incomplete: state.json/],
    [
      "without a part",
      without("part-001/00000000"),
      /altered or incomplete: the files of web in \/data|no tar archive/,
    ],
    ["without the first piece of a part", without("part-000/00000000"), /"part-000\/00000001" where|altered/],
    ["without a middle piece of a part", without("part-000/00000001"), /"part-000\/00000002" where|no tar archive/],
    ["without the last piece of a part", without("part-000/00000002"), /altered or incomplete: the database mysql/],
    ["without the list of its contents", without("contents.json"), /"contents.sha256" where contents.json belongs/],
    ["without the list's checksum", without("contents.sha256"), /cut off: contents.sha256 is missing/],
    ["with a manifest that is no JSON", mended("manifest.json", () => "{"), /manifest.json is no JSON/],
    ["with an empty manifest", mended("manifest.json", () => ""), /manifest.json is no JSON/],
    ["with a manifest that is a list", mended("manifest.json", () => "[]"), /manifest.json is not as it should be/],
    [
      "of another format",
      mended(
        "manifest.json",
        json((value) => ({ ...value, format: "tar" })),
      ),
      /no backup of Slipway's/,
    ],
    [
      "of a newer version",
      mended(
        "manifest.json",
        json((value) => ({ ...value, version: 2 })),
      ),
      /version 2 of the format/,
    ],
    [
      "of version 0",
      mended(
        "manifest.json",
        json((value) => ({ ...value, version: 0 })),
      ),
      /version/,
    ],
    [
      "without a stack",
      mended(
        "manifest.json",
        json((value) => ({ ...value, stack: undefined })),
      ),
      /stack/,
    ],
    [
      "with a key that nobody knows",
      mended(
        "manifest.json",
        json((value) => ({ ...value, run: "rm" })),
      ),
      /run/,
    ],
    [
      "with a time that is none",
      mended(
        "manifest.json",
        json((value) => ({ ...value, created: "now" })),
      ),
      /created/,
    ],
    [
      "with parts that are none",
      mended(
        "manifest.json",
        json((value) => ({ ...value, parts: 3 })),
      ),
      /parts/,
    ],
    [
      "with a part of another kind",
      mended(
        "manifest.json",
        json((value) => ({ ...value, parts: [{ ...database, kind: "host" }, files] })),
      ),
      /parts/,
    ],
    [
      "with a part that runs a command",
      mended(
        "manifest.json",
        json((value) => ({ ...value, parts: [{ ...database, load: ["sh"] }, files] })),
      ),
      /load/,
    ],
    [
      "with a part less",
      mended(
        "manifest.json",
        json((value) => ({ ...value, parts: [database] })),
      ),
      /part-001/,
    ],
    [
      "with a part more",
      mended(
        "manifest.json",
        json((value) => ({ ...value, parts: [database, files, database] })),
      ),
      /altered/,
    ],
    [
      "with its parts exchanged",
      mended(
        "manifest.json",
        json((value) => ({ ...value, parts: [files, database] })),
      ),
      /tar archive|altered/,
    ],
    [
      "with a manifest of another text only",
      (entries) =>
        entries.map((entry) =>
          entry.name === "manifest.json" ? { ...entry, content: String(entry.content).replace("dev", "prd") } : entry,
        ),
      /altered or incomplete: manifest.json/,
    ],
    [
      "with another state",
      (entries) =>
        entries.map((entry) => (entry.name === "state.json" ? { ...entry, content: '{"checkpoint":[]}' } : entry)),
      /altered or incomplete: state.json/,
    ],
    [
      "with another dump of the same size",
      (entries) =>
        entries.map((entry) => (entry.name === "part-000/00000002" ? { ...entry, content: "xxxxx" } : entry)),
      /altered or incomplete: the database mysql/,
    ],
    [
      "with a longer dump",
      (entries) =>
        entries.map((entry) =>
          entry.name === "part-000/00000002" ? { ...entry, content: "DROP TABLE thing;" } : entry,
        ),
      /altered or incomplete: the database mysql/,
    ],
    [
      "with other contents",
      (entries) =>
        entries.map((entry) =>
          entry.name === "contents.json"
            ? { ...entry, content: String(entry.content).replace('"thing"', '"thang"') }
            : entry,
        ),
      /list of contents was altered/,
    ],
    [
      "with contents that are none",
      mended(
        "contents.json",
        json(() => ({ members: {} })),
      ),
      /contents.json is not as it should be: .*parts/,
    ],
    [
      "with a part's size that is another",
      mended("contents.json", (text) =>
        text.replace(new RegExp(`"bytes": ${dump.length}`), `"bytes": ${dump.length - 1}`),
      ),
      /altered or incomplete: the database mysql/,
    ],
    [
      "with the proofs exchanged",
      mended(
        "contents.json",
        json((value) => ({ ...value, parts: [...(value["parts"] as unknown[])].reverse() })),
      ),
      /altered/,
    ],
    [
      "with a member more at the beginning",
      inserted("manifest.json", { name: "run.sh", content: "rm -rf /" }),
      /"run.sh" where manifest.json/,
    ],
    [
      "with a member more in the middle",
      inserted("part-001/00000000", { name: "part-000/extra", content: "x" }),
      /"part-000\/extra"|altered|no tar/,
    ],
    [
      "with a member more at the end",
      (entries) => [...entries, { name: "more", content: "x" }],
      /"more", which does not belong there/,
    ],
    [
      "with a second manifest",
      inserted("stack-file.yaml", { name: "manifest.json", content: "{}" }),
      /"manifest.json" where/,
    ],
    ["with an absolute path", renamed("state.json", "/etc/passwd"), /"\/etc\/passwd" where/],
    ["with a climbing path", renamed("state.json", "../../etc/passwd"), /"\.\.\/\.\.\/etc\/passwd" where/],
    [
      "with a climbing piece",
      renamed("part-000/00000001", "part-000/../../x"),
      /"part-000\/\.\.\/\.\.\/x" where|no tar/,
    ],
    ["with a path of Windows", renamed("stack-file.yaml", "C:\\x"), /"C:\\\\x" where/],
    ["with a name that is another by a dot", renamed("manifest.json", "./manifest.json"), /where manifest.json/],
    [
      "with a link in a member's place",
      linked("stack-file.yaml", "symlink", "/etc/passwd"),
      /stack-file.yaml is no plain file/,
    ],
    [
      "with a hard link in a member's place",
      linked("state.json", "link", "../../etc/passwd"),
      /state.json is no plain file/,
    ],
    ["with a link in a piece's place", linked("part-000/00000000", "symlink", "/etc/shadow"), /is no plain file/],
    [
      "with a folder in a member's place",
      linked("manifest.json", "directory", ""),
      /no plain file|where manifest.json/,
    ],
    ["with a device in a member's place", linked("stack-file.yaml", "block-device", ""), /no plain file/],
    ["with a pipe in a member's place", linked("contents.json", "fifo", ""), /no plain file/],
    [
      "with a piece that is too large",
      (entries) =>
        entries.map((entry) =>
          entry.name === "part-000/00000000" ? { ...entry, content: Buffer.alloc(pieceSize + 1) } : entry,
        ),
      /larger than/,
    ],
  ];
  for (const [title, change, message] of changes) {
    it(`is refused ${title}`, async () => {
      await refused(Readable.from([await tarOf(change(whole))]), message);
    });
  }

  const evil: [title: string, entry: TarEntry, message: RegExp][] = [
    ["an absolute path", { name: "/etc/cron.d/x", content: "x" }, /leads out/],
    ["a path that climbs at once", { name: "./../x", content: "x" }, /leads out/],
    ["a path that climbs later", { name: "./b/../../x", content: "x" }, /leads out/],
    ["a link to an absolute path", { name: "./x", type: "symlink", linkname: "/etc" }, /is a link to \/etc/],
    ["a link that climbs", { name: "./x", type: "symlink", linkname: "b/../../etc" }, /is a link to/],
    ["a file below a link", { name: "./link/x", content: "x" }, /below a link/],
    ["a hard link", { name: "./x", type: "link", linkname: "/etc/passwd" }, /is a link/],
    ["a device", { name: "./x", type: "character-device" }, /is a character-device/],
    ["a file twice", { name: "./link", content: "x" }, /out of order/],
  ];
  for (const [title, entry, message] of evil) {
    it(`is refused with ${title} among its files`, async () => {
      await refused(Readable.from([await archiveOf([...folder, entry])]), message);
    });
  }

  const unpacked = (content: Buffer) => {
    const expand = createZstdDecompress();
    expand.end(content);
    return expand;
  };

  it("is refused wherever it is cut off", async () => {
    assert.equal((await read(unpacked(packed))).manifest.stack, "dev");
    for (let part = 0; part < 25; part++) {
      await refused(unpacked(packed.subarray(0, Math.floor((packed.length * part) / 25))));
    }
    await refused(unpacked(packed.subarray(0, -1)));
  });

  it("is refused wherever a byte of it is another", async () => {
    for (let part = 0; part < 25; part++) {
      const damaged = Buffer.from(packed);
      const place = 6 + Math.floor(((packed.length - 6) * part) / 25);
      damaged[place] = (damaged[place] ?? 0) ^ 0xff;
      await refused(unpacked(damaged));
    }
  });

  it("is refused when it is anything else", async () => {
    for (const content of [Buffer.alloc(0), Buffer.alloc(10_240), Buffer.from("-- MySQL dump\n".repeat(100))]) {
      await refused(Readable.from([content]));
    }
  });
});
