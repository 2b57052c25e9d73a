import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { ignoring } from "../../cli/docker/docker.ts";
import { buildImage, builtReference, bundledImage } from "../../components/build.ts";
import versions from "../../images/versions.json" with { type: "json" };
import { exec, untilHealthy } from "./support/docker.ts";
import { freePorts } from "./support/ports.ts";
import { assertExit, type Result } from "./support/processes.ts";
import { Sandbox } from "./support/sandbox.ts";
import { Terminal } from "./support/terminal.ts";
import { until } from "./support/until.ts";

const password = `si:dd@ta 'x"\\ $y`;
const rows = ["a student's row", "ærlig talt"];

/** What the official image does at its first start, with its locale. Then the server. */
const start = `
set -e
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  printf %s "$POSTGRES_PASSWORD" >/tmp/password
  initdb --username="$POSTGRES_USER" --pwfile=/tmp/password --encoding=UTF8 --locale=en_US.utf8 \\
    --auth-local=trust --auth-host=scram-sha-256
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
fi
exec postgres`;

/** An installation as Siddata's Docker Compose files make one: its data are in a folder of an anonymous volume. */
class OldSiddata {
  readonly sandbox: Sandbox;
  readonly database: string;
  readonly backend: string;

  constructor(sandbox: Sandbox) {
    this.sandbox = sandbox;
    this.database = `${sandbox.prefix}_server_db_1`;
    this.backend = `${sandbox.prefix}_server_backend_1`;
  }

  /** Its Compose file would be in a folder below. */
  get settingsFile(): string {
    return join(this.sandbox.folder, "settings_prod.env");
  }

  async docker(...args: string[]): Promise<Result> {
    return assertExit(await this.sandbox.run("docker", args), 0);
  }

  async start(): Promise<void> {
    mkdirSync(join(this.sandbox.folder, "docker"));
    writeFileSync(
      this.settingsFile,
      "# who may ask\nALLOWED_HOSTS=localhost,127.0.0.1 # no others\nCOMPOSE_UID=1000\nSECRET_KEY='p%dq#b$()=6'\n",
    );
    const context = bundledImage("postgresql");
    const image = builtReference(context);
    await buildImage(this.sandbox.docker, context, image, () => undefined);
    const run = (service: string, name: string, ...args: string[]) =>
      this.docker(
        ...["run", "--detach", "--init", "--name", name, "--restart", "always"],
        ...["--label", `com.docker.compose.project=${this.sandbox.prefix}`],
        ...["--label", `com.docker.compose.project.working_dir=${join(this.sandbox.folder, "docker")}`],
        ...["--label", `com.docker.compose.service=${service}`],
        ...args,
      );
    await run(
      ...(["sidb", this.database, "--volume", `${this.sandbox.prefix}_db:/var/lib/postgresql`] as const),
      ...["--env", "POSTGRES_DB=siddata", "--env", "POSTGRES_USER=siddata", "--env", `POSTGRES_PASSWORD=${password}`],
      ...["--env", "PGDATA=/var/lib/postgresql/data/pgdata", "--entrypoint", "sh", image, "-c", start],
    );
    await run("backend", this.backend, "--entrypoint", "sleep", image, "infinity");
    await until("the old database takes statements", 120, async () => {
      const { code } = await this.sql(this.database, "SELECT 1", "postgres");
      return code === 0;
    });
    assertExit(await this.sql(this.database, "CREATE DATABASE siddata", "postgres"), 0);
    const values = rows.map((row) => `('${row.replaceAll("'", "''")}')`).join(", ");
    const table = "CREATE TABLE moved (name text PRIMARY KEY)";
    assertExit(await this.sql(this.database, `${table}; INSERT INTO moved VALUES ${values}`), 0);
  }

  sql(container: string, statements: string, database = "siddata"): Promise<Result> {
    return exec(container, ["psql", "--username=siddata", `--dbname=${database}`, "-At", `--command=${statements}`]);
  }

