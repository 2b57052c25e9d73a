import assert from "node:assert/strict";
import { createOneOff } from "../../cli/docker/one-off.ts";
import { dockerStub, type Routes } from "../docker-stub.ts";

const like = { id: "c1", name: "web" };
const inspected = {
  Name: "/shop-web",
  Config: {
    Hostname: "shop-web",
    User: "1000:1000",
    Env: ["TZ=UTC"],
    Cmd: ["serve"],
    Entrypoint: ["enter"],
    WorkingDir: "/srv",
    Image: "sha256:1",
    Healthcheck: { Test: ["CMD", "true"] },
    Labels: {
      "slipway.state": "s",
      "slipway.stack": "dev",
      "slipway.system": "shop",
      "slipway.service": "web",
      "slipway.operations": "{}",
    },
  },
  HostConfig: {
    Binds: ["shop-data:/data:rw", "shop-files:/run/secrets:ro"],
    CapDrop: ["ALL"],
    ReadonlyRootfs: true,
    SecurityOpt: ["no-new-privileges"],
    Tmpfs: { "/tmp": "uid=1000" },
    Memory: 1024,
    NetworkMode: "bridge",
    PortBindings: { "80/tcp": [{ HostPort: "80" }] },
    RestartPolicy: { Name: "unless-stopped" },
    AutoRemove: false,
    LogConfig: { Type: "json-file", Config: { "max-file": "5" } },
    Init: false,
  },
  NetworkSettings: { Networks: { "shop-edge": { Aliases: ["web"] }, "shop-internal": { Aliases: ["web"] } } },
};

describe("a container for one command", () => {
  async function create(routes: Routes, command?: string[]) {
    const stub = await dockerStub({
      "GET /containers/c1/json": { body: inspected },
      "POST /containers/create": { body: { Id: "new" } },
      "POST /networks/shop-internal/connect": { body: {} },
      ...routes,
    });
    try {
      const created = await createOneOff(stub.client, like, { command, terminal: false }).then(
        ({ id }) => id,
        (error: unknown) => error as Error,
      );
      const bodies = stub.bodies.map((body) => JSON.parse(body.toString() || "null") as Record<string, unknown>);
      return { created, requests: stub.requests, bodies };
    } finally {
      await stub.close();
    }
  }

  it("is like the service's in all that protects it and that it works with", async () => {
    const { created, requests, bodies } = await create({}, ["ls", "a b"]);
    assert.equal(created, "new");
    const { name, ...body } = bodies[1] ?? {};
    assert.match(String(name), /^shop-web-run-[0-9a-f]{8}$/);
    assert.deepEqual(body, {
      Image: "sha256:1",
      User: "1000:1000",
      Env: ["TZ=UTC"],
      WorkingDir: "/srv",
      Entrypoint: ["enter"],
      Cmd: ["ls", "a b"],
      Labels: { "slipway.state": "s", "slipway.stack": "dev", "slipway.system": "shop" },
      Healthcheck: { Test: ["NONE"] },
      Tty: false,
      OpenStdin: true,
      StdinOnce: true,
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
      HostConfig: {
        ...inspected.HostConfig,
        NetworkMode: "shop-edge",
        PortBindings: {},
        RestartPolicy: { Name: "no" },
        AutoRemove: true,
        LogConfig: { Type: "none", Config: {} },
        Init: true,
      },
    });
    assert.deepEqual(requests.slice(2), ["POST /networks/shop-internal/connect"]);
    assert.deepEqual(bodies[2], { Container: "new" });
  });

  it("runs the other's own command where none is given", async () => {
    const { bodies } = await create({});
    assert.deepEqual(bodies[1]?.["Cmd"], ["serve"]);
  });

  it("does not stay behind where a network has gone", async () => {
    const { created, requests } = await create({
      "POST /networks/shop-internal/connect": { status: 404, body: { message: "network shop-internal not found" } },
      "DELETE /containers/new": { status: 204 },
    });
    assert.ok(created instanceof Error);
    assert.match(created.message, /^A container like that of web cannot be made: .*network shop-internal not found/);
    assert.equal(requests.at(-1), "DELETE /containers/new?force=true&v=true");
  });
});
