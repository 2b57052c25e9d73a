import assert from "node:assert/strict";
import { releasePorts, removeLeftoverContainer, removeLeftoverNetwork } from "../../components/leftovers.ts";
import { dockerStub, type DockerStub, type Routes } from "../docker-stub.ts";

const mine = { "slipway.state": "mine", "slipway.stack": "dev" };
const inputs = { name: "shop", labels: Object.entries(mine).map(([label, value]) => ({ label, value })) };

async function withDocker(routes: Routes, test: (docker: DockerStub) => Promise<void>): Promise<void> {
  const docker = await dockerStub(routes);
  try {
    await test(docker);
  } finally {
    await docker.close();
  }
}

function container(labels: Record<string, string>, running = false) {
  return { body: { Id: "c1", Config: { Labels: labels }, State: { Running: running } } };
}

function remedy(kind: string): string {
  return (
    "Nothing of it was touched. Give this system another name (pulumi config set --path <system>.name), " +
    `or remove that ${kind} yourself: docker ${kind} rm shop`
  );
}

describe("removeLeftoverContainer", () => {
  it("does nothing where the name is free", async () => {
    await withDocker({}, async ({ client, requests }) => {
      await removeLeftoverContainer(client, inputs);
      assert.deepEqual(requests, ["GET /containers/shop/json"]);
    });
  });

  it("removes a container of the same state, but not its volumes", async () => {
    const routes = { "GET /containers/shop/json": container(mine), "DELETE /containers/c1": { status: 204 } };
    await withDocker(routes, async ({ client, requests }) => {
      await removeLeftoverContainer(client, inputs);
      assert.deepEqual(requests, ["GET /containers/shop/json", "DELETE /containers/c1?v=false&force=true"]);
    });
  });

  it("lets a running one end by itself first", async () => {
    const routes = {
      "GET /containers/shop/json": container(mine, true),
      "POST /containers/c1/stop": { status: 204 },
      "DELETE /containers/c1": { status: 204 },
    };
    await withDocker(routes, async ({ client, requests }) => {
      await removeLeftoverContainer(client, inputs);
      assert.deepEqual(requests, [
        "GET /containers/shop/json",
        "POST /containers/c1/stop",
        "DELETE /containers/c1?v=false&force=true",
      ]);
    });
  });

  for (const [whose, labels, owner] of [
    ["another state", { ...mine, "slipway.state": "theirs" }, '"dev", of another state or tool'],
    ["Compose", { "com.docker.compose.project": "camcops" }, '"camcops", of another state or tool'],
    ["nobody", {}, "nobody that Slipway knows"],
  ] as const) {
    it(`leaves a container of ${whose} alone and says whose the name is`, async () => {
      await withDocker({ "GET /containers/shop/json": container(labels, true) }, async ({ client, requests }) => {
        await assert.rejects(removeLeftoverContainer(client, inputs), {
          message: `The name "shop" is held by a container that belongs to ${owner}. ${remedy("container")}`,
        });
        assert.deepEqual(requests, ["GET /containers/shop/json"]);
      });
    });
  }

  it("leaves everything alone when the new container does not say whose it is", async () => {
    await withDocker({ "GET /containers/shop/json": container(mine) }, async ({ client, requests }) => {
      await assert.rejects(removeLeftoverContainer(client, { name: "shop", labels: [] }), /held by a container/);
      assert.deepEqual(requests, ["GET /containers/shop/json"]);
    });
  });

  it("hands on any other error of Docker", async () => {
    const routes = { "GET /containers/shop/json": { status: 500, body: { message: "out of order" } } };
    await withDocker(routes, async ({ client }) => {
      await assert.rejects(removeLeftoverContainer(client, inputs), /out of order/);
    });
  });
});

