import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";

/** Reads everything, for what it does on its way. */
export function readToEnd(content: AsyncIterable<Buffer>): Promise<void> {
  return pipeline(
    content,
    new Writable({
      write: (_chunk, _encoding, done) => {
        done();
      },
    }),
  );
}
