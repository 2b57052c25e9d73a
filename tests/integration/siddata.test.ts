import assert from "node:assert/strict";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type Docker from "dockerode";
import { buildImage, bundledImage, contextHash, type BuildContext } from "../../components/build.ts";
import { projectRoot } from "../../toolchain/root.js";
import { proveSchedule } from "./support/backup-schedule.ts";
import { Deployment } from "./support/deployment.ts";
import { exec } from "./support/docker.ts";
import { assertHardened } from "./support/hardening.ts";
import { freePorts } from "./support/ports.ts";
import { DjangoLoad } from "./django-load.ts";
import { assertExit, type Result } from "./support/processes.ts";
import { Sandbox } from "./support/sandbox.ts";

/** The names of the containers in Siddata's own documentation, with the services'. */
const documented = {
  adminer: "docker_pgres_adminer_1",
  backend: "siddata_server_backend_1",
  db: "siddata_server_db_1",
};

const loopback = "127.0.0.1";
const firstPassword = `p:ss\\w'rd" é`;

/** What one of a stack's containers is like that runs, by the service's name. */
async function runningServices(docker: Docker, stack: string): Promise<Map<string, Docker.ContainerInspectInfo>> {
  const listed = await docker.listContainers({ filters: { label: [`slipway.stack=${stack}`, "slipway.service"] } });
  const inspected = await Promise.all(listed.map(({ Id: id }) => docker.getContainer(id).inspect()));
  return new Map(inspected.map((info) => [info.Config.Labels["slipway.service"] ?? "", info]));
}

function publishedPorts(info: Docker.ContainerInspectInfo): string[] {
  const bindings = info.HostConfig.PortBindings as Record<string, { HostIp: string; HostPort: string }[]> | null;
  return Object.values(bindings ?? {}).flatMap((ports) =>
    ports.map(({ HostIp: ip, HostPort: port }) => `${ip}:${port}`),
  );
}

