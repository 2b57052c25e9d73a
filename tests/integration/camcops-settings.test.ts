import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { issue, strayKey } from "../certificates.ts";
import { containersOf, networksOf, volumesOf } from "./support/docker.ts";
import { freePorts } from "./support/ports.ts";
import { assertExit, type Result } from "./support/processes.ts";
import { Sandbox } from "./support/sandbox.ts";

const day = 24 * 60 * 60 * 1000;

/** What the report of a command says of one setting. */
interface ReportedProblem {
  message: string;
  received: string;
  remedy: string;
}

/** The problems of a report by the name of the setting; `at` may have several. */
function problemsIn({ stdout, stderr }: Result): Map<string, ReportedProblem> {
  const block = /^\s*([a-z][\w.[\]]*): (must .+)\.\n\s+received: (.*)\n((?:\s+remedy: .*\n?)+)/gim;
  return new Map(
    [...`${stdout}\n${stderr}`.matchAll(block)].map(([, key = "", message = "", received = "", remedy = ""]) => [
      key,
      { message, received, remedy },
    ]),
  );
}

/** Fails unless exactly these problems are reported, each with the value received and with a remedy. */
function assertProblems(
  result: Result,
  expected: Record<string, { message: RegExp; received: string | RegExp; remedy: RegExp }>,
) {
  const all = `${result.stdout}\n${result.stderr}`;
  assert.match(all, /Nothing was created or changed/);
  const problems = problemsIn(result);
  assert.deepEqual([...problems.keys()].sort(), Object.keys(expected).sort(), all);
  for (const [key, { message, received, remedy }] of Object.entries(expected)) {
    const found = problems.get(key);
    assert.match(found?.message ?? "", message, key);
    if (typeof received === "string") assert.equal(found?.received, received, key);
    else assert.match(found?.received ?? "", received, key);
    assert.match(found?.remedy ?? "", remedy, key);
  }
}

