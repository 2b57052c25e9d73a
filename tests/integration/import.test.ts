import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { buildImage, builtReference, bundledImage } from "../../components/build.ts";
import versions from "../../images/versions.json" with { type: "json" };
import { issue } from "../certificates.ts";
import { Browser } from "./camcops-browser.ts";
import { containersOf, exec, untilHealthy } from "./support/docker.ts";
import { freePorts } from "./support/ports.ts";
import { endProcessesOf } from "./support/process-table.ts";
import { assertExit, type Result } from "./support/processes.ts";
import { Sandbox } from "./support/sandbox.ts";
import { until } from "./support/until.ts";

const userPassword = `p@ss/w:rd%'"$\\ é`;
const sessionSecret = "c2Vzc2lvbnMgb2YgdGhlIG9sZCBpbnN0YWxsYXRpb24=";
const serverName = "camcops.test";
const day = 24 * 60 * 60 * 1000;

/** Calls of RabbitMQ 3.10's own modules, as there is no client for AMQP in its image. */
const queueing = [
  '{new, _} = rabbit_amqqueue:declare(rabbit_misc:r(<<"/">>, queue, <<"celery">>), true, false, [], none, <<"test">>)',
  'Send = fun(Text) -> rabbit_basic:publish(rabbit_misc:r(<<"/">>, exchange, <<>>), <<"celery">>, [], Text) end',
  '[Send(Text) || Text <- [<<"one">>, <<"two">>]]',
].join(", ");

/** An installation as CamCOPS's Docker Compose files make one, by the same names and labels, but of MariaDB. */
class OldInstallation {
  readonly sandbox: Sandbox;
  readonly ports: { https: number; mysql: number; flower: number };
  readonly certificate = issue(serverName, new Date(Date.now() - day), new Date(Date.now() + 100 * day));

  constructor(sandbox: Sandbox, [https = 0, mysql = 0, flower = 0]: number[]) {
    this.sandbox = sandbox;
    this.ports = { https, mysql, flower };
  }

  get project(): string {
    return this.sandbox.prefix;
  }

  get folder(): string {
    return join(this.sandbox.folder, "camcops_config");
  }

  get settingsFile(): string {
    return join(this.folder, "set_camcops_docker_host_envvars");
  }

  async docker(...args: string[]): Promise<Result> {
    return assertExit(await this.sandbox.run("docker", args), 0);
  }

  writeFiles(): void {
    mkdirSync(this.folder);
    chmodSync(this.folder, 0o755);
    writeFileSync(join(this.folder, "camcops.crt"), this.certificate.certificate, { mode: 0o644 });
    writeFileSync(join(this.folder, "camcops.key"), this.certificate.privateKey, { mode: 0o644 });
    const variables = {
      CAMCOPS_DOCKER_CAMCOPS_HOST_PORT: this.ports.https,
      CAMCOPS_DOCKER_CONFIG_HOST_DIR: this.folder,
      CAMCOPS_DOCKER_FLOWER_HOST_PORT: this.ports.flower,
      CAMCOPS_DOCKER_INSTALL_USER_ID: 1000,
      CAMCOPS_DOCKER_MYSQL_HOST_PORT: this.ports.mysql,
      CAMCOPS_INSTALLER_CREATE_MYSQL_CONTAINER: 1,
      CAMCOPS_INSTALLER_CREATE_SELF_SIGNED_CERTIFICATE: 1,
      // Refused by CamCOPS, so that the first take-over fails half-way.
      CAMCOPS_INSTALLER_SUPERUSER_PASSWORD: "short",
      CAMCOPS_INSTALLER_SUPERUSER_USERNAME: "chief",
      CAMCOPS_INSTALLER_USE_HTTPS: 1,
      COMPOSE_PROJECT_NAME: this.project,
    };
    const lines = Object.entries(variables).map(([name, value]) => `export ${name}="${value}"\n`);
    writeFileSync(this.settingsFile, lines.join(""));
    writeFileSync(
      join(this.folder, "camcops.conf"),
      [
        "[site]",
        `DB_URL = mysql+mysqldb://camcops:${encodeURIComponent(userPassword).replaceAll("%", "%%")}@mysql:3306/camcops`,
        `SESSION_COOKIE_SECRET = ${sessionSecret}`,
        "LOCAL_INSTITUTION_URL = https://www.example.org/edited-by-hand",
        "[server]",
        "HOST = 0.0.0.0",
        "PORT = 8000",
        "SSL_CERTIFICATE = /camcops/cfg/camcops.crt",
        "SSL_PRIVATE_KEY = /camcops/cfg/camcops.key",
        "[export]",
        "CELERY_BROKER_URL = amqp://rabbitmq:5672/",
        "",
      ].join("\n"),
    );
  }

