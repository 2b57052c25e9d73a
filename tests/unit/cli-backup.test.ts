import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Manifest, Part, Proof } from "../../cli/backup/archive-format.ts";
import { readBackupSettings } from "../../cli/backup/backup-settings.ts";
import { DumpChecksum } from "../../cli/backup/dump-checksum.ts";
import { Failure } from "../../cli/failure.ts";
import { fit } from "../../cli/backup/fit.ts";
import { writeNewFile } from "../../cli/backup/new-file.ts";
import { openBackup } from "../../cli/backup/opened-backup.ts";
import { differences } from "../../cli/backup/proof.ts";
import { siteOf } from "../../cli/site.ts";
import { byteSize } from "../../cli/terminal/byte-size.ts";

const database = (version?: string): Part => ({
  kind: "database",
  system: "shop",
  service: "db",
  ...(version !== undefined && { version }),
});
const files: Part = { kind: "files", system: "shop", service: "web", folder: "/data" };

describe("whether a backup fits a stack", () => {
  const manifest = (parts: Part[], images: Record<string, string> = {}): Manifest => ({
    format: "slipway-backup",
    version: 1,
    stack: "prod",
    created: "2026-01-31T12:00:00.000Z",
    images,
    parts,
  });
  const problems = (saved: Manifest, parts: Part[], images: Record<string, string> = {}) =>
    fit(saved, { parts, images }).problems;

  it("takes what was saved of the same system, in the same or an older version", () => {
    assert.deepEqual(
      fit(manifest([database("MariaDB 10.6"), files]), { parts: [files, database("MariaDB 10.11")], images: {} }),
      {
        problems: [],
        warnings: [],
      },
    );
    assert.deepEqual(problems(manifest([database()]), [database("MariaDB 10.11")]), []);
  });

  it("refuses what is of another system, another service or another folder", () => {
    const other: Part = { kind: "database", system: "bank", service: "db" };
    assert.deepEqual(problems(manifest([other]), [database()]), ["it is of bank, and the stack holds shop"]);
    assert.deepEqual(problems(manifest([database(), files]), [database()]), [
      "it holds the files of web in /data, and the stack has no such thing",
    ]);
    assert.deepEqual(problems(manifest([{ ...files, folder: "/etc" }]), [files]), [
      "it holds the files of web in /etc, and the stack has no such thing",
    ]);
    assert.deepEqual(problems(manifest([files, files]), [files]), ["it holds the same part twice"]);
  });

  it("refuses what is of a newer version, or of other software", () => {
    assert.deepEqual(problems(manifest([database("MariaDB 11.4")]), [database("MariaDB 10.11")]), [
      "the database db is of MariaDB 11.4, and the stack has MariaDB 10.11",
    ]);
    assert.deepEqual(problems(manifest([database("MySQL 5.7")]), [database("MariaDB 10.11")]), [
      "the database db is of MySQL 5.7, and the stack has MariaDB 10.11",
    ]);
    const image = (version: string) => ({ "shop/web": `registry.example.org:5000/shop/web:${version}` });
    assert.deepEqual(problems(manifest([files], image("2.10.0-0123")), [files], image("2.9.1-4567")), [
      "it was made when shop/web had the newer version 2.10.0, and the stack has 2.9.1",
    ]);
    assert.deepEqual(problems(manifest([files], image("2.9.1")), [files], image("2.10.0@sha256:12")), []);
    const digest = { "shop/web": "registry.example.org:5000/shop/web@sha256:12" };
    assert.deepEqual(problems(manifest([files], digest), [files], image("1.0")), []);
  });

  it("warns of what it does not hold", () => {
    assert.deepEqual(fit(manifest([database()]), { parts: [database(), files], images: {} }), {
      problems: [],
      warnings: ["the backup does not hold the files of web in /data, which stays as it is"],
    });
  });
});