  async rows(container: string): Promise<string[]> {
    const { stdout } = assertExit(await this.sql(container, 'SELECT name FROM moved ORDER BY name COLLATE "C"'), 0);
    return stdout.trim().split("\n");
  }

  /** The anonymous volume, by which the container has the data. */
  async volume(): Promise<string> {
    const { Mounts: mounts } = await this.sandbox.docker.getContainer(this.database).inspect();
    return mounts.find(({ Destination: folder }) => folder === "/var/lib/postgresql/data")?.Name ?? "";
  }

  async states(): Promise<string[]> {
    const format = "{{if .State.Running}}running{{else}}stopped{{end}}, {{.HostConfig.RestartPolicy.Name}}";
    return (await this.docker("inspect", "--format", format, this.database, this.backend)).stdout.trim().split("\n");
  }
}

describe("An installation of Siddata by Docker Compose", function () {
  this.timeout(15 * 60_000);
  this.slow(2 * 60_000);

  let sandbox: Sandbox;
  let old: OldSiddata;
  let volume = "";

  const importIt = (...args: string[]) =>
    sandbox.slipway(["import", old.settingsFile, "--stack", sandbox.prefix, ...args]);
  const siddata = () =>
    (parse(readFileSync(sandbox.stackFile(sandbox.prefix), "utf8")) as { config: Record<string, object> }).config[
      "slipway:siddata"
    ];

  before(async () => {
    sandbox = new Sandbox();
    old = new OldSiddata(sandbox);
    // It makes the base image. Its exit code speaks of ports and deployments of the machine.
    await sandbox.slipway(["doctor", "--fix"]);
    await old.start();
    volume = await old.volume();
    assert.match(volume, /^[0-9a-f]{64}$/);
  });

  after(async () => {
    await sandbox.remove();
    // Without a name of its own.
    if (volume !== "") await sandbox.docker.getVolume(volume).remove().catch(ignoring(404));
  });

  it("is described by --dry-run, with its anonymous volume, and nothing changes", async () => {
    const { stdout } = assertExit(await importIt("--dry-run"), 0);
    assert.match(stdout, /ALLOWED_HOSTS → siddata\.backend\.allowedHosts/);
    assert.match(stdout, /POSTGRES_PASSWORD of the container \S+_server_db_1 → siddataDatabasePassword/);
    assert.match(stdout, /Environment: dev\..*--environment staging or prod/);
    assert.match(
      stdout,
      new RegExp(
        `volume ${volume} holds data of PostgreSQL ${versions.postgresql}, in its folder pgdata → siddata\\.db\\.volume`,
      ),
    );
    assert.match(stdout, /has no name but its number/);
    assert.ok(!stdout.includes("dd@ta") && !stdout.includes("p%dq"), "shows a secret");
    assert.deepEqual(await old.states(), ["running, always", "running, always"]);
    assert.ok(!existsSync(sandbox.stackFile(sandbox.prefix)));
  });

  it("becomes a stack's file, and is taken over with its rows and its password", async () => {
    assertExit(await importIt(), 0);
    assert.deepEqual(siddata(), {
      userId: 1000,
      backend: { allowedHosts: ["localhost", "127.0.0.1"] },
      db: { volume, volumeFolder: "pgdata" },
    });
    const [backendPort, databasePort] = await freePorts(2);
    sandbox.editStackFile(sandbox.prefix, {
      "slipway:siddata": {
        ...siddata(),
        name: sandbox.prefix,
        backend: { allowedHosts: ["localhost", "127.0.0.1"], hostPort: backendPort },
        db: { volume, volumeFolder: "pgdata", hostPort: databasePort },
        adminer: { container: false },
        tfServing: { container: false },
      },
    });
    const { stdout } = assertExit(await importIt("--stop", "--yes"), 0);
    assert.match(stdout, new RegExp(`The Siddata application is running at http://localhost:${backendPort}`));
    assert.deepEqual(await old.states(), ["stopped, no", "stopped, no"]);

    const database = `${sandbox.prefix}-db`;
    await untilHealthy(sandbox.docker, database, 120);
    assert.deepEqual(await old.rows(database), rows);
    const query = ["psql", `--host=${database}`, "--username=siddata", "--no-password", "--command=SELECT 1"];
    const environment = ["--env", "PGPASSWORD", "--env", "PGPASSFILE=/dev/null"];
    const login = await sandbox.run("docker", ["exec", ...environment, database, ...query], {
      env: { PGPASSWORD: password },
    });
    assertExit(login, 0);
    const page = await fetch(`http://127.0.0.1:${backendPort}/health_check/?format=json`);
    assert.deepEqual(await page.json(), { database: "working", migrations: "applied" });
    assertExit(await sandbox.slipway(["preview", "--stack", sandbox.prefix, "--expect-no-changes"]), 0);
  });

  it("has its database saved and loaded by dbshell in pipes, as its documentation does", async () => {
    const database = `${sandbox.prefix}-db`;
    const dbshell = `./slipway dbshell --stack ${sandbox.prefix}`;
    const terminal = new Terminal(sandbox, `${dbshell} > backup.sql`);
    assert.equal(await terminal.ended(), 0, terminal.everything());
    assertExit(await old.sql(database, "DELETE FROM moved; DROP TABLE catalogue_dataset"), 0);
    assertExit(await sandbox.run("sh", ["-c", `${dbshell} < backup.sql`]), 0);
    assert.deepEqual(await old.rows(database), rows);
    assertExit(await old.sql(database, "SELECT count(*) FROM catalogue_dataset"), 0);
  });

  it("keeps its volume when the stack goes with its data", async () => {
    const down = ["down", "--delete-data", sandbox.prefix, "--confirm", sandbox.prefix, "--yes"];
    assertExit(await sandbox.slipway([...down, "--stack", sandbox.prefix]), 0);
    assert.equal((await sandbox.docker.getVolume(volume).inspect()).Name, volume);
  });
});

