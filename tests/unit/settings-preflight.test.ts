import assert from "node:assert/strict";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Docker from "dockerode";

import { exampleRecipient } from "../../settings/backup.ts";
import { checkCertificate } from "../../settings/certificate-check.ts";
import { parseStack } from "../../settings/parse.ts";
import { preflight } from "../../settings/preflight.ts";
import { type Issued, issue, strayKey } from "../certificates.ts";
import { type DockerStub, dockerStub } from "../docker-stub.ts";

const labels = { "slipway.state": "a1", "slipway.stack": "dev" };

/** A container as `GET /containers/json` lists it. */
function container(name: string, port: number, own: Record<string, string>) {
  return {
    Names: [`/${name}`],
    Labels: own,
    Ports: [{ IP: "0.0.0.0", PrivatePort: 1, PublicPort: port, Type: "tcp" }],
  };
}

async function listener(): Promise<{ server: Server; port: number }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, port: (server.address() as AddressInfo).port };
}

/** Ports that nobody holds: those of listeners that have just been closed. */
async function freePorts(): Promise<[number, number, number]> {
  const listeners = await Promise.all([listener(), listener(), listener()]);
  await Promise.all(listeners.map(({ server }) => new Promise((resolve) => server.close(resolve))));
  return listeners.map(({ port }) => port) as [number, number, number];
}

