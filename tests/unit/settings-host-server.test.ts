import assert from "node:assert/strict";
import { type AddressInfo, createServer, type Server } from "node:net";
import { networkInterfaces } from "node:os";

import { gatewayOf, hostServerFindings, listenersOn } from "../../settings/host-server.ts";
import { dockerStub } from "../docker-stub.ts";

/** The addresses of listeners by lines of `/proc/net/tcp` and `/proc/net/tcp6`, as a machine shows them. */
const tables: [what: string, lines: string[], expected: string[]][] = [
  ["the loopback address", ["0100007F:0CEA 00000000:0000 0A"], ["127.0.0.1"]],
  ["all addresses", ["00000000:0CEA 00000000:0000 0A"], ["0.0.0.0"]],
  ["Docker's bridge", ["010011AC:0CEA 00000000:0000 0A"], ["172.17.0.1"]],
  ["all addresses of IPv6", [`${"0".repeat(32)}:0CEA ${"0".repeat(32)}:0000 0A`], ["::"]],
  ["the loopback address of IPv6", [`${"0".repeat(24)}01000000:0CEA ${"0".repeat(32)}:0000 0A`], ["::1"]],
  ["a mapped address", [`0000000000000000FFFF00000100007F:0CEA ${"0".repeat(32)}:0000 0A`], ["127.0.0.1"]],
  ["an address of IPv6", [`B80D0120000000000000000001000000:0CEA ${"0".repeat(32)}:0000 0A`], ["2001:db8:0:0:0:0:0:1"]],
  ["two", ["0100007F:0CEA 00000000:0000 0A", "010011AC:0CEA 00000000:0000 0A"], ["127.0.0.1", "172.17.0.1"]],
  ["a connection, which is no listener", ["0100007F:0CEA 0100007F:9F52 01"], []],
  ["another port", ["0100007F:0CEB 00000000:0000 0A"], []],
];

describe("a server on the Docker host", () => {
  for (const [what, lines, expected] of tables) {
    it(`is found to listen on ${what}`, () => {
      const rest = "00000000:00000000 00:00000000 00000000     0        0 88458 1 0 100 0 0 10 0";
      const text = [
        "  sl  local_address rem_address   st",
        ...lines.map((line, index) => `   ${index}: ${line} ${rest}`),
      ];
      assert.deepEqual(listenersOn(3306, text.join("\n")), expected);
    });
  }

  const gateway = "172.31.255.1";
  const find = async (server: string, port: number, system = "Debian GNU/Linux 12") => {
    const stub = await dockerStub({
      "GET /info": { body: { OperatingSystem: system } },
      "GET /networks/bridge": { body: { IPAM: { Config: [{ Subnet: "172.31.0.0/16", Gateway: gateway }] } } },
    });
    try {
      return await hostServerFindings([{ key: "camcops.mysql.server", server, port }], stub.client);
    } finally {
      await stub.close();
    }
  };
  const listening = async (address: string, work: (port: number) => Promise<void>) => {
    const server: Server = createServer();
    await new Promise<void>((resolve) => server.listen(0, address, resolve));
    try {
      await work((server.address() as AddressInfo).port);
    } finally {
      server.close();
    }
  };
  const nothing = { findings: [], warnings: [] };

  it("that listens on the loopback address only is refused, with the address that it would have to listen on", async () => {
    await listening("127.0.0.1", async (port) => {
      assert.deepEqual(await find("host.docker.internal", port), {
        findings: [
          {
            key: "camcops.mysql.server",
            value: "host.docker.internal",
            message: `must be a server that containers reach, at ${gateway}, but what listens on port ${port} of this host does so on 127.0.0.1 only`,
            remedy: [
              {
                advice: `bind-address = ${gateway}   # in the server's own configuration, section [mysqld]; then restart it and let its firewall pass port ${port}`,
              },
            ],
          },
        ],
        warnings: [],
      });
      // Its containers reach them there.
      assert.deepEqual(await find("host.docker.internal", port, "Docker Desktop"), nothing);
    });
  });

  const networks: [config: object[], expected: string | undefined][] = [
    [[{ Subnet: "172.17.0.0/16", Gateway: "172.17.0.9" }], "172.17.0.9"],
    [[{ Subnet: "172.17.0.0/16" }], "172.17.0.1"],
    [[{ Subnet: "fd00::/80", Gateway: "fd00::1" }, { Subnet: "10.200.4.128/25" }], "10.200.4.129"],
    [[], undefined],
  ];
  for (const [config, expected] of networks) {
    it(`is known to containers as ${expected} where Docker's network has ${JSON.stringify(config)}`, async () => {
      const stub = await dockerStub({ "GET /networks/bridge": { body: { IPAM: { Config: config } } } });
      try {
        assert.equal(await gatewayOf(stub.client), expected);
      } finally {
        await stub.close();
      }
    });
  }

  it("is refused by its own address, too, where it does not listen on that", async () => {
    const [own] = Object.values(networkInterfaces())
      .flat()
      .flatMap((each) => (each?.internal === false && each.family === "IPv4" ? [each.address] : []));
    assert.ok(own !== undefined, "this machine has no address");
    await listening("127.0.0.1", async (port) => {
      const { findings } = await find(own, port);
      assert.equal(findings[0]?.message.includes(`at ${own},`), true);
    });
    await listening(own, async (port) => {
      assert.deepEqual(await find(own, port), nothing);
      const { findings } = await find("host.docker.internal", port);
      assert.deepEqual(findings[0]?.remedy[1], { set: "camcops.mysql.server", value: own });
    });
  });

  it("that listens on all addresses is accepted, and so is one on another machine", async () => {
    await listening("0.0.0.0", async (port) => {
      assert.deepEqual(await find("host.docker.internal", port), nothing);
    });
    await listening("127.0.0.1", async (port) => {
      assert.deepEqual(await find("db.example.org", port), nothing);
    });
  });

  it("is warned of where nothing listens yet", async () => {
    let closed = 0;
    await listening("127.0.0.1", (port) => {
      closed = port;
      return Promise.resolve();
    });
    assert.deepEqual(await find("host.docker.internal", closed), {
      findings: [],
      warnings: [`camcops.mysql.server: nothing listens on port ${closed} of this host yet.`],
    });
  });
});