/** Logs in to Adminer as a browser does. */
async function adminerPage(url: string, password: string): Promise<string> {
  const form = new URL(url);
  const login = {
    "auth[driver]": "pgsql",
    "auth[server]": form.searchParams.get("pgsql") ?? "",
    "auth[username]": form.searchParams.get("username") ?? "",
    "auth[db]": form.searchParams.get("db") ?? "",
    "auth[password]": password,
  };
  const first = await fetch(form, { redirect: "manual" });
  const cookies = new Map<string, string>();
  const keep = (response: Response) => {
    for (const header of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(header) ?? [];
      cookies.set(name, value);
    }
  };
  const headers = () => ({ cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; ") });
  keep(first);
  const answer = await fetch(form, {
    method: "POST",
    body: new URLSearchParams(login),
    headers: headers(),
    redirect: "manual",
  });
  keep(answer);
  const next = new URL(answer.headers.get("location") ?? "", form);
  const page = await fetch(next, { headers: headers() });
  return page.text();
}

describe("Siddata", function () {
  this.timeout(10 * 60_000);
  this.slow(3 * 60_000);

  let sandbox: Sandbox;

  before(() => {
    sandbox = new Sandbox();
  });

  after(async () => {
    // Documented names do not begin with the sandbox's prefix, and may be those of a stack that was there before.
    const { docker, prefix } = sandbox;
    const ours = await docker.listContainers({ all: true, filters: { label: [`slipway.stack=${prefix}-dev`] } });
    await Promise.all(ours.map(({ Id: id }) => docker.getContainer(id).remove({ force: true, v: true })));
    const volumes = new Set(ours.flatMap(({ Mounts: mounts }) => mounts.map(({ Name: name }) => name ?? "")));
    const documentedVolumes = [...volumes].filter((name) => name.startsWith(documented.db));
    await Promise.all(documentedVolumes.map((name) => docker.getVolume(name).remove()));
    await sandbox.remove();
  });

  describe("in dev, with the documented names", () => {
    let siddata: Deployment;
    let ports: { backend: number; db: number; adminer: number };

    const services = () => runningServices(sandbox.docker, siddata.stack);
    const page = async (path: string) => {
      const response = await fetch(`http://${loopback}:${ports.backend}${path}`);
      return { status: response.status, body: await response.text() };
    };
    const output = async (name: string) =>
      assertExit(await siddata.slipway("output", name, "--show-secrets"), 0).stdout.trimEnd();
    const psql = (input: string): Promise<Result> =>
      sandbox.run("docker", ["exec", "-i", documented.db, "psql", "-U", "siddata"], { input });
    /** Over TCP, where a password is asked for. */
    const logsIn = async (password: string) => {
      const query = ["psql", "--host=db", "--username=siddata", "--no-password", "--command=SELECT 1"];
      const { code } = await sandbox.run(
        "docker",
        ["exec", "--env", "PGPASSWORD", "--env", "PGPASSFILE=/dev/null", documented.db, ...query],
        { env: { PGPASSWORD: password } },
      );
      return code === 0;
    };

    before(async () => {
      const [backend = 0, db = 0, adminer = 0] = await freePorts(3);
      ports = { backend, db, adminer };
      siddata = new Deployment(sandbox, {
        stack: `${sandbox.prefix}-dev`,
        system: "siddata",
        settings: {
          documentedNames: true,
          backend: { hostPort: backend },
          db: { hostPort: db },
          adminer: { hostPort: adminer },
          tfServing: { container: false },
        },
      });
      await siddata.setSecret("siddataDatabasePassword", firstPassword);
      await siddata.up();
    });

    it("runs the documented containers, published on the loopback address alone", async () => {
      const running = await services();
      assert.deepEqual(
        Object.fromEntries([...running].map(([service, { Name: name }]) => [service, name.slice(1)]).sort()),
        documented,
      );
      assert.deepEqual(
        Object.fromEntries([...running].map(([service, info]) => [service, publishedPorts(info)]).sort()),
        {
          adminer: [`${loopback}:${ports.adminer}`],
          backend: [`${loopback}:${ports.backend}`],
          db: [`${loopback}:${ports.db}`],
        },
      );
      for (const [service, info] of running) assertHardened(service, info);
      await siddata.expectNoChanges();
      await siddata.expectNoDrift();
    });

    it("answers with a page that reads the database, which the deployment has migrated", async () => {
      assert.match((await page("/")).body, /0 data sets in the database\./);
      assert.deepEqual(JSON.parse((await page("/health_check/?format=json")).body), {
        database: "working",
        migrations: "applied",
      });
    });

    it("opens a shell in the backend as documented", async () => {
      const shown = await exec(documented.backend, ["bash", "-c", "python manage.py showmigrations --plan"]);
      assert.match(assertExit(shown, 0).stdout, /\[X\] +catalogue\.0001_initial/);
    });

    it("loads a backup into the database as documented", async () => {
      assertExit(await psql("INSERT INTO catalogue_dataset (title, description) VALUES ('Tides', '')"), 0);
      assert.match((await page("/")).body, /1 data set in the database\./);
      const backup = assertExit(await siddata.slipway("dbshell", "--dump"), 0).stdout;
      assertExit(await psql("DELETE FROM catalogue_dataset"), 0);
      assert.match((await page("/")).body, /0 data sets in the database\./);

      const loaded = assertExit(await psql(backup), 0);
      assert.doesNotMatch(loaded.stderr, /ERROR/);
      assert.match((await page("/")).body, /1 data set in the database\.[^]*Tides/);
    });

    it("lets Adminer log in to the database, by its password only", async () => {
      const url = await output("siddataAdminerUrl");
      assert.equal(new URL(url).port, String(ports.adminer));
      assert.match(await adminerPage(url, firstPassword), /catalogue_dataset/);
      assert.doesNotMatch(await adminerPage(url, `${firstPassword}x`), /catalogue_dataset/);
    });

    it("serves a model by TF Serving, whose image only an image registry has");

    it("carries a changed database password out, and keeps the data", async () => {
      assert.deepEqual([await logsIn(firstPassword), await logsIn("second")], [true, false]);
      const before = await services();
      const log = sandbox.start("docker", ["logs", "--follow", documented.db]);
      await siddata.setSecret("siddataDatabasePassword", "second");
      await siddata.up();
      const after = await services();
      assert.deepEqual(
        [...after].flatMap(([service, { Id: id }]) => (before.get(service)?.Id === id ? [] : [service])).sort(),
        ["backend", "db"],
      );
      assert.deepEqual([await logsIn(firstPassword), await logsIn("second")], [false, true]);
      assert.match((await page("/")).body, /Tides/);
      // The former server was asked to end, and did.
      const { stdout, stderr } = await log.ended;
      assert.match(stdout + stderr, /database system is shut down\n$/);
      await siddata.expectNoChanges();
    });

    it("ends every service cleanly", async () => {
      for (const [service, { Id: id }] of await services()) {
        const container = sandbox.docker.getContainer(id);
        await container.stop();
        const { State: state } = await container.inspect();
        assert.equal(state.ExitCode, 0, service);
      }
    });
  });

  describe("in staging, as in production", () => {
    let siddata: Deployment;
    let port: number;

    const get = (path: string) => fetch(`http://${loopback}:${port}${path}`);

    before(async () => {
      [port = 0] = await freePorts(1);
      const reference = async (context: BuildContext) => {
        const tag = `${context.name}:${context.version}-${contextHash(context)}`;
        await buildImage(sandbox.docker, context, tag, () => undefined);
        return tag;
      };
      const folder = join(projectRoot, "templates/django");
      siddata = new Deployment(sandbox, {
        stack: `${sandbox.prefix}-staging`,
        name: `${sandbox.prefix}staging`,
        environment: "staging",
        system: "siddata",
        settings: {
          tfServing: { container: false },
          proxy: { hostAddress: loopback, hostPort: port },
          images: {
            backend: await reference({ name: "slipway/siddata-backend", folder, version: "local" }),
            db: await reference(bundledImage("postgresql")),
            proxy: await reference(bundledImage("nginx")),
          },
        },
      });
      await siddata.up();
    });

    it("publishes nginx and nothing else, and has the database on no edge", async () => {
      const running = await runningServices(sandbox.docker, siddata.stack);
      assert.deepEqual(Object.fromEntries([...running].map(([name, info]) => [name, publishedPorts(info)]).sort()), {
        backend: [],
        db: [],
        proxy: [`${loopback}:${port}`],
      });
      assert.deepEqual(Object.keys(running.get("db")?.NetworkSettings.Networks ?? {}), [`${siddata.name}-database`]);
      for (const [service, info] of running) assertHardened(service, info);
    });

    it("serves static files from nginx itself", async () => {
      const style = await get("/static/catalogue/style.css");
      assert.deepEqual([style.status, style.headers.get("content-type")], [200, "text/css"]);
    });

    it("does not migrate by itself, but by a task that is run by hand", async () => {
      const health = async () => (await (await get("/health_check/?format=json")).json()) as { migrations: string };
      assert.match((await health()).migrations, /to be applied/);
      const early = await siddata.slipway("task", "run", "superuser");
      assert.notEqual(early.code, 0, "a task that fails passes its exit code on");

      const migrated = assertExit(await siddata.slipway("task", "run", "migrate"), 0);
      assert.match(migrated.stdout, /Applying catalogue\.0001_initial\.\.\. OK/);
      assert.equal((await health()).migrations, "applied");
      assert.match(await (await get("/")).text(), /0 data sets in the database\./);

      const created = assertExit(await siddata.slipway("task", "run", "superuser"), 0);
      assert.match(created.stdout, /Created the superuser 'admin'\./);
      const again = assertExit(await siddata.slipway("task", "run", "superuser"), 0);
      assert.match(again.stdout, /exists already/);

      assert.deepEqual(
        [...(await siddata.containers()).keys()].filter((name) => name.includes("-run-")),
        [],
      );
      await siddata.expectNoChanges();
    });

    it("loses no request, and sends no form twice, while the backend is replaced without downtime", async () => {
      const backend = (memory: number) => ({ backend: { withoutDowntime: true }, services: { backend: { memory } } });
      siddata.set(backend(512));
      await siddata.up();
      const shown = await siddata.slipway("output", "siddataSuperuserPassword", "--show-secrets");
      const superuser = { username: "admin", password: assertExit(shown, 0).stdout.trimEnd() };
      const before = await siddata.containers();
      siddata.set(backend(513));
      const load = await DjangoLoad.start({ site: { port, serverName: "localhost" }, superuser });
      await siddata.up().catch(async (error: unknown) => {
        await load.stop();
        throw error;
      });
      await sleep(2_000);
      const { requests, failures, added } = await load.stop();
      assert.deepEqual(failures, []);
      assert.ok(requests > 100);
      const sql = "SELECT title FROM catalogue_dataset ORDER BY title";
      const query = ["psql", "--username=siddata", "--dbname=siddata", "-At", `--command=${sql}`];
      const titles = assertExit(await exec(`${siddata.name}-db`, query), 0)
        .stdout.trim()
        .split("\n");
      assert.deepEqual(titles, added.sort());
      const replaced = await siddata.replacedSince(before);
      assert.match(replaced.find((name) => name.startsWith("backend")) ?? "", /^backend-[0-9a-f]{8}$/);
      assert.ok(!replaced.includes("proxy"));
      await siddata.expectNoChanges();
      await siddata.expectNoDrift();
    });

    it("is backed up by schedule, and the drill restores it", async () => {
      const drill = await proveSchedule(sandbox, siddata.stack);
      assert.match(drill, /the database db: \d+ rows in \d+ tables; a dump of it is equal by checksum/);
    });
  });
});