describe("preflight", () => {
  let stub: DockerStub | undefined;
  afterEach(async () => {
    await stub?.close();
    stub = undefined;
  });

  /** An image that the engine has, and one that its registry has. */
  const present = "r.example.net/rabbitmq:3.10";
  const offered = "r.example.net/mariadb:10.11";

  async function check(settings: Record<string, unknown>, containers: unknown[] = [], stack = "dev", backup?: unknown) {
    stub = await dockerStub({
      "GET /_ping": { body: "OK" },
      "GET /containers/json": { body: containers },
      "GET /volumes": { body: { Volumes: [{ Name: "old_data" }], Warnings: [] } },
      [`GET /images/${present}/json`]: { body: {} },
      [`GET /distribution/${offered}/json`]: { body: {} },
      "GET /distribution/r.example.net/camcops:2/json": { status: 500, body: { message: "no such host" } },
    });
    const values = { environment: stack, camcops: settings, ...(backup !== undefined && { backup }) };
    return await preflight(parseStack({ stack, values, encrypted: new Set() }), stub.client, { stack, labels });
  }

  async function onFreePorts(more: Record<string, unknown> = {}) {
    const [web, mysql, flower] = await freePorts();
    return {
      hostAddress: "127.0.0.1",
      hostPort: web,
      mysql: { hostPort: mysql },
      flower: { hostPort: flower },
      ...more,
    };
  }

  it("finds nothing wrong where all is free", async () => {
    assert.deepEqual(await check(await onFreePorts()), { problems: [], warnings: [] });
  });

  it("wants a volume that is said to exist to exist, and nobody else to use it", async () => {
    const settings = await onFreePorts();
    const withVolume = async (volume: string, ...users: unknown[]) => {
      await stub?.close();
      return (await check({ ...settings, mysql: { ...settings.mysql, volume } }, users)).problems;
    };
    const user = (name: string, own: Record<string, string>) => ({ Names: [`/${name}`], Labels: own, Ports: [] });
    assert.deepEqual(await withVolume("old_data", user("dev-mysql", labels)), []);
    assert.deepEqual(await withVolume("old_data", user("camcops_db", {})), [
      {
        key: "camcops.mysql.volume",
        message: "must be a volume that nobody else is using, but the container camcops_db is",
        received: '"old_data"',
        remedy: ["docker stop camcops_db"],
      },
    ]);
    assert.deepEqual(await withVolume("gone_data"), [
      {
        key: "camcops.mysql.volume",
        message: "must be a volume that Docker has already, but it has none of this name",
        received: '"gone_data"',
        remedy: [
          "docker volume ls   # lists those that it has",
          "pulumi config --stack dev rm --path camcops.mysql.volume",
        ],
      },
    ]);
  });

  it("finds a port that a process of the host holds", async () => {
    const { server, port } = await listener();
    try {
      const { problems } = await check({ ...(await onFreePorts()), hostPort: port });
      const other = port < 57535 ? port + 8000 : port - 8000;
      assert.deepEqual(problems, [
        {
          key: "camcops.hostPort",
          message:
            "must be a port of 127.0.0.1 that is free, but a process of the host listens on it " +
            `(sudo ss -ltnp 'sport = :${port}' names it)`,
          received: String(port),
          remedy: [`pulumi config --stack dev set --path camcops.hostPort ${other}`],
        },
      ]);
    } finally {
      server.close();
    }
  });

  it("names the container that holds a port", async () => {
    const settings = await onFreePorts();
    const { problems } = await check(settings, [
      container("other-db", settings.mysql.hostPort, { ...labels, "slipway.state": "b2" }),
    ]);
    assert.deepEqual(
      problems.map(({ key, message }) => ({ key, message })),
      [
        {
          key: "camcops.mysql.hostPort",
          message: "must be a port of 127.0.0.1 that is free, but the container other-db listens on it",
        },
      ],
    );
  });

  it("lets the stack keep the ports of its own containers", async () => {
    const { server, port } = await listener();
    try {
      const own = container("camcops-camcops_server", port, { ...labels, "slipway.system": "camcops" });
      assert.deepEqual((await check({ ...(await onFreePorts()), hostPort: port }, [own])).problems, []);
    } finally {
      server.close();
    }
  });

  it("finds an address that the host does not have", async () => {
    const { problems } = await check({ ...(await onFreePorts()), hostAddress: "192.0.2.7" });
    assert.deepEqual(problems, [
      {
        key: "camcops.hostAddress",
        message: "must be an address of this host, or 0.0.0.0 for all of them",
        received: '"192.0.2.7"',
        remedy: ["pulumi config --stack dev set --path camcops.hostAddress 127.0.0.1"],
      },
    ]);
  });

  it("finds a database of the host that containers cannot reach, where the engine runs on this machine", async () => {
    const { server, port } = await listener();
    stub = await dockerStub({
      "GET /_ping": { body: "OK" },
      "GET /containers/json": { body: [] },
      "GET /networks/bridge": { body: { IPAM: { Config: [{ Subnet: "172.31.255.0/24" }] } } },
    });
    const { client } = stub;
    const settings = await onFreePorts({ mysql: { container: false, server: "host.docker.internal", port } });
    const found = async (host: string) => {
      const values = { environment: "dev", host, camcops: settings, camcopsMysqlUserPassword: "x" };
      const stack = parseStack({ stack: "dev", values, encrypted: new Set(["camcopsMysqlUserPassword"]) });
      return (await preflight(stack, client, { stack: "dev", labels })).problems.map(({ key, message }) => ({
        key,
        message,
      }));
    };
    try {
      assert.deepEqual(await found("unix:///var/run/docker.sock"), [
        {
          key: "camcops.mysql.server",
          message: `must be a server that containers reach, at 172.31.255.1, but what listens on port ${port} of this host does so on 127.0.0.1 only`,
        },
      ]);
      assert.deepEqual(await found("ssh://me@docker.example.org"), []);
    } finally {
      server.close();
    }
  });

  it("says why Docker does not answer", async () => {
    const answer = async (host: string, docker: Pick<Docker, "ping">) => {
      const settings = parseStack({ stack: "dev", values: { host, camcops: {} }, encrypted: new Set() });
      return (await preflight(settings, docker as Docker, { stack: "dev", labels })).problems;
    };
    const socketPath = join(tmpdir(), "slipway-no-such.sock");
    assert.deepEqual(await answer(`unix://${socketPath}`, new Docker({ socketPath })), [
      {
        key: "host",
        message: `must be a Docker engine that answers, but does not: connect ENOENT ${socketPath}`,
        received: `"unix://${socketPath}"`,
        remedy: ["pulumi config --stack dev set host unix:///var/run/docker.sock"],
      },
    ]);
    const forbidden = { ping: () => Promise.reject(Object.assign(new Error("connect EACCES"), { code: "EACCES" })) };
    assert.deepEqual(await answer("unix:///var/run/docker.sock", forbidden), [
      {
        key: "host",
        message: "must be a Docker engine that answers, but does not: you are not in the docker group",
        received: '"unix:///var/run/docker.sock"',
        remedy: ["sudo usermod -aG docker $USER   # then log out and in again"],
      },
    ]);
    const absent = { ping: () => Promise.reject(new Error("getaddrinfo ENOTFOUND docker.example.org")) };
    assert.deepEqual(await answer("tcp://docker.example.org:2375", absent), [
      {
        key: "host",
        message: "must be a Docker engine that answers, but does not: getaddrinfo ENOTFOUND docker.example.org",
        received: '"tcp://docker.example.org:2375"',
        remedy: ["pulumi config --stack dev set host unix:///var/run/docker.sock"],
      },
    ]);
  });

  it("finds images that are neither on the engine nor in a registry that it reaches", async () => {
    const images = { camcops: "r.example.net/camcops:2", mysql: offered, rabbitmq: present };
    assert.deepEqual((await check(await onFreePorts({ images }))).problems, [
      {
        key: "camcops.images.camcops",
        message: "must be an image that the Docker engine has or can pull, but: no such host",
        received: '"r.example.net/camcops:2"',
        remedy: ["docker pull r.example.net/camcops:2"],
      },
    ]);
  });

  it("finds images of the registry that the examples name, of those that the stack uses", async () => {
    const example = (name: string) => `registry.example.org/slipway/${name}:1@sha256:${"0".repeat(64)}`;
    const images = { camcops: example("camcops"), mysql: example("mariadb"), rabbitmq: present };
    assert.deepEqual(
      (await check(await onFreePorts({ images }))).problems,
      ["camcops", "mysql"].map((image) => ({
        key: `camcops.images.${image}`,
        message: "must name an image of your registry, but registry.example.org is the example's",
        received: JSON.stringify(images[image as keyof typeof images]),
        remedy: [
          `pulumi config --stack dev set --path camcops.images.${image} '<your registry>/${image}@sha256:<digest>'`,
        ],
      })),
    );
  });

  it("warns of a Docker engine that is reached unencrypted over a network", async () => {
    stub = await dockerStub({ "GET /_ping": { body: "OK" }, "GET /containers/json": { body: [] } });
    const { client } = stub;
    const warnings = async (host: string) => {
      const settings = parseStack({ stack: "dev", values: { host, camcops: {} }, encrypted: new Set() });
      return (await preflight(settings, client, { stack: "dev", labels })).warnings;
    };
    assert.deepEqual(await warnings("tcp://docker.example.org:2375"), [
      "host: tcp://docker.example.org:2375 is reached unencrypted: whoever listens on the way reads every secret. Use ssh://user@host.",
    ]);
    const fine = ["tcp://127.0.0.1:2375", "tcp://localhost:2375", "tcp://[::1]:2375", "ssh://me@docker.example.org"];
    for (const host of fine) assert.deepEqual(await warnings(host), [], host);
  });

  it("finds a configuration folder that does not exist, but looks for no folder of a Windows host", async () => {
    const configDirectory = join(tmpdir(), "slipway-no-such-folder");
    assert.deepEqual((await check(await onFreePorts({ configDirectory }))).problems, [
      {
        key: "camcops.configDirectory",
        message: "must be an existing folder of the host",
        received: JSON.stringify(configDirectory),
        remedy: [`sudo mkdir -p ${configDirectory}`],
      },
    ]);
    await stub?.close();
    const windows = await onFreePorts({ configDirectory: "/host_mnt/c/Users/me/camcops" });
    assert.deepEqual((await check(windows)).problems, []);
  });

  it("finds what keeps backups by schedule from being written, or from being restored", async () => {
    const settings = await onFreePorts();
    const folder = await mkdtemp(join(tmpdir(), "slipway-backups-"));
    try {
      const { uid } = await stat(folder);
      const userId = uid + 1;
      const backup = { folder, recipient: exampleRecipient, schedule: { userId } };
      assert.deepEqual((await check(settings, [], "dev", backup)).problems, [
        {
          key: "backup.recipient",
          message:
            "must be a public key of your own, but it is the example's, and nobody here could restore the backups",
          received: JSON.stringify(exampleRecipient),
          remedy: ["age-keygen -o backup-key.txt", "pulumi config --stack dev rm --path backup.recipient"],
        },
        {
          key: "backup.folder",
          message: `must belong to user ${userId}, who writes to it, but belongs to ${uid}`,
          received: JSON.stringify(folder),
          remedy: [`sudo chown ${userId}:${userId} ${folder}`],
        },
      ]);
      await stub?.close();
      assert.deepEqual((await check(settings, [], "dev", { folder, recipient: exampleRecipient })).problems, []);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("warns of what is unfit for patients' data, and of keys without effect", async () => {
    const images = { camcops: "c", mysql: "m", rabbitmq: "r", nginx: "n" };
    const pinned = Object.fromEntries(
      Object.entries(images).map(([image, name]) => [image, `${name}@sha256:${"0".repeat(64)}`]),
    );
    const selfSigned = await check(await onFreePorts({ images: pinned }), [], "prod");
    assert.deepEqual(selfSigned.warnings, [
      "camcops.certificate: is self-signed, which is not fit for prod: browsers cannot tell it from a forged one.",
    ]);
    await stub?.close();
    const plain = await check(
      await onFreePorts({ https: false, hostAddress: "0.0.0.0", config: { site: { EMAIL_HSOT: "x" } } }),
    );
    assert.deepEqual(plain.warnings, [
      "camcops.https: is false, and 0.0.0.0 is reachable from elsewhere: passwords travel unencrypted. Set camcops.hostAddress to 127.0.0.1.",
      "camcops.config.site.EMAIL_HSOT: CamCOPS 2.4.24 does not know this key.",
    ]);
  });

  describe("of certificates", () => {
    const now = new Date("2030-06-15T12:00:00Z");
    const from = new Date("2030-01-01T00:00:00Z");
    const until = new Date("2030-12-31T00:00:00Z");
    let folder: string;
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), "slipway-certificates-"));
    });
    afterEach(async () => {
      await rm(folder, { recursive: true });
    });

    async function findings(certificate: string | undefined, privateKey: string) {
      const crt = { key: "camcops.certificate.certificate", value: "/camcops/cfg/c.crt", path: join(folder, "c.crt") };
      const key = { key: "camcops.certificate.privateKey", value: "/camcops/cfg/c.key", path: join(folder, "c.key") };
      if (certificate !== undefined) await writeFile(crt.path, certificate);
      await writeFile(key.path, privateKey);
      const result = await checkCertificate(crt, key, now);
      return {
        messages: result.findings.map(({ key: setting, message }) => `${setting}: ${message}`),
        warnings: result.warnings,
      };
    }
    const fine = { messages: [], warnings: [] };
    const refused = (setting: string, message: string) => ({
      messages: [`camcops.certificate.${setting}: ${message}`],
      warnings: [],
    });

    it("accepts a certificate with its key, and a chain with the server's first", async () => {
      const root: Issued = issue("Root", from, until);
      const leaf = issue("camcops.example.org", from, until, { ...root, subject: "Root" });
      assert.deepEqual(await findings(root.certificate, root.privateKey), fine);
      assert.deepEqual(await findings(leaf.certificate + root.certificate, leaf.privateKey), fine);
    });

    it("refuses a chain in the wrong order", async () => {
      const root = issue("Root", from, until);
      const leaf = issue("camcops.example.org", from, until, { ...root, subject: "Root" });
      const stranger = issue("Stranger", from, until);
      assert.deepEqual(
        await findings(root.certificate + leaf.certificate, leaf.privateKey),
        refused("certificate", "must hold the server's certificate first, then its issuers'"),
      );
      assert.deepEqual(
        await findings(leaf.certificate + stranger.certificate, leaf.privateKey),
        refused(
          "certificate",
          "must hold each issuer's certificate behind the one that it issued, but number 2 did not issue number 1",
        ),
      );
    });

    it("refuses a key of another certificate", async () => {
      assert.deepEqual(
        await findings(issue("camcops.example.org", from, until).certificate, strayKey()),
        refused("privateKey", "must belong to the certificate of CN=camcops.example.org, but belongs to another one"),
      );
    });

    it("refuses a certificate that has expired or is not valid yet", async () => {
      const early = issue("a", from, new Date("2030-06-14T00:00:00Z"));
      const late = issue("b", new Date("2030-06-16T00:00:00Z"), until);
      assert.deepEqual(
        await findings(early.certificate, early.privateKey),
        refused("certificate", "must be valid, but expired on 2030-06-14"),
      );
      assert.deepEqual(
        await findings(late.certificate, late.privateKey),
        refused("certificate", "must be valid, but is not before 2030-06-16"),
      );
    });

    it("warns of a certificate that expires soon", async () => {
      const soon = issue("a", from, new Date("2030-06-30T12:00:00Z"));
      assert.deepEqual(await findings(soon.certificate, soon.privateKey), {
        messages: [],
        warnings: [
          "camcops.certificate.certificate: expires in 15 days, on 2030-06-30; put a renewed one in its place.",
        ],
      });
    });

    it("refuses what is no certificate, a key with a passphrase, and a file that is not there", async () => {
      const { certificate, privateKey } = issue("a", from, until);
      assert.deepEqual(
        await findings("no certificate", privateKey),
        refused(
          "certificate",
          "must be a file with a certificate in PEM form, which begins with -----BEGIN CERTIFICATE-----",
        ),
      );
      assert.deepEqual(
        await findings(certificate, strayKey("hunter2")),
        refused("privateKey", "must be a file with a private key in PEM form and without a passphrase"),
      );
      await rm(join(folder, "c.crt"));
      assert.deepEqual(
        await findings(undefined, privateKey),
        refused("certificate", `must be a file that you can read, but ${join(folder, "c.crt")} is not (ENOENT)`),
      );
    });
  });
});