describe("the proof of a restore", () => {
  const proof = (rows: Record<string, [number, number]> | undefined, dump = "1"): Proof => ({
    kind: "database",
    dump,
    ...(rows !== undefined && { rows }),
  });

  it("finds each table that has other rows, and another dump", () => {
    const saved = proof({ kept: [3, 3], grown: [3, 5], lost: [1, 1], less: [2, 2] });
    assert.deepEqual(differences(saved, proof({ kept: [3, 3], grown: [4, 4], lost: [1, 1], less: [2, 2] }), true), []);
    assert.deepEqual(
      differences(saved, proof({ kept: [3, 3], grown: [6, 6], less: [1, 1], more: [0, 0] }, "2"), true),
      [
        "grown has 6 rows; saved were 3 to 5",
        "less has 1 rows; saved were 2",
        "lost is missing",
        "more was not in the backup",
        "a dump of it is another than the saved one",
      ],
    );
  });

  it("compares no dumps of another version, and no rows that nobody counted", () => {
    assert.deepEqual(differences(proof({ a: [1, 1] }), proof({ a: [1, 1] }, "2"), false), []);
    assert.deepEqual(differences(proof(undefined), proof({ a: [1, 1] }), true), []);
    assert.deepEqual(differences(proof({ a: [1, 1] }), proof(undefined), true), []);
  });

  it("compares files by their checksum", () => {
    const saved: Proof = { kind: "files", files: 2, bytes: 10, checksum: "1" };
    assert.deepEqual(differences(saved, { ...saved }, false), []);
    assert.deepEqual(differences(saved, { ...saved, files: 1, checksum: "2" }, false), [
      "the files are others: 2 of 10 bytes were saved, there are 1 of 10",
    ]);
  });
});

describe("the checksum of a dump", () => {
  const checksum = (text: string | Buffer, size = Infinity) => {
    const all = Buffer.from(text);
    const sum = new DumpChecksum();
    for (let start = 0; start < all.length; start += Math.min(size, all.length)) {
      sum.update(all.subarray(start, start + Math.min(size, all.length)));
    }
    return sum.digest();
  };
  const plain = (text: string | Buffer) => createHash("sha256").update(text).digest("hex");
  const dump = (word: string, version: string) =>
    `--\n-- PostgreSQL database dump\n--\n\n\\restrict ${word}\n\n-- Dumped from database version ${version}\n` +
    `-- Server version\t${version}\n\nCOPY t FROM stdin;\n\\N\t-1\n-- Note\n\\restricted\n-1\n\\.\n\\unrestrict ${word}\n`;
  const bare =
    "--\n-- PostgreSQL database dump\n--\n\n\n\nCOPY t FROM stdin;\n\\N\t-1\n-- Note\n\\restricted\n-1\n\\.\n";

  it("leaves out what differs between dumps of equal data, wherever the chunks end", () => {
    for (const size of [1, 2, 3, 7, 64, Infinity]) {
      assert.equal(checksum(dump("aB3", "15.20"), size), plain(bare), String(size));
      assert.equal(checksum(dump("zzz", "15.1").trimEnd(), size), plain(bare), String(size));
    }
  });

  it("is the same wherever the dump tool found the server", () => {
    const from = (where: string) => `--\n-- Host: ${where}    Database: the things\n-- Host: there\n`;
    assert.equal(checksum(from("db.example.org")), plain(from("localhost")));
  });

  it("leaves out nothing else", () => {
    const bytes = randomBytes(300_000);
    const long = `\\restrict ${"x".repeat(5_000)}\n`;
    for (const content of [bytes, Buffer.from(long), Buffer.from("a \\restrict b\n"), Buffer.alloc(0)]) {
      for (const size of [1_000, Infinity]) assert.equal(checksum(content, size), plain(content));
    }
  });
});

