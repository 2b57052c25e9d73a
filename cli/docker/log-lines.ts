/** A line of a container's log. */
export interface LogLine {
  /** When it began, in RFC 3339 with nanoseconds, as Docker noted it. */
  time: string;
  text: string;
}

/**
 * The lines of a container's log, asked for with time stamps. Docker sends it in frames: eight bytes of which the first
 * names the stream and the last four the length, a time stamp, and at most 16 KiB of a line. Lines of standard output and
 * of standard error may interleave.
 *
 * Source: https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerAttach
 */
export async function* logLines(log: AsyncIterable<Buffer> | Iterable<Buffer>): AsyncGenerator<LogLine> {
  const begun = new Map<number, { time: string; pieces: Buffer[] }>();
  for await (const { stream, content } of frames(log)) {
    const space = content.indexOf(" ");
    const line = begun.get(stream) ?? { time: content.toString("latin1", 0, space), pieces: [] };
    begun.set(stream, line);
    line.pieces.push(content.subarray(space + 1));
    if (content.at(-1) !== newline) continue;
    begun.delete(stream);
    yield asLine(line);
  }
  for (const line of begun.values()) yield asLine(line);
}

const newline = 0x0a;

function asLine({ time, pieces }: { time: string; pieces: Buffer[] }): LogLine {
  return {
    time,
    text: Buffer.concat(pieces)
      .toString("utf8")
      .replace(/\r?\n$/, ""),
  };
}

const headerLength = 8;

async function* frames(
  log: AsyncIterable<Buffer> | Iterable<Buffer>,
): AsyncGenerator<{ stream: number; content: Buffer }> {
  let rest = Buffer.alloc(0);
  for await (const chunk of log) {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= headerLength) {
      const end = headerLength + rest.readUInt32BE(4);
      if (rest.length < end) break;
      yield { stream: rest[0] ?? 0, content: rest.subarray(headerLength, end) };
      rest = rest.subarray(end);
    }
  }
}