describe("Wrong settings of CamCOPS", function () {
  this.timeout(5 * 60_000);
  this.slow(60_000);

  let sandbox: Sandbox;
  let name: string;
  let ports: number[];

  /** Settings with which nothing is wrong, except for the changes. */
  const settings = (changes: Record<string, unknown> = {}) => ({
    name,
    hostAddress: "127.0.0.1",
    hostPort: ports[0],
    mysql: { hostPort: ports[1] },
    flower: { hostPort: ports[2] },
    ...changes,
  });
  const writeStack = (config: Record<string, unknown>, environment = "dev") => {
    sandbox.writeStackFile(name, { "slipway:environment": environment, ...config });
  };
  const preview = () => sandbox.slipway(["preview", "--stack", name]);

  before(async () => {
    sandbox = new Sandbox();
    name = sandbox.prefix;
    ports = await freePorts(3);
  });

  afterEach(async () => {
    assert.deepEqual([...(await containersOf(sandbox.docker, name)).keys()], []);
    assert.deepEqual(await networksOf(sandbox.docker, name), []);
    assert.deepEqual(await volumesOf(sandbox.docker, name), []);
  });

  after(async () => {
    await sandbox.remove();
  });

  it("are reported all at once, before anything is installed or created", async () => {
    writeStack({
      "slipway:camcopsFlowerPassword": "w1ll-n0t-be-shown",
      "slipway:camcops": settings({
        hostPrt: 8443,
        hostPort: 70_000,
        userId: "one",
        configDirectory: "/srv/camcops",
        certificate: { kind: "files", certificate: "/etc/ssl/camcops.crt", privateKey: "/camcops/cfg/camcops.key" },
        mysql: { container: false },
        images: { camcops: "registry.example.org/camcops:latest" },
      }),
    });
    const expected = {
      "camcops.hostPrt": {
        message: /no such setting.*camcops\.hostPort/,
        received: "8443",
        remedy: /pulumi config .*rm --path camcops\.hostPrt/,
      },
      "camcops.hostPort": {
        message: /from 1 to 65535/,
        received: "70000",
        remedy: /pulumi config .*set --path camcops\.hostPort/,
      },
      "camcops.userId": { message: /a whole number/, received: '"one"', remedy: /set --path camcops\.userId 1000/ },
      "camcops.certificate.certificate": {
        message: /a file in camcops\.configDirectory/,
        received: '"/etc/ssl/camcops.crt"',
        remedy: /set --path camcops\.certificate\.certificate \/camcops\/cfg\/camcops\.crt/,
      },
      "camcops.mysql.server": {
        message: /name the external database server/,
        received: "nothing",
        remedy: /set --path camcops\.mysql\.server host\.docker\.internal/,
      },
      camcopsMysqlUserPassword: {
        message: /be set/,
        received: "nothing",
        remedy: /set --secret camcopsMysqlUserPassword/,
      },
      "camcops.images.camcops": {
        message: /`latest`.*refused/,
        received: '"registry.example.org/camcops:latest"',
        remedy: /set --path camcops\.images\.camcops/,
      },
      camcopsFlowerPassword: {
        message: /encrypted/,
        received: "(hidden)",
        remedy: /set --secret camcopsFlowerPassword/,
      },
    };
    for (const verb of ["up", "preview"]) {
      const result = assertExit(await sandbox.slipway([verb, "--stack", name]), 2);
      assertProblems(result, expected);
      assert.ok(!`${result.stdout}${result.stderr}`.includes("w1ll-n0t-be-shown"), "shows a secret");
    }
  });

  it("are a country of three letters, and a port that two services want", async () => {
    writeStack({
      "slipway:camcops": settings({
        certificate: { kind: "self-signed", country: "GBR" },
        flower: { hostPort: ports[1] },
      }),
    });
    assertProblems(assertExit(await preview(), 2), {
      "camcops.certificate.country": {
        message: /two capital letters/,
        received: '"GBR"',
        remedy: /set --path camcops\.certificate\.country GB/,
      },
      "camcops.flower.hostPort": {
        message: /differ from camcops\.mysql\.hostPort/,
        received: String(ports[1]),
        remedy: /set --path camcops\.flower\.hostPort \d+/,
      },
    });
  });

  it("are images without a digest in prod", async () => {
    writeStack({ "slipway:camcops": settings({ images: { camcops: "registry.example.org/camcops:2.4.24" } }) }, "prod");
    const missing = { message: /be set in prod/, received: "nothing", remedy: /@sha256:/ };
    assertProblems(assertExit(await preview(), 2), {
      "camcops.images.camcops": {
        message: /name a digest in prod/,
        received: '"registry.example.org/camcops:2.4.24"',
        remedy: /@sha256:/,
      },
      "camcops.images.mysql": missing,
      "camcops.images.rabbitmq": missing,
      "camcops.images.nginx": { ...missing, remedy: /@sha256:[^]*set --path camcops\.withoutDowntime false/ },
    });
  });

  it("are those of a stack without any system", async () => {
    writeStack({});
    assertProblems(assertExit(await preview(), 2), {
      camcops: { message: /at least one system/, received: "nothing", remedy: /set --path camcops\.name camcops/ },
    });
  });

  describe("that only the host shows to be wrong", () => {
    let listener: Server;
    let folder: string;

    before(async () => {
      listener = createServer();
      await new Promise<void>((resolve) => listener.listen(ports[0], "127.0.0.1", resolve));
      folder = join(sandbox.folder, "cfg");
      mkdirSync(folder);
    });

    after(() => {
      listener.close();
    });

    /** Pulumi's own exit code for a program that failed. */
    const failed = async () => assertExit(await preview(), 1);
    const writeCertificate = (certificate: string, privateKey: string) => {
      writeFileSync(join(folder, "camcops.crt"), certificate);
      writeFileSync(join(folder, "camcops.key"), privateKey);
    };
    const ownCertificate = {
      kind: "files",
      certificate: "/camcops/cfg/camcops.crt",
      privateKey: "/camcops/cfg/camcops.key",
    };

    it("are a port that is taken and a folder that does not exist", async () => {
      const missing = join(sandbox.folder, "missing");
      writeStack({ "slipway:camcops": settings({ configDirectory: missing }) });
      assertProblems(await failed(), {
        "camcops.hostPort": {
          message: /a process of the host listens on it/,
          received: String(ports[0]),
          remedy: /set --path camcops\.hostPort \d+/,
        },
        "camcops.configDirectory": { message: /an existing folder/, received: `"${missing}"`, remedy: /mkdir -p/ },
      });
    });

    it("are a certificate that is not the key's, and the port all the same", async () => {
      const now = Date.now();
      writeCertificate(issue("localhost", new Date(now - day), new Date(now + 90 * day)).certificate, strayKey());
      writeStack({ "slipway:camcops": settings({ configDirectory: folder, certificate: ownCertificate }) });
      assertProblems(await failed(), {
        "camcops.hostPort": { message: /listens on it/, received: String(ports[0]), remedy: /camcops\.hostPort/ },
        "camcops.certificate.privateKey": {
          message: /belongs to another one/,
          received: '"/camcops/cfg/camcops.key"',
          remedy: /./,
        },
      });
    });

    it("are a certificate that has expired", async () => {
      const now = Date.now();
      const { certificate, privateKey } = issue("localhost", new Date(now - 90 * day), new Date(now - day));
      writeCertificate(certificate, privateKey);
      writeStack({
        "slipway:camcops": settings({
          hostPort: ports[2],
          flower: { hostPort: ports[0] },
          configDirectory: folder,
          certificate: ownCertificate,
        }),
      });
      assertProblems(await failed(), {
        "camcops.flower.hostPort": {
          message: /listens on it/,
          received: String(ports[0]),
          remedy: /camcops\.flower\.hostPort/,
        },
        "camcops.certificate.certificate": {
          message: /expired|valid/,
          received: '"/camcops/cfg/camcops.crt"',
          remedy: /./,
        },
      });
    });
  });

  it("are none where the database is an external one, of which the plan then has nothing", async () => {
    writeStack({ "slipway:camcops": settings({ mysql: { container: false, server: "host.docker.internal" } }) });
    const password = "only the user knows it";
    assertExit(await sandbox.pulumi(name, ["config", "set", "--secret", "camcopsMysqlUserPassword"], password), 0);
    const { stdout } = assertExit(await sandbox.pulumi(name, ["preview", "--json"]), 0);
    const { steps } = JSON.parse(stdout) as {
      steps: { urn: string; newState?: { type: string; inputs?: { name?: string } } }[];
    };
    const named = (type: string) =>
      steps.flatMap(({ newState }) => (newState?.type === type ? [newState.inputs?.name ?? ""] : [])).sort();
    const containers = named("docker:index/container:Container");
    assert.ok(containers.includes(`${name}-camcops_server`) && containers.includes(`${name}-rabbitmq`));
    assert.deepEqual(
      containers.filter((container) => container.includes("mysql")),
      [],
    );
    assert.deepEqual(
      named("docker:index/volume:Volume").filter((volume) => volume.includes("mysql")),
      [],
    );
    assert.deepEqual(
      named("docker:index/network:Network"),
      ["broker", "database", "edge"].map((suffix) => `${name}-${suffix}`),
    );
    assert.ok(!stdout.includes(password));
  });
});