  /** Makes the containers and volumes, and in the database CamCOPS's tables and a row. */
  async start(): Promise<void> {
    const image = await this.#image("mariadb");
    const passwordFile = join(this.sandbox.folder, "old-root-password");
    writeFileSync(passwordFile, "old root", { mode: 0o644 });
    const run = (service: string, name: string, ...args: string[]) =>
      this.docker(
        ...["run", "--detach", "--init", "--name", `${this.project}_${name}`, "--restart", "always"],
        ...["--label", `com.docker.compose.project=${this.project}`],
        ...["--label", `com.docker.compose.service=${service}`],
        ...args,
      );
    await run(
      ...(["mysql", "db", "--volume", `${this.project}_db_data_volume:/var/lib/mysql`] as const),
      ...["--volume", `${passwordFile}:/run/root-password:ro`],
      ...["--env", "MARIADB_ROOT_PASSWORD_FILE=/run/root-password"],
      ...["--publish", `${this.ports.mysql}:3306`, image],
    );
    const broker = ["--volume", `${this.project}_rabbitmq_volume:/var/lib/rabbitmq`, await this.#image("rabbitmq")];
    await run("rabbitmq", "rabbitmq", ...broker);
    const sleeping = ["--entrypoint", "sleep", image, "infinity"];
    await run("camcops_server", "camcops_server", "--publish", `${this.ports.https}:8000`, ...sleeping);
    await run(
      ...(["flower", "flower", "--restart", "on-failure:4", "--publish", `${this.ports.flower}:5555`] as const),
      ...sleeping,
    );
    await run("camcops_scheduler", "camcops_scheduler", "--restart", "unless-stopped", ...sleeping);
    await this.docker("stop", `${this.project}_camcops_scheduler`);

    const sql = [
      "CREATE DATABASE camcops CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci",
      `CREATE USER camcops@'%' IDENTIFIED BY '${userPassword.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`,
      "GRANT ALL ON camcops.* TO camcops@'%'",
      "CREATE TABLE camcops.moved (name VARCHAR(99))",
      "INSERT INTO camcops.moved VALUES ('a patient''s row')",
    ].join("; ");
    await until("the old database takes statements", 60, async () => {
      const { code } = await this.asRoot("SELECT 1");
      return code === 0;
    });
    assertExit(await this.asRoot(sql), 0);
    await until("the old broker runs", 120, async () => (await this.rabbitmqctl("await_startup")).code === 0);
    assertExit(await this.rabbitmqctl("eval", `${queueing}.`), 0);
    const cat = ["run", "--rm", "--network", "none", "--entrypoint", "cat", await this.#image("camcops")];
    const { stdout: schema } = await this.docker(...cat, "/camcops/schema.sql");
    const load = ["mariadb", "--user=root", "--password=old root", "camcops"];
    const args = ["exec", "--interactive", `${this.project}_db`, ...load];
    assertExit(
      await this.sandbox.run("docker", args, { input: `SET NAMES utf8mb4; SET FOREIGN_KEY_CHECKS = 0;\n${schema}` }),
      0,
    );
  }

  /** One of the stack's own images, built unless it is there. */
  async #image(name: "camcops" | "mariadb" | "rabbitmq"): Promise<string> {
    const context = bundledImage(name);
    const reference = builtReference(context);
    await buildImage(this.sandbox.docker, context, reference, () => undefined);
    return reference;
  }

  rabbitmqctl(...args: string[]): Promise<Result> {
    return exec(`${this.project}_rabbitmq`, ["rabbitmqctl", "--quiet", ...args]);
  }

  asRoot(sql: string): Promise<Result> {
    return exec(`${this.project}_db`, ["mariadb", "--user=root", "--password=old root", `--execute=${sql}`]);
  }

  /** The rows as CamCOPS's user sees them over the network, in the old server or in the new one. */
  async rows(container: string): Promise<string> {
    const file = "[client]\nuser = camcops\npassword = " + JSON.stringify(userPassword) + "\n";
    const script = `umask 077; printf '%s' "$1" > /tmp/c.cnf; mariadb --defaults-extra-file=/tmp/c.cnf --protocol=tcp --host=127.0.0.1 -BN -e 'SELECT name FROM moved' camcops`;
    return assertExit(await exec(container, ["sh", "-c", script, "sh", file]), 0).stdout.trim();
  }

  async states(): Promise<Record<string, string>> {
    const policy = "{{.HostConfig.RestartPolicy.Name}}:{{.HostConfig.RestartPolicy.MaximumRetryCount}}";
    const format = `{{.Name}} {{if .State.Running}}running{{else}}stopped{{end}}, ${policy}`;
    const names = Object.keys(asBefore).map((name) => `${this.project}_${name}`);
    const { stdout } = await this.docker("inspect", "--format", format, ...names);
    return Object.fromEntries(
      stdout
        .trim()
        .split("\n")
        .map((line) => [line.slice(line.indexOf("_") + 1, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1)]),
    );
  }
}

/** Whether the installation's containers run, and when Docker starts them again. */
const asBefore = {
  db: "running, always:0",
  rabbitmq: "running, always:0",
  camcops_server: "running, always:0",
  flower: "running, on-failure:4",
  camcops_scheduler: "stopped, unless-stopped:0",
};

const stopped = Object.fromEntries(Object.keys(asBefore).map((name) => [name, "stopped, no:0"]));

describe("An installation of CamCOPS by Docker Compose", function () {
  this.timeout(15 * 60_000);
  this.slow(4 * 60_000);

  let sandbox: Sandbox;
  let old: OldInstallation;

  const takingOver = (...args: string[]) => ["import", old.settingsFile, "--stack", old.project, ...args];
  const importIt = (...args: string[]) => sandbox.slipway(takingOver(...args));

  /** A server of the stack's that answers. */
  const untilDatabaseRuns = () =>
    until("the stack's database is healthy", 300, async () => {
      const name = `${old.project}-mysql`;
      const state = (await containersOf(sandbox.docker, name)).get(name)?.State;
      return state?.Running === true && state.Health?.Status === "healthy";
    });

  const untilOldDatabaseRuns = () =>
    until("the old database answers", 60, async () => {
      const { code } = await exec(`${old.project}_db`, ["mariadb-admin", "--protocol=tcp", "--host=127.0.0.1", "ping"]);
      return code === 0;
    });

  const journal = () => join(sandbox.home, "take-overs", `${old.project}.json`);

  before(async () => {
    sandbox = new Sandbox();
    old = new OldInstallation(sandbox, await freePorts(3));
    // It makes the base image. Its exit code speaks of ports and deployments of the machine.
    await sandbox.slipway(["doctor", "--fix"]);
    old.writeFiles();
    await old.start();
  });

  after(async () => {
    await sandbox.remove();
  });

  it("is described by --dry-run, which changes nothing", async () => {
    const { stdout } = assertExit(await importIt("--dry-run"), 0);
    assert.match(
      stdout,
      new RegExp(`The volume ${old.project}_db_data_volume holds data of MariaDB ${versions.mariadb}`),
    );
    assert.match(
      stdout,
      new RegExp(`volume ${old.project}_rabbitmq_volume is kept.*queues hold 2 messages \\(celery: 2\\)`),
    );
    assert.match(stdout, new RegExp(`volume: ${old.project}_db_data_volume`));
    assert.ok(!stdout.includes(sessionSecret) && !stdout.includes("p@ss"), "shows a secret");
    assert.deepEqual(await old.states(), asBefore);
    assert.ok(!existsSync(sandbox.stackFile(old.project)));
  });

  it("becomes a stack's file, and goes on running", async () => {
    assertExit(await importIt(), 0);
    const { config } = parse(readFileSync(sandbox.stackFile(old.project), "utf8")) as {
      config: Record<string, { mysql: { volume: string } }>;
    };
    assert.equal(config["slipway:camcops"]?.mysql.volume, `${old.project}_db_data_volume`);
    assert.deepEqual(await old.states(), asBefore);
    assert.match(assertExit(await importIt(), 2).stderr, /has a file already/);
  });

  it("runs again, with its restart policies, when the take-over fails half-way, after its queues were emptied", async () => {
    const running = sandbox.start("./slipway", takingOver("--stop", "--drain", "--yes"));
    await until("the take-over waits for the queues", 120, () =>
      Promise.resolve(running.written().includes("Waiting for the message queues")),
    );
    assert.deepEqual(await old.states(), asBefore);
    assertExit(await old.rabbitmqctl("purge_queue", "celery"), 0);
    const { stderr } = assertExit(await running.ended, 1);
    assert.match(stderr, /The take-over failed\. The former containers run again/);
    assert.deepEqual(await old.states(), asBefore);
    assert.ok(!existsSync(journal()));
    await untilOldDatabaseRuns();
    assert.equal(await old.rows(`${old.project}_db`), "a patient's row");

    // What it says about putting the data back is true.
    const volume = `${old.project}_put_back`;
    const command = /^ {2}(docker run .* load-files)$/m.exec(stderr)?.[1] ?? "";
    assert.match(command, new RegExp(`-v ${old.project}_db_data_volume:/files`));
    const putBack = command.replace(`${old.project}_db_data_volume`, volume);
    assertExit(await sandbox.run("sh", ["-c", putBack]), 0);
    const look = ["run", "--rm", "--network=none", "--volume", `${volume}:/data`, "--user=0", "--entrypoint=sh"];
    const server = (await sandbox.docker.getContainer(`${old.project}_db`).inspect()).Image;
    const { stdout } = await old.docker(
      ...look,
      server,
      "-c",
      "cd /data && ls camcops/moved.ibd && stat -c %u ibdata1",
    );
    assert.equal(stdout, "camcops/moved.ibd\n999\n");
  });

  it("runs again on request after the take-over was killed, with nothing lost", async () => {
    const running = sandbox.start("./slipway", takingOver("--stop", "--yes"));
    await untilDatabaseRuns();
    endProcessesOf(sandbox.home);
    await running.ended;
    assert.deepEqual(await old.states(), stopped);
    assert.equal(statSync(journal()).mode & 0o777, 0o600);
    assert.ok(!readFileSync(journal(), "utf8").includes("p@ss"));
    const unfinished = new RegExp(`take-over of ${old.project} that began at \\S+ is unfinished`);
    assert.match(assertExit(await sandbox.slipway(["status", "--stack", old.project]), 3).stderr, unfinished);
    const refused = assertExit(await importIt("--overwrite"), 2).stderr;
    assert.match(refused, unfinished);
    assert.match(refused, /^ {2}to go back: \.\/slipway import .* --go-back --stack /m);

    assertExit(await importIt("--go-back", "--yes"), 0);
    assert.deepEqual(await old.states(), asBefore);
    assert.ok(!existsSync(journal()));
    const runs = [...(await containersOf(sandbox.docker, `${old.project}-`))].filter(([, { State: s }]) => s.Running);
    assert.deepEqual(runs, []);
    await untilOldDatabaseRuns();
    assert.equal(await old.rows(`${old.project}_db`), "a patient's row");
  });

  it("is taken over by the same command after it was killed, with data, sessions' secret and certificate", async () => {
    const set = ["config", "set", "--secret", "camcopsSuperuserPassword", "--stack", old.project];
    assertExit(await sandbox.pulumi(old.project, set, "long enough for CamCOPS"), 0);
    const running = sandbox.start("./slipway", takingOver("--stop", "--yes"));
    await until("the first container is stopped", 300, async () => (await old.states())["flower"] === "stopped, no:0");
    endProcessesOf(sandbox.home);
    await running.ended;
    const { stdout } = assertExit(await importIt("--stop", "--yes"), 0);
    assert.match(stdout, new RegExp(`The CamCOPS application is running at https://${serverName}:${old.ports.https}`));
    assert.deepEqual(await old.states(), stopped);
    assert.ok(!existsSync(journal()));

    await untilHealthy(sandbox.docker, `${old.project}-mysql`, 60);
    assert.equal(await old.rows(`${old.project}-mysql`), "a patient's row");
    const conf = assertExit(
      await exec(`${old.project}-camcops_server`, ["cat", "/run/secrets/camcops.conf"]),
      0,
    ).stdout;
    assert.ok(conf.includes(`SESSION_COOKIE_SECRET = ${sessionSecret}\n`));
    assert.ok(conf.includes("LOCAL_INSTITUTION_URL = https://www.example.org/edited-by-hand\n"));
    const { certificate } = old.certificate;
    const browser = new Browser({ port: old.ports.https, serverName, certificate });
    await browser.login("chief", "long enough for CamCOPS");
    assert.equal(await browser.isLoggedIn(), true);
  });

  it("keeps its volume when the stack goes with its data", async () => {
    assertExit(
      await sandbox.slipway([
        "down",
        "--stack",
        old.project,
        "--delete-data",
        old.project,
        "--confirm",
        old.project,
        "--yes",
      ]),
      0,
    );
    const { Volumes: volumes } = await sandbox.docker.listVolumes();
    const names = volumes.map(({ Name: name }) => name);
    assert.ok(names.includes(`${old.project}_db_data_volume`));
    assert.ok(names.includes(`${old.project}_rabbitmq_volume`));
    assert.ok(!names.includes(`${old.project}-rabbitmq-data`));
  });

  it("is copied to a volume of the stack's own on request, and runs again after Ctrl-C", async () => {
    await old.docker("start", `${old.project}_db`, `${old.project}_rabbitmq`);
    await untilOldDatabaseRuns();
    const before = await old.states();
    const other = `${old.project}copy`;
    const copying = ["import", old.settingsFile, "--stack", other, "--copy-volume"];
    assertExit(await sandbox.slipway(copying), 0);
    assert.doesNotMatch(readFileSync(sandbox.stackFile(other), "utf8"), /^ +volume:/m);

    const running = sandbox.start("./slipway", [...copying, "--stop", "--yes"], { ownGroup: true });
    await untilDatabaseRuns();
    const { Mounts: mounts } = await sandbox.docker.getContainer(`${old.project}-mysql`).inspect();
    const volume = mounts.find(({ Destination: target }) => target === "/var/lib/mysql")?.Name;
    assert.equal(volume, `${old.project}-mysql-data`);
    assert.equal(await old.rows(`${old.project}-mysql`), "a patient's row");
    process.kill(-Number(running.child.pid), "SIGINT");
    const { stderr } = assertExit(await running.ended, 130);
    assert.match(stderr, /Interrupted\. The take-over was given up\. The former containers run again: /);
    assert.deepEqual(await old.states(), before);
    await untilOldDatabaseRuns();
    assert.equal(await old.rows(`${old.project}_db`), "a patient's row");
  });
});

describe("Data of a MySQL server", function () {
  this.timeout(2 * 60_000);

  let sandbox: Sandbox;

  before(() => {
    sandbox = new Sandbox();
  });

  after(async () => {
    await sandbox.remove();
  });

  it("are found and refused, with what to type, and nothing is stopped", async () => {
    const volume = `${sandbox.prefix}_db_data_volume`;
    const docker = async (...args: string[]) => assertExit(await sandbox.run("docker", args), 0);
    await docker("volume", "create", volume);
    // What tells the data of MySQL 5.7: https://dev.mysql.com/doc/refman/5.7/en/data-directory.html
    const script =
      "cd /data && mkdir mysql sys && touch auto.cnf ibdata1 mysql/user.frm && echo 5.7.44 > mysql_upgrade_info && chown -R 999:999 .";
    await docker(
      "run",
      "--rm",
      "--network",
      "none",
      "--volume",
      `${volume}:/data`,
      "slipway/base:bookworm",
      "sh",
      "-c",
      script,
    );
    const settings = join(sandbox.folder, "settings");
    writeFileSync(settings, `CAMCOPS_DOCKER_MYSQL_DATABASE_NAME=camcops\nCOMPOSE_PROJECT_NAME=${sandbox.prefix}\n`);
    const { stdout, stderr } = assertExit(
      await sandbox.slipway(["import", settings, "--stack", "clinic", "--stop", "--yes"]),
      3,
    );
    assert.match(stderr, /holds data of MySQL 5\.7, which MariaDB [\d.]+ cannot open/);
    assert.match(stderr, /mysqldump .* camcops' > dump\.sql/);
    assert.match(stderr, /slipway dbshell --stack clinic < dump\.sql/);
    assert.ok(!stdout.includes("camcops.mysql.volume"));
    assert.ok(!existsSync(sandbox.stackFile("clinic")));
  });

  it.skip("of a real MySQL server: its image cannot be had where only package registries are in reach", () =>
    undefined);
});
