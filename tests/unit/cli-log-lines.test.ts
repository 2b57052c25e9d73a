import assert from "node:assert/strict";
import { logLines, type LogLine } from "../../cli/docker/log-lines.ts";

const time = (second: number) => `2026-01-31T12:00:0${second}.000000000Z`;

/** As Docker sends it. */
function frame(stream: 1 | 2, text: string | Buffer): Buffer {
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([header, Buffer.from(text)]);
}

async function read(chunks: Buffer[]): Promise<LogLine[]> {
  const lines: LogLine[] = [];
  for await (const line of logLines(chunks)) lines.push(line);
  return lines;
}

describe("the lines of a container's log", () => {
  const log = Buffer.concat([
    frame(1, `${time(1)} first é\r\n`),
    frame(1, Buffer.concat([Buffer.from(`${time(2)} a long `), Buffer.from("é").subarray(0, 1)])),
    frame(2, `${time(3)} an error\n`),
    frame(1, Buffer.concat([Buffer.from(`${time(4)} `), Buffer.from("é").subarray(1), Buffer.from(" line\n")])),
    frame(1, `${time(5)} \n`),
    frame(2, `${time(6)} without an end`),
  ]);
  const lines = [
    { time: time(1), text: "first é" },
    { time: time(3), text: "an error" },
    { time: time(2), text: "a long é line" },
    { time: time(5), text: "" },
    { time: time(6), text: "without an end" },
  ];

  it("are put together of pieces, those of each stream by themselves", async () => {
    assert.deepEqual(await read([log]), lines);
    assert.deepEqual(await read([]), []);
  });

  it("are the same wherever the chunks end", async () => {
    assert.deepEqual(await read(Array.from(log, (byte) => Buffer.of(byte))), lines);
  });
});
