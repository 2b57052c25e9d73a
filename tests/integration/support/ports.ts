import { randomInt } from "node:crypto";
import { createServer } from "node:net";

/** Below those that Linux gives to connections unasked (ip(7), `ip_local_port_range`): nobody takes one by chance. */
const range = { from: 10_000, to: 32_000 };

/** Finds ports of the loopback address on which nothing listens, and which stay free while their service does not run. */
export async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  while (found.size < count) {
    const port = randomInt(range.from, range.to);
    if (await isFree(port)) found.add(port);
  }
  return [...found];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.on("error", () => {
      resolve(false);
    });
    server.listen({ host: "127.0.0.1", port, exclusive: true }, () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}
