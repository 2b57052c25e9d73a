import { createHash } from "node:crypto";

const newline = 0x0a;
const firstBytes = [0x5c, 0x2d]; // \ and -

/** How long a line may be of which it is asked whether it is one of those that are left out, in bytes. */
const longest = 1024;

/**
 * Lines that two dumps of equal data need not have in common: pg_dump locks psql's own commands up by a random word, and all
 * dump tools write their exact version.
 *
 * Source: https://www.postgresql.org/docs/15/app-pgdump.html, option --restrict-key
 */
const leftOut =
  /^(?:\\(?:un)?restrict [0-9A-Za-z]+|-- (?:Dumped (?:from|by) |Server version|(?:MariaDB|MySQL) dump ).*)\n?$/;

/** MySQL's and MariaDB's dump tools write where they found the server, which depends on where they run. */
const host = /^-- Host: \S+(?= +Database: )/;
const localHost = "-- Host: localhost";

/** The checksum of a database's dump by which two dumps of equal data are equal. */
export class DumpChecksum {
  readonly #hash = createHash("sha256");
  /** The beginning of a line that may have to be left out, as long as its end is not there. */
  #waiting: Buffer = Buffer.alloc(0);
  #lineStarts = true;

  update(chunk: Buffer): void {
    const data = this.#waiting.length === 0 ? chunk : Buffer.concat([this.#waiting, chunk]);
    this.#waiting = Buffer.alloc(0);
    const candidates = firstBytes.map((byte) => finder(data, Buffer.from([newline, byte])));
    let position = 0;
    while (position < data.length) {
      if (!this.#lineStarts || !firstBytes.includes(data[position] ?? 0)) {
        const before = Math.min(...candidates.map((find) => find(position)));
        const end = Math.min(before + 1, data.length);
        this.#hash.update(data.subarray(position, end));
        this.#lineStarts = data[end - 1] === newline;
        position = end;
        continue;
      }
      const end = data.indexOf(newline, position) + 1;
      if (end === 0 && data.length - position < longest) {
        this.#waiting = data.subarray(position);
        return;
      }
      const line = data.subarray(position, end === 0 ? data.length : end);
      this.#addLine(line);
      this.#lineStarts = end > 0;
      position += line.length;
    }
  }

  digest(): string {
    this.#addLine(this.#waiting);
    return this.#hash.digest("hex");
  }

  #addLine(line: Buffer): void {
    const text = line.length > longest ? "" : line.toString("latin1");
    if (leftOut.test(text)) return;
    this.#hash.update(host.test(text) ? Buffer.from(text.replace(host, localHost), "latin1") : line);
  }
}

/** Finds the next place at or after a position, which only grows, without searching twice. */
function finder(data: Buffer, pattern: Buffer): (from: number) => number {
  let found = -1;
  return (from) => {
    if (found < from) {
      const index = data.indexOf(pattern, from);
      found = index === -1 ? Infinity : index;
    }
    return found;
  };
}