describe("removeLeftoverNetwork", () => {
  const listed = (...networks: { Id: string; Name: string; Labels?: Record<string, string> | null }[]) => ({
    body: networks,
  });

  it("does nothing where the name is free, also if another name only begins with it", async () => {
    const routes = { "GET /networks": listed({ Id: "n1", Name: "shop-edge", Labels: mine }) };
    await withDocker(routes, async ({ client, requests }) => {
      await removeLeftoverNetwork(client, inputs);
      assert.deepEqual(requests, ['GET /networks?filters={"name":["shop"]}']);
    });
  });

  it("removes a network of the same state and the leftover containers in it", async () => {
    const routes = {
      "GET /networks": listed({ Id: "n1", Name: "shop", Labels: mine }),
      "GET /networks/n1": { body: { Containers: { c1: { Name: "shop-web" } } } },
      "GET /containers/shop-web/json": container(mine),
      "DELETE /containers/c1": { status: 204 },
      "DELETE /networks/n1": { status: 204 },
    };
    await withDocker(routes, async ({ client, requests }) => {
      await removeLeftoverNetwork(client, inputs);
      assert.deepEqual(requests.slice(1), [
        "GET /networks/n1",
        "GET /containers/shop-web/json",
        "DELETE /containers/c1?v=false&force=true",
        "DELETE /networks/n1",
      ]);
    });
  });

  it("removes each of several networks of that name, which Docker allows", async () => {
    const routes = {
      "GET /networks": listed({ Id: "n1", Name: "shop", Labels: mine }, { Id: "n2", Name: "shop", Labels: mine }),
      "GET /networks/n1": { body: {} },
      "GET /networks/n2": { body: {} },
      "DELETE /networks/n1": { status: 204 },
      "DELETE /networks/n2": { status: 204 },
    };
    await withDocker(routes, async ({ client, requests }) => {
      await removeLeftoverNetwork(client, inputs);
      assert.deepEqual(
        requests.filter((request) => request.startsWith("DELETE")),
        ["DELETE /networks/n1", "DELETE /networks/n2"],
      );
    });
  });

  it("keeps a network in which somebody else's container is", async () => {
    const routes = {
      "GET /networks": listed({ Id: "n1", Name: "shop", Labels: mine }),
      "GET /networks/n1": { body: { Containers: { c1: { Name: "guest" } } } },
      "GET /containers/guest/json": container({}),
    };
    await withDocker(routes, async ({ client, requests }) => {
      await assert.rejects(removeLeftoverNetwork(client, inputs), /The name "guest" is held by a container/);
      assert.deepEqual(requests.slice(1), ["GET /networks/n1", "GET /containers/guest/json"]);
    });
  });

  for (const labels of [null, { "slipway.state": "theirs" }]) {
    it(`leaves a network with the labels ${JSON.stringify(labels)} alone`, async () => {
      const routes = { "GET /networks": listed({ Id: "n1", Name: "shop", Labels: labels }) };
      await withDocker(routes, async ({ client, requests }) => {
        await assert.rejects(removeLeftoverNetwork(client, inputs), {
          message: `The name "shop" is held by a network that belongs to nobody that Slipway knows. ${remedy("network")}`,
        });
        assert.equal(requests.length, 1);
      });
    });
  }
});

describe("releasePorts", () => {
  const held = (id: string, IP: string, PublicPort: number) => ({ Id: id, Ports: [{ IP, PublicPort }] });
  const routes: Routes = {
    "GET /containers/json": {
      body: [
        held("same", "127.0.0.1", 443),
        held("all", "0.0.0.0", 443),
        held("elsewhere", "127.0.0.2", 443),
        held("other", "127.0.0.1", 80),
      ],
    },
    "POST /containers/same/stop": { status: 204 },
    "POST /containers/all/stop": { status: 204 },
  };

  it("stops those of the same state that listen where the new container is to listen", async () => {
    await withDocker(routes, async ({ client, requests }) => {
      await releasePorts(client, { ...inputs, ports: [{ ip: "127.0.0.1", external: 443 }] });
      assert.match(requests[0] ?? "", /^GET \/containers\/json\?filters=.*slipway\.state=mine/);
      assert.deepEqual(requests.slice(1).sort(), ["POST /containers/all/stop", "POST /containers/same/stop"]);
    });
  });

  it("asks nothing where no port is published", async () => {
    await withDocker({}, async ({ client, requests }) => {
      await releasePorts(client, { ...inputs, ports: [] });
      assert.deepEqual(requests, []);
    });
  });
});
