import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildImage, builtReference, bundledImage, folderImage } from "../../components/build.ts";
import { projectRoot } from "../../toolchain/root.js";
import { Visitor } from "./coped-visitor.ts";
import { proveSchedule } from "./support/backup-schedule.ts";
import { Deployment } from "./support/deployment.ts";
import { exec } from "./support/docker.ts";
import { freePorts } from "./support/ports.ts";
import { assertExit, type Result } from "./support/processes.ts";
import { Sandbox } from "./support/sandbox.ts";
import { until } from "./support/until.ts";

const memory = { web: 400, nginx: 100, db: 300, elasticsearch: 1100, voila: 600 };

/** Exit codes of processes that ended as asked: with 0, or by Java's own way to take a SIGTERM. */
const cleanExitCodes: Readonly<Record<string, number>> = { elasticsearch: 143 };

/** Says whether a TCP port can be reached. */
const connectScript = `
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=3).close()
    print("open")
except OSError:
    print("closed")
`;

/** Answers with the HTTP status of a page that it gets without a login, or with one. */
const statusScript = `
import base64, sys, urllib.error, urllib.request
request = urllib.request.Request(sys.argv[1])
if len(sys.argv) > 2:
    request.add_header("Authorization", "Basic " + base64.b64encode(sys.argv[2].encode()).decode())
try:
    print(urllib.request.urlopen(request, timeout=5).status)
except urllib.error.HTTPError as error:
    print(error.code)
`;