describe("a new file", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "slipway-new-file-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  async function* chunks(...texts: (string | Error)[]): AsyncGenerator<Buffer> {
    for (const text of texts) {
      if (text instanceof Error) throw text;
      yield await Promise.resolve(Buffer.from(text));
    }
  }

  it("is complete and its owner's alone", async () => {
    const file = join(folder, "backup");
    const told: number[] = [];
    assert.equal(await writeNewFile(file, chunks("ab", "cde"), (bytes) => told.push(bytes)), 5);
    assert.equal(readFileSync(file, "utf8"), "abcde");
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(folder), ["backup"]);
    assert.deepEqual(told, [2, 5]);
  });

  it("takes no other's place", async () => {
    const file = join(folder, "backup");
    writeFileSync(file, "former");
    await assert.rejects(
      writeNewFile(file, chunks("x"), () => undefined),
      /exists already. Nothing was written/,
    );
    assert.equal(readFileSync(file, "utf8"), "former");
  });

  it("is not there when its content breaks off, or the disk is full", async () => {
    const file = join(folder, "backup");
    const noSpace = Object.assign(new Error("no space left on device, write"), { code: "ENOSPC" });
    for (const [error, message] of [
      [new Error("broken off"), /broken off/],
      [noSpace, /The disk of .* is full after 3 B: no space left.* were not touched. Make room/],
    ] as const) {
      await assert.rejects(
        writeNewFile(file, chunks("abc", error), () => undefined),
        message,
      );
      assert.deepEqual(readdirSync(folder), []);
    }
  });
});

describe("a file that is said to be a backup", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "slipway-opened-"));
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });
  const file = (name: string, content: string | Buffer) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };

  it("is looked at before anything else is done", () => {
    const encrypted = file("encrypted", "age-encryption.org/v1\n-> X25519 abc\n");
    const key = file("key", "# created: today\n# public key: age1\nAGE-SECRET-KEY-1ABC\n");
    assert.throws(() => openBackup(join(folder, "none"), undefined), /cannot be read: ENOENT/);
    assert.throws(
      () => openBackup(file("text", "-- MariaDB dump"), undefined),
      /is no backup of Slipway's\. Nothing was changed/,
    );
    assert.throws(() => openBackup(file("empty", ""), undefined), /is no backup of Slipway's/);
    assert.throws(
      () => openBackup(encrypted, undefined),
      /is encrypted\. Name the file with the private key: --identity FILE/,
    );
    assert.throws(() => openBackup(encrypted, file("other", "age1abc\n")), /holds no private key of age/);
    assert.equal(openBackup(encrypted, key).identity, "AGE-SECRET-KEY-1ABC\n");
    const packed = file("packed", Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0]));
    assert.deepEqual(openBackup(packed, undefined), { path: packed, bytes: 6, identity: undefined });
  });
});

describe("the settings of backups", () => {
  let home: string;
  before(() => {
    home = mkdtempSync(join(tmpdir(), "slipway-home-"));
  });
  after(() => {
    rmSync(home, { recursive: true });
  });

  it("are read from a stack's file, be the rest of it right or wrong", () => {
    const site = siteOf({ stack: "dev", home });
    assert.deepEqual(readBackupSettings(site), {});
    mkdirSync(join(home, "stacks"));
    const write = (backup: string) => {
      writeFileSync(site.stackFile, `config:\n  slipway:nonsense: 1\n${backup}`);
    };
    write("");
    assert.deepEqual(readBackupSettings(site), {});
    write("  slipway:backup:\n    folder: /srv/backups/\n");
    assert.deepEqual(readBackupSettings(site), { folder: "/srv/backups" });
    write("  slipway:backup:\n    folder: backups\n    recipient: AGE-SECRET-KEY-1\n");
    assert.throws(
      () => readBackupSettings(site),
      (error) => {
        assert.ok(error instanceof Failure);
        assert.equal(error.exitCode, 2);
        assert.match(
          error.message,
          /\n {2}backup\.folder: must be an absolute path.*\n {2}backup\.recipient: must be a public key of age/s,
        );
        return true;
      },
    );
  });
});

describe("a size", () => {
  it("is said in the unit that fits", () => {
    const sizes = [0, 999, 1000, 1_499_000, 9_950_000, 24_000_000_000, 5e15].map(byteSize);
    assert.deepEqual(sizes, ["0 B", "999 B", "1.0 kB", "1.5 MB", "10 MB", "24 GB", "5000 TB"]);
  });
});