describe("Data of another version of PostgreSQL", function () {
  this.timeout(6 * 60_000);

  let sandbox: Sandbox;

  before(() => {
    sandbox = new Sandbox();
  });

  after(async () => {
    await sandbox.remove();
  });

  it("are found and refused, with what to type, and nothing is written", async () => {
    const volume = `${sandbox.prefix}_postgresql_volume`;
    const docker = async (...args: string[]) => assertExit(await sandbox.run("docker", args), 0);
    await docker("volume", "create", volume);
    const script = "cd /data && mkdir base global && echo 13 > PG_VERSION && chown -R 999:999 .";
    const base = ["run", "--rm", "--network", "none", "--volume", `${volume}:/data`, "slipway/base:bookworm"];
    await docker(...base, "sh", "-c", script);
    const settings = join(sandbox.folder, ".env");
    writeFileSync(
      settings,
      [
        "ENVIRONMENT=DEVELOPMENT  # [DEVELOPMENT|PRODUCTION]",
        "ELASTICSEARCH_PASSWORD=password  # of the user above",
        "POSTGRES_USER=coped",
        "POSTGRES_PASSWORD=p@ss",
        "POSTGRES_DB=coped_development",
        `COMPOSE_PROJECT_NAME=${sandbox.prefix}`,
      ].join("\n"),
    );
    const { stdout, stderr } = assertExit(
      await sandbox.slipway(["import", settings, "--stack", "energy", "--stop", "--yes"]),
      3,
    );
    assert.match(
      stderr,
      new RegExp(`holds data of PostgreSQL 13, which PostgreSQL ${versions.postgresql} cannot open`),
    );
    assert.match(stderr, /pg_dump --username='coped' .*'coped_development' > dump\.sql/);
    assert.match(stderr, /slipway dbshell --stack energy < dump\.sql/);
    assert.ok(!stdout.includes("p@ss"), "shows a password");
    assert.ok(!existsSync(sandbox.stackFile("energy")));
  });

  it.skip("of a real PostgreSQL 13: its image cannot be had where only package registries are in reach", () =>
    undefined);
});
