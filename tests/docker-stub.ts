import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import Docker from "dockerode";

/** What the stub answers: a status, and a body that is sent as JSON unless it is bytes. */
export interface Answer {
  status?: number;
  body?: unknown;
}

/** By method and path without the query, such as `GET /containers/x/json`; a list is answered one after the other, the last one again. */
export type Routes = Record<string, Answer | Answer[]>;

export interface DockerStub {
  client: Docker;
  /** For `Host`. */
  url: string;
  /** What was asked: method and path with the query. */
  requests: string[];
  /** The bodies of those requests. */
  bodies: Buffer[];
  close: () => Promise<void>;
}

/** Docker's API on a Unix socket, answering by a table. What is not in it is answered by 404, as Docker does. */
export async function dockerStub(routes: Routes): Promise<DockerStub> {
  const folder = await mkdtemp(join(tmpdir(), "docker-stub-"));
  const socketPath = join(folder, "docker.sock");
  const requests: string[] = [];
  const bodies: Buffer[] = [];
  const left = new Map(Object.entries(routes).map(([route, answers]) => [route, [answers].flat()]));
  const server = createServer((request, response) => {
    void buffer(request).then((sent) => {
      const [path = ""] = (request.url ?? "").split("?");
      const asked = `${request.method ?? ""} ${path}`;
      requests.push(`${request.method ?? ""} ${decodeURIComponent(request.url ?? "")}`);
      bodies.push(sent);
      const answers = left.get(asked) ?? [{ status: 404, body: { message: `No such thing: ${asked}` } }];
      const { status = 200, body } = (answers.length > 1 ? answers.shift() : answers[0]) ?? {};
      if (Buffer.isBuffer(body)) {
        response.writeHead(status, { "Content-Type": "application/vnd.docker.raw-stream" }).end(body);
      } else {
        response.writeHead(status, { "Content-Type": "application/json" });
        response.end(body === undefined ? undefined : JSON.stringify(body));
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return {
    client: new Docker({ socketPath }),
    url: `unix://${socketPath}`,
    requests,
    bodies,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true });
    },
  };
}