describe("COPED", function () {
  this.timeout(15 * 60_000);
  this.slow(60_000);

  let sandbox: Sandbox;
  let dev: Deployment;
  let staging: Deployment;
  let ports: { dev: number; bypass: number; staging: number };

  before(async () => {
    sandbox = new Sandbox();
    const [devPort = 0, bypass = 0, stagingPort = 0] = await freePorts(3);
    ports = { dev: devPort, bypass, staging: stagingPort };
    const services = Object.fromEntries(Object.entries(memory).map(([name, limit]) => [name, { memory: limit }]));
    dev = new Deployment(sandbox, {
      system: "coped",
      settings: {
        hostPort: ports.dev,
        bypass: { hostPort: ports.bypass },
        flushDatabase: true,
        userId: 4321,
        services,
        voila: { idleTimeoutSeconds: 30, cullIntervalSeconds: 2 },
        logs: { maxSize: 3, maxFiles: 2 },
      },
    });
    await dev.up();
  });

  after(() => sandbox.remove());

  const visitor = (port: number) => new Visitor(`http://localhost:${port}`);

  async function superuser(deployment: Deployment, port: number): Promise<Visitor> {
    const shown = assertExit(await deployment.slipway("output", "copedSuperuserPassword", "--show-secrets"), 0);
    const chief = visitor(port);
    assert.ok(await chief.logIn("admin", shown.stdout.trim()), "the superuser cannot log in");
    return chief;
  }

  /** What a container on a network of its own choice says of a port. */
  async function reachable(network: string, address: string, port: number): Promise<string> {
    const { Image: image = "" } = (await dev.containers()).get("voila") ?? {};
    const args = ["run", "--rm", "--name", `${sandbox.prefix}-probe`, "--network", network, image];
    const run = await sandbox.run("docker", [...args, "python", "-c", connectScript, address, String(port)]);
    return assertExit(run, 0).stdout.trim();
  }

  async function addressOf(deployment: Deployment, service: string, network: string): Promise<string> {
    const container = (await deployment.containers()).get(service);
    const address = container?.NetworkSettings.Networks[`${deployment.name}-${network}`]?.IPAddress;
    assert.ok(address, `${service} is not on the network ${network}`);
    return address;
  }

  /** The names of the running containers, by the networks that they are on. */
  async function members(deployment: Deployment): Promise<Record<string, string[]>> {
    const found: Record<string, string[]> = {};
    for (const [name, { NetworkSettings: settings, State: state }] of await deployment.containers()) {
      if (!state.Running) continue;
      for (const network of Object.keys(settings.Networks)) {
        (found[network.slice(deployment.name.length + 1)] ??= []).push(name);
      }
    }
    return Object.fromEntries(Object.entries(found).map(([network, names]) => [network, names.sort()]));
  }

  const publishedPorts = async (deployment: Deployment) =>
    Object.fromEntries(
      [...(await deployment.containers())].flatMap(([name, { NetworkSettings: settings }]) => {
        const bound = Object.values(settings.Ports as Record<string, { HostIp: string; HostPort: string }[] | null>);
        const texts = bound.flatMap((each) => (each ?? []).map(({ HostIp, HostPort }) => `${HostIp}:${HostPort}`));
        return texts.length === 0 ? [] : [[name, texts]];
      }),
    );

  const python = (deployment: Deployment, service: string, script: string, ...args: string[]): Promise<Result> =>
    exec(`${deployment.name}-${service}`, ["python", "-c", script, ...args]);

  const processesOf = async (service: string) =>
    (await sandbox.docker.getContainer(`${dev.name}-${service}`).top()) as { Titles: string[]; Processes: string[][] };

  describe("in development", () => {
    it("has nothing to change when it is previewed again", async () => {
      await dev.expectNoChanges();
      await dev.expectNoDrift();
    });

    it("shows a page from PostgreSQL and finds in Elasticsearch what was typed in, through nginx", async () => {
      const chief = await superuser(dev, ports.dev);
      const added = await chief.post("/admin/catalogue/dataset/add/", {
        title: "Tides of the Humber",
        description: "Heights at Hull",
      });
      assert.equal(added.status, 302, await added.text());
      const reader = visitor(ports.dev);
      assert.match(await reader.page("/"), /1 data set in the database[^]*Tides of the Humber/);
      assert.match(await reader.page("/?q=hull"), /Tides of the Humber/);
      assert.match(await reader.page("/?q=tyne"), /Nothing matches/);
      assert.equal((await reader.get("/")).headers.get("server"), "nginx");
    });

    it("refuses a wrong password", async () => {
      assert.equal(await visitor(ports.dev).logIn("admin", "wrong"), false);
    });

    it("lets the command line set the superuser's password, and create no second one of the name", async () => {
      const command = (verb: string, password: string) =>
        sandbox.run("./slipway", ["superuser", verb, "admin", "--stack", dev.stack], { input: `${password}\n` });
      assertExit(await command("password", "a new passphrase 1"), 0);
      assert.ok(await visitor(ports.dev).logIn("admin", "a new passphrase 1"));
      const again = await command("create", "another passphrase 1");
      assert.notEqual(again.code, 0);
      assert.match(again.stdout + again.stderr, /The user 'admin' exists already/);
    });

    it("is reached past nginx too, at its own port", async () => {
      const page = await visitor(ports.bypass).get("/");
      assert.equal(page.status, 200);
      assert.match(page.headers.get("server") ?? "", /WSGIServer/);
    });

    it("runs the application's own tests, for which its user may make databases", async () => {
      const { stderr } = assertExit(await exec(`${dev.name}-web`, ["python", "manage.py", "test", "--no-input"]), 0);
      assert.match(stderr, /Ran 5 tests[^]*OK/);
    });

    it("asks for the search engine's password", async () => {
      const url = "http://elasticsearch:9200/_cluster/health";
      const status = async (...login: string[]) =>
        assertExit(await python(dev, "web", statusScript, url, ...login), 0).stdout.trim();
      assert.equal(await status(), "401");
      assert.equal(await status("elastic:changeme"), "401");
    });

    it("shows a notebook through nginx, WebSocket included, and ends its kernel when nothing happens", async () => {
      const kernels = async () => {
        const { Processes: processes } = await processesOf("voila");
        return processes.filter((fields) => fields.join(" ").includes("ipykernel")).length;
      };
      assert.equal(await kernels(), 0);
      const page = await visitor(ports.dev).page("/voila/voila/render/sums.ipynb");
      assert.match(page, /<h1 id="Sums">/);
      const [, kernel = ""] = /"kernelId": "([0-9a-f-]+)"/.exec(page) ?? [];
      assert.equal(await kernels(), 1);
      const socket = new WebSocket(`ws://localhost:${ports.dev}/voila/api/kernels/${kernel}/channels`);
      const closed = new Promise((resolve) => {
        socket.addEventListener("close", resolve);
      });
      assert.equal(await kernelReply(socket), "kernel_info_reply");
      await until("the idle kernel is ended", 180, async () => (await kernels()) === 0);
      socket.close();
      await closed;
      const { stdout, stderr } = await sandbox.run("docker", ["logs", `${dev.name}-voila`]);
      assert.match(stdout + stderr, new RegExp(`Culling .*${kernel}`));
    });

    it("keeps its data on a network that nothing else is on, and only nginx and the bypass on an edge", async () => {
      assert.deepEqual(await members(dev), {
        app: ["nginx", "voila", "web"],
        bypass: ["web"],
        data: ["db", "elasticsearch", "web"],
        edge: ["nginx"],
      });
      assert.deepEqual(await publishedPorts(dev), {
        nginx: [`127.0.0.1:${ports.dev}`],
        web: [`127.0.0.1:${ports.bypass}`],
      });
      for (const [service, port] of [
        ["db", 5432],
        ["elasticsearch", 9200],
      ] as const) {
        const address = await addressOf(dev, service, "data");
        assert.equal(await reachable(`${dev.name}-data`, address, port), "open");
        for (const network of ["edge", "bypass", "app"]) {
          assert.equal(
            await reachable(`${dev.name}-${network}`, address, port),
            "closed",
            `${service} from ${network}`,
          );
          assert.equal(
            await reachable(`${dev.name}-${network}`, service, port),
            "closed",
            `${service} from ${network}`,
          );
        }
      }
    });

    it("runs nothing as root, and everything with a health check, limits, a rotated log and nothing to write", async () => {
      const running = [...(await dev.containers())].filter(([, { State: state }]) => state.Running);
      assert.deepEqual(running.map(([name]) => name).sort(), Object.keys(memory).sort());
      for (const [name, { Config: config, HostConfig: host, State: state }] of running) {
        assert.doesNotMatch(config.User, /^(0|root)?(:|$)/, name);
        assert.equal(state.Health?.Status, "healthy", name);
        assert.equal(host.Memory, memory[name as keyof typeof memory] * 1024 ** 2, name);
        assert.deepEqual(host.LogConfig, { Type: "json-file", Config: { "max-size": "3m", "max-file": "2" } }, name);
        assert.equal(host.ReadonlyRootfs, true, name);
        assert.deepEqual(host.CapDrop, ["ALL"], name);
        const { Processes: processes, Titles: titles } = await processesOf(name);
        const user = titles.indexOf("UID");
        for (const fields of processes) assert.notEqual(fields[user], "root", name);
      }
    });

    it("starts anew by itself when the code changes, and is emptied by the deployment of that change", async () => {
      const file = join(sandbox.clone, "templates/django/catalogue/health.py");
      const code = readFileSync(file, "utf8");
      writeFileSync(file, code.replace('"database": "working"', '"database": "working anew"'));
      await until("the changed code answers", 60, async () => {
        const answer = await visitor(ports.dev).get("/health_check/?format=json");
        return (await answer.text()).includes("working anew");
      });
      const before = await dev.containers();
      assert.match(await visitor(ports.dev).page("/"), /1 data set/);

      await dev.up();
      assert.deepEqual(
        (await dev.replacedSince(before)).filter((name) => !name.endsWith("-files")),
        ["flush", "migrate", "superuser", "web"],
      );
      assert.match(await visitor(ports.dev).page("/"), /0 data sets/);
      await superuser(dev, ports.dev);
      await dev.expectNoChanges();
    });

    it("stops cleanly", async () => {
      for (const name of Object.keys(memory)) {
        const container = sandbox.docker.getContainer(`${dev.name}-${name}`);
        await container.stop();
        const { State: state } = await container.inspect();
        assert.deepEqual([name, state.ExitCode], [name, cleanExitCodes[name] ?? 0]);
      }
    });
  });

  describe("as in production", () => {
    before(async () => {
      const web = {
        ...folderImage({ name: "coped-web", folder: join(projectRoot, "templates/django"), target: "" }),
        target: undefined,
      };
      const reference = builtReference(web);
      await buildImage(sandbox.docker, web, reference, () => undefined);
      staging = new Deployment(sandbox, {
        stack: "staging",
        environment: "staging",
        system: "coped",
        name: `${sandbox.prefix}s`,
        settings: {
          hostPort: ports.staging,
          images: {
            web: reference,
            nginx: builtReference(bundledImage("nginx")),
            db: builtReference(bundledImage("postgresql")),
          },
          elasticsearch: { container: false },
          voila: { container: false },
        },
      });
      await staging.up();
    });

    const tables = async () => {
      const sql = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
      const command = ["psql", "--username=coped", "--dbname=coped", "--tuples-only", "--no-align", `--command=${sql}`];
      return Number(assertExit(await exec(`${staging.name}-db`, command), 0).stdout);
    };

    it("does not migrate by itself, and says so", async () => {
      assert.equal(await tables(), 0);
      const health = JSON.parse(await visitor(ports.staging).page("/health_check/?format=json")) as Record<
        string,
        string
      >;
      assert.match(health["migrations"] ?? "", /^\d+ to be applied/);
    });

    it("migrates and makes the superuser by the tasks that are run by hand, as often as they are run", async () => {
      for (let times = 0; times < 2; times++) {
        assertExit(await staging.slipway("task", "run", "migrate"), 0);
        assertExit(await staging.slipway("task", "run", "superuser"), 0);
      }
      assert.ok((await tables()) > 0);
      await superuser(staging, ports.staging);
      assert.match(await visitor(ports.staging).page("/"), /0 data sets[^]*Add one/);
      await staging.expectNoChanges();
      await staging.expectNoDrift();
    });

    it("serves static files by nginx, which the application itself does not", async () => {
      const path = "/static/catalogue/style.css";
      const style = await visitor(ports.staging).get(path);
      assert.equal(style.headers.get("content-type"), "text/css");
      const source = join(projectRoot, "templates/django/catalogue/static/catalogue/style.css");
      assert.equal(await style.text(), readFileSync(source, "utf8"));
      const direct = await python(staging, "web", statusScript, `http://127.0.0.1:8000${path}`);
      assert.equal(assertExit(direct, 0).stdout.trim(), "404");
    });

    it("is reached through nginx alone, and its database through the application alone", async () => {
      assert.deepEqual(await members(staging), { app: ["nginx", "web"], data: ["db", "web"], edge: ["nginx"] });
      assert.deepEqual(await publishedPorts(staging), { nginx: [`127.0.0.1:${ports.staging}`] });
      const web = await addressOf(staging, "web", "app");
      assert.equal(await reachable(`${staging.name}-app`, web, 8000), "open");
      assert.equal(await reachable(`${staging.name}-edge`, web, 8000), "closed");
      assert.equal(await reachable(`${staging.name}-edge`, "web", 8000), "closed");
      const db = await addressOf(staging, "db", "data");
      assert.equal(await reachable(`${staging.name}-data`, db, 5432), "open");
      for (const network of ["app", "edge"]) {
        assert.equal(await reachable(`${staging.name}-${network}`, db, 5432), "closed");
      }
    });

    it("runs from images and volumes alone, without debugging", async () => {
      for (const [name, { Mounts: mounts }] of await staging.containers()) {
        for (const { Type: type } of mounts) assert.notEqual(type, "bind", name);
      }
      const lost = await visitor(ports.staging).get("/nowhere");
      assert.equal(lost.status, 404);
      assert.doesNotMatch(await lost.text(), /DEBUG/);
    });

    it("has no compiler, pip or tests in its image", async () => {
      const script = `
import importlib.util, pathlib, shutil
print([tool for tool in ("cc", "gcc", "g++", "make", "pip", "pip3") if shutil.which(tool)])
print([module for module in ("pip", "setuptools", "coverage", "pytest") if importlib.util.find_spec(module)])
print(pathlib.Path("/app/tests").exists())
`;
      assert.equal(assertExit(await python(staging, "web", script), 0).stdout, "[]\n[]\nFalse\n");
    });

    it("is backed up by schedule, and the drill restores it", async () => {
      const drill = await proveSchedule(sandbox, staging.stack);
      assert.match(drill, /the database db: \d+ rows in \d+ tables; a dump of it is equal by checksum/);
    });
  });
});

/** Asks a kernel what it is, and returns the type of its answer. */
function kernelReply(socket: WebSocket): Promise<string> {
  const header = {
    msg_id: randomUUID(),
    session: randomUUID(),
    username: "test",
    date: new Date().toISOString(),
    msg_type: "kernel_info_request",
    version: "5.3",
  };
  return new Promise((resolve, reject) => {
    socket.addEventListener("error", () => {
      reject(new Error(`The WebSocket ${socket.url} was refused.`));
    });
    socket.addEventListener("open", () => {
      socket.send(
        JSON.stringify({ header, parent_header: {}, metadata: {}, content: {}, channel: "shell", buffers: [] }),
      );
    });
    socket.addEventListener("message", ({ data }) => {
      const { channel, msg_type: type } = JSON.parse(String(data)) as { channel: string; msg_type: string };
      if (channel === "shell") resolve(type);
    });
  });
}
