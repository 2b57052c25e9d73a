import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BackupTools } from "../../cli/backup/backup-tools.ts";
import { pipeProcess, type DockerPipe } from "../../cli/docker/docker-pipe.ts";
import { exitCode, Failure } from "../../cli/failure.ts";
import type { ComposeContainer } from "../../cli/moving-in/compose.ts";
import { deployInPlace, giveUp, type Place } from "../../cli/moving-in/in-place.ts";
import {
  journalFile,
  readJournal,
  refuseUnfinishedTakeOver,
  writeJournal,
  type FormerData,
  type Journal,
} from "../../cli/moving-in/journal.ts";
import { drainQueues, fullQueues, inWords } from "../../cli/moving-in/queues.ts";
import { formerContainers, takeOver, type TakeOver } from "../../cli/moving-in/take-over.ts";
import { emptyVolume } from "../../cli/backup/load-stack.ts";
import { copyFiles, measured } from "../../cli/moving-in/volume-data.ts";
import { goBack } from "../../cli/moving-in/way-back.ts";
import { restore } from "../../cli/restore.ts";
import { rollback } from "../../cli/rollback.ts";
import { siteOf, type Site } from "../../cli/site.ts";
import { leftUnfinished } from "../../cli/status.ts";
import { up } from "../../cli/up.ts";
import { upgrade } from "../../cli/upgrade.ts";
import { label } from "../../components/labels.ts";
import type { ComposeDatabase } from "../../systems/import.ts";
import { dockerStub, type DockerStub, type Routes } from "../docker-stub.ts";

const commands = { goOn: "./slipway import 'x' --stop", goBack: "./slipway import 'x' --go-back" };
const onFailure = { Name: "on-failure", MaximumRetryCount: 5 };
const always = { Name: "always", MaximumRetryCount: 0 };

function journal(data?: FormerData): Journal {
  return {
    version: 1,
    project: "clinic",
    began: "2026-01-31T12:00:00.000Z",
    commands,
    containers: [
      { id: "db", name: "clinic_db", service: "mysql", isRunning: true, restartPolicy: onFailure },
      { id: "web", name: "clinic_web", service: "server", isRunning: true, restartPolicy: always },
      { id: "old", name: "clinic_old", service: "old", isRunning: false, restartPolicy: { Name: "unless-stopped" } },
    ],
    ...(data !== undefined && { data }),
  };
}

const container = (id: string, more: { running?: boolean; policy?: object; autoRemove?: boolean } = {}) => ({
  [`GET /containers/${id}/json`]: {
    body: {
      Id: id,
      State: { Running: more.running ?? true },
      HostConfig: { RestartPolicy: more.policy ?? always, AutoRemove: more.autoRemove ?? false },
    },
  },
  [`POST /containers/${id}/update`]: { body: { Warnings: null } },
  [`POST /containers/${id}/stop`]: { status: 204 },
  [`POST /containers/${id}/start`]: { status: 204 },
});

const installation: Routes = {
  ...container("db"),
  ...container("web"),
  ...container("old", { running: false }),
  "GET /containers/json": { body: [] },
  "GET /volumes": { body: { Volumes: [{ Name: "data" }, { Name: "own" }] } },
  "POST /containers/create": { body: { Id: "helper" } },
  "POST /containers/helper/start": { status: 204 },
  "POST /containers/helper/wait": { body: { StatusCode: 0 } },
  "DELETE /containers/helper": { status: 204 },
};

/** The backups' tools, but that folders are the volumes. */
function toolsFor(volumes: string): BackupTools {
  const shell = (script: string): DockerPipe => pipeProcess("bash", ["-c", script], "A tool");
  const saving =
    "find . \\( -type f -o -type d -o -type l \\) -print0 | LC_ALL=C sort -z | " +
    "tar --create --format=gnu --numeric-owner --no-recursion --null --files-from=-";
  return {
    image: "tools:1",
    pack: () => shell("cat"),
    saveFiles: (volume: string) => shell(`cd '${join(volumes, volume)}' && ${saving}`),
    loadFiles: (volume: string) =>
      shell(`cd '${join(volumes, volume)}' && find . -mindepth 1 -delete && tar --extract --preserve-permissions`),
  } as unknown as BackupTools;
}

describe("a take-over", () => {
  let folder: string;
  let site: Site;
  let docker: DockerStub | undefined;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "slipway-take-over-"));
    site = siteOf({ stack: "prod", home: join(folder, "home") });
    for (const name of ["volumes/data", "volumes/own", "backups"]) {
      mkdirSync(join(folder, name), { recursive: true });
    }
    writeFileSync(join(folder, "volumes/data/ibdata1"), "rows");
  });

  afterEach(async () => {
    await docker?.close();
    docker = undefined;
    rmSync(folder, { recursive: true });
  });

  async function begun(known: Journal, routes: Routes = installation): Promise<TakeOver> {
    await docker?.close();
    docker = await dockerStub(routes);
    return {
      client: docker.client,
      site,
      env: {},
      tools: toolsFor(join(folder, "volumes")),
      backups: { folder: join(folder, "backups"), recipient: undefined },
      report: { note: () => undefined, step: (_what, _why, work) => work(() => undefined) },
      journal: known,
    };
  }

  /** What changed something in Docker, with the restart policies that were set. */
  function changes(): string[] {
    return (docker?.requests ?? []).flatMap((request, index) => {
      if (request.startsWith("GET")) return [];
      const [, id = "", what = ""] = /\/containers\/(\w+)(?:\/(\w+))?/.exec(request) ?? [];
      const sent = docker?.bodies[index]?.toString() ?? "";
      const { RestartPolicy: policy, Cmd: command } = JSON.parse(sent === "" ? "{}" : sent) as {
        RestartPolicy?: { Name: string; MaximumRetryCount?: number };
        Cmd?: string[];
      };
      if (id === "create") return [`in a helper: ${String(command)}`];
      if (id === "helper") return [];
      const said = policy === undefined ? "" : ` ${policy.Name}:${policy.MaximumRetryCount ?? 0}`;
      return [`${what} ${id}${request.includes("t=120") ? " within 120 s" : ""}${said}`];
    });
  }

  const stopping = [
    ...["update db no:0", "update web no:0", "update old no:0"],
    ...["stop web", "stop db within 120 s"],
  ];
  const starting = [
    ...["update db on-failure:5", "update web always:0", "update old unless-stopped:0"],
    ...["start db", "start web"],
  ];
  const data: FormerData = { service: "mysql", volume: "data", userId: 999 };

  it("notes beforehand what it has to know, stops the database last, and saves its files before anything is deployed", async () => {
    const under = await begun(journal({ ...data }));
    let noted: Journal | undefined;
    await takeOver(under, () => {
      noted = readJournal(site);
      assert.deepEqual(changes(), stopping);
      assert.equal(statSync(journalFile(site)).mode & 0o777, 0o600);
      return Promise.resolve();
    });
    const [backup = ""] = readdirSync(join(folder, "backups"));
    assert.match(backup, /^prod-before-take-over-\d{8}T\d{6}Z\.tar\.zst$/);
    assert.ok(readFileSync(join(folder, "backups", backup)).includes("rows"));
    assert.deepEqual(noted, journal({ ...data, backup: join(folder, "backups", backup) }));
    assert.equal(readJournal(site), undefined);
    assert.deepEqual(changes(), stopping);
  });

  it("gives everything back when it fails: policies with their numbers, and what ran, the database first", async () => {
    const under = await begun(journal({ ...data, userId: 998 }));
    await assert.rejects(
      takeOver(under, () => Promise.reject(new Failure("no.", exitCode.notGood))),
      (error: Failure) => {
        assert.match(
          error.message,
          /^no\.\n\nThe take-over failed\. The former containers run again: clinic_db, clinic_web\. To try again, type: \.\/slipway import 'x' --stop\n/,
        );
        assert.match(error.message, /unpack < '.*\.tar\.zst' \| docker run .* -v data:\/files tools:1 load-files$/);
        return true;
      },
    );
    assert.deepEqual(changes(), [
      ...stopping,
      "in a helper: -R,999:999,/data",
      "in a helper: -R,998:998,/data",
      ...starting,
    ]);
    assert.equal(readJournal(site), undefined);
  });

  it("goes on after it was killed with what it noted, not with what it left", async () => {
    const backup = join(folder, "backups", "first.tar.zst");
    const stopped = { running: false, policy: { Name: "no" } };
    const under = await begun(journal({ ...data, backup }), {
      ...installation,
      ...container("db", stopped),
      ...container("web", stopped),
    });
    await assert.rejects(takeOver(under, () => Promise.reject(new Failure("no."))));
    assert.deepEqual(changes(), ["update db no:0", "update web no:0", "update old no:0", ...starting]);
    assert.deepEqual(readdirSync(join(folder, "backups")), [], "saved again what was not as it was any more");
  });

  it("stops what somebody started meanwhile, and does without what has gone", async () => {
    const gone = { status: 404, body: { message: "No such container" } };
    const routes = {
      ...installation,
      ...container("old"),
      "GET /containers/web/json": gone,
      "POST /containers/web/update": gone,
    };
    const under = await begun(journal(), routes);
    await takeOver(under, () => Promise.resolve());
    assert.deepEqual(changes().slice(3), ["stop old", "stop db"]);
  });

  it("copies to the stack's own volume on request, and leaves the other as it is", async () => {
    const under = await begun(journal({ ...data, userId: 998, copyTo: "own" }));
    await takeOver(under, () => {
      assert.equal(readJournal(site)?.data?.isCopied, true);
      assert.equal(readFileSync(join(folder, "volumes/own/ibdata1"), "utf8"), "rows");
      return Promise.resolve();
    });
    assert.deepEqual(changes(), [...stopping, "in a helper: -R,999:999,/data"]);
    assert.match(JSON.stringify(docker?.bodies.map(String)), /own:\/data/);
    assert.deepEqual(readdirSync(join(folder, "backups")), []);
  });

  it("empties the copy when it fails, and does not copy over what the stack may have changed when it goes on", async () => {
    writeFileSync(join(folder, "volumes/own/ibdata1"), "rows of the stack");
    const under = await begun(journal({ ...data, copyTo: "own", isCopied: true }));
    await takeOver(under, () => {
      assert.equal(readFileSync(join(folder, "volumes/own/ibdata1"), "utf8"), "rows of the stack");
      return Promise.resolve();
    });
    await assert.rejects(takeOver(under, () => Promise.reject(new Failure("no."))));
    assert.deepEqual(readdirSync(join(folder, "volumes/own")), []);
    assert.equal(readFileSync(join(folder, "volumes/data/ibdata1"), "utf8"), "rows");
  });

  it("goes back after Ctrl-C, which ends it with exit code 130", async () => {
    const under = await begun(journal());
    await assert.rejects(
      takeOver(under, () => {
        process.emit("SIGINT");
        return Promise.reject(new Failure("To go on, type: ./slipway up", exitCode.interrupted));
      }),
      (error: Failure) => {
        assert.equal(error.exitCode, exitCode.interrupted);
        assert.match(error.message, /^Interrupted\. The take-over was given up\. The former containers run again: /);
        assert.ok(!error.message.includes("slipway up"));
        return true;
      },
    );
    assert.deepEqual(changes(), [...stopping.map((change) => change.replace(" within 120 s", "")), ...starting]);
  });

  it("does not begin to deploy after Ctrl-C", async () => {
    const under = await begun(journal({ ...data }));
    under.report.step = (_what, _why, work) => {
      process.emit("SIGINT");
      return work(() => undefined);
    };
    let isDeployed = false;
    await assert.rejects(
      takeOver(under, () => {
        isDeployed = true;
        return Promise.resolve();
      }),
      { exitCode: exitCode.interrupted },
    );
    assert.equal(isDeployed, false);
    assert.deepEqual(readdirSync(join(folder, "backups")), []);
    assert.deepEqual(changes(), [...stopping, ...starting]);
  });

  it("starts nothing again while another deployment may be under way", async () => {
    const locks = join(site.folders.state, ".pulumi/locks/organization/slipway/prod");
    mkdirSync(locks, { recursive: true });
    const lock = { pid: 1, username: "eva", hostname: "another-machine", timestamp: "2026-01-31T12:00:00Z" };
    writeFileSync(join(locks, "1.json"), JSON.stringify(lock));
    const under = await begun(journal());
    const { isBack, said } = await goBack(under);
    assert.equal(isBack, false);
    assert.match(said, /not started again[^]*eva[^]*to go back, type: \.\/slipway import 'x' --go-back$/);
    assert.deepEqual(changes(), []);
  });

  it("says what could not be started again, and can be given up again", async () => {
    const routes = { ...installation, "POST /containers/web/start": { status: 500, body: { message: "port taken" } } };
    const under = await begun(journal(), routes);
    writeJournal(site, under.journal);
    const { isBack, said } = await goBack(under);
    assert.equal(isBack, false);
    assert.match(said, /clinic_web does not start: .*port taken[^]*type: \.\/slipway import 'x' --go-back$/);
    assert.deepEqual(readJournal(site), under.journal);
  });

  it("can be given up only where one is unfinished", async () => {
    const under = await begun(journal());
    await assert.rejects(giveUp(under.client, site, { stack: "prod", yes: true }), {
      exitCode: exitCode.usage,
      message: /^No take-over by the stack "prod" is unfinished\. Nothing was changed\./,
    });
  });

  it("that is unfinished keeps the stack from being changed otherwise", async () => {
    const common = { stack: "prod", home: join(folder, "home"), yes: true };
    refuseUnfinishedTakeOver(site);
    assert.deepEqual(leftUnfinished(site, common), []);
    writeJournal(site, journal());
    assert.match(leftUnfinished(site, common).join(), /^the take-over of clinic .* is unfinished/);
    const message =
      /Nothing was changed: the take-over of clinic that began at 2026-01-31T12:00:00\.000Z is unfinished\.\n {2}to go on: +\S.*--stop\n {2}to go back: .*--go-back$/;
    const refused = { exitCode: exitCode.usage, message };
    assert.throws(() => {
      refuseUnfinishedTakeOver(site);
    }, refused);
    const deploying = { ...common, rebuild: false, emptyVolume: [], useVolume: [] };
    await assert.rejects(up({ ...deploying, attach: false }), refused);
    await assert.rejects(upgrade(deploying), refused);
    await assert.rejects(rollback(undefined, { ...common, withData: false }), refused);
    await assert.rejects(restore("backup", { ...common, verifyOnly: false, settingsOnly: false }), refused);
  });

  it("does not begin while another container may write the data, but goes on where they are safe", async () => {
    const mounts = (more: object) => [{ Type: "volume", Name: "data", RW: true, ...more }];
    const running = (id: string, more: object = {}, labels: Record<string, string> = {}) => ({
      Id: id,
      Names: [`/${id}`],
      Mounts: mounts(more),
      Labels: labels,
    });
    const used = (...list: object[]) => ({ ...installation, "GET /containers/json": { body: list } });
    const refused = {
      exitCode: exitCode.notGood,
      message:
        /container stray is none of clinic, but uses the volume (data|own),[^]* type: docker stop stray\nThen: .*--stop$/,
    };
    const never = () => Promise.reject(new Error("It was deployed."));
    await assert.rejects(takeOver(await begun(journal({ ...data }), used(running("stray"))), never), refused);
    const copying = journal({ ...data, copyTo: "own" });
    await assert.rejects(takeOver(await begun(copying, used(running("stray", { Name: "own" }))), never), refused);
    const own = running("prod-mysql", {}, { [label.stack]: "prod" });
    await assert.rejects(takeOver(await begun(journal({ ...data }), used(own)), never), {
      message: /prod-mysql is the stack's, and uses the volume data,.* If they were taken over before, nothing is left/,
    });
    assert.deepEqual(changes(), []);
    assert.equal(readJournal(site), undefined);

    const done = () => Promise.resolve();
    await takeOver(await begun(journal({ ...data }), used(running("db"), running("reader", { RW: false }))), done);
    await takeOver(await begun(journal({ ...data, backup: "saved" }), used(running("stray"))), done);
  });

  describe("is refused before anything is made ready", () => {
    const options = { stack: "prod", yes: true, copyVolume: false, drain: false };
    const queues = [{ name: "celery", messages: 1 }];
    const place = async (more: Partial<Place["installation"]> = {}): Promise<Place> => {
      const { client } = await begun(journal());
      const database: ComposeDatabase = {
        service: "mysql",
        folder: "/var/lib/mysql",
        server: "MariaDB",
        databaseName: "camcops",
        userName: "root",
        setting: "camcops.mysql.volume",
        ownVolume: "mysql-data",
        image: "camcops.images.mysql",
      };
      const installation: Place["installation"] = {
        project: { name: "clinic", database },
        containers: [],
        database: { volume: "data", folder: "", data: { family: "MariaDB", userId: 999 } },
        broker: { volume: "queues", queues },
        ...more,
      };
      return { client, site, installation, commands };
    };
    const stackFile = (volume?: string) => {
      mkdirSync(site.folders.stacks, { recursive: true });
      const mysql = volume === undefined ? "" : `\n    mysql:\n      volume: ${volume}`;
      writeFileSync(site.stackFile, `config:\n  slipway:camcops:\n    name: clinic${mysql}\n`);
    };
    const refused = async (it: Place, more: Partial<typeof options>, message: RegExp) => {
      const never = () => Promise.reject(new Error("It was deployed."));
      await assert.rejects(deployInPlace(it, { ...options, ...more }, never), { exitCode: exitCode.usage, message });
      assert.deepEqual(changes(), []);
    };

    it("where the stack would begin without the data", async () => {
      stackFile();
      await refused(await place(), {}, /begin without the data\. Set camcops\.mysql\.volume: data$/);
      stackFile("another");
      await refused(await place(), {}, /begin without the data\. Set camcops\.mysql\.volume: data$/);
    });

    it("where the stack would not use the copy", async () => {
      stackFile("data");
      await refused(await place(), { copyVolume: true }, /not use the copy\. Take out camcops\.mysql\.volume$/);
    });

    it("where there is nothing to copy, or only a folder of a volume", async () => {
      stackFile();
      const none = await place();
      delete none.installation.database;
      await refused(none, { copyVolume: true }, /There is no volume to copy/);
      const folder = await place({
        database: { volume: "data", folder: "pgdata", data: { family: "PostgreSQL", userId: 999 } },
      });
      await refused(folder, { copyVolume: true }, /in a folder of the volume, pgdata/);
    });

    it("where queues are to be waited for that cannot be looked at", async () => {
      stackFile("data");
      await refused(await place({ broker: { volume: "queues" } }), { drain: true }, /cannot be looked at/);
    });

    it("where another take-over is unfinished, or the same in another way", async () => {
      stackFile("data");
      writeJournal(site, { ...journal({ ...data }), project: "another" });
      await refused(await place(), {}, /A take-over of another .* but this is clinic\. .*--stop$/);
      writeJournal(site, journal({ ...data }));
      await refused(await place(), { copyVolume: true }, /began without --copy-volume\. To go on, type: .*--stop$/);
      writeJournal(site, journal({ ...data, copyTo: "own" }));
      await refused(await place(), {}, /began with --copy-volume\. To go on, type: .*--stop$/);
    });
  });

  it("notes the containers as they are, the database first, and refuses those that would not come back", async () => {
    const listed = ["web", "db"].map((id): ComposeContainer => ({
      id,
      name: `clinic_${id}`,
      service: id === "db" ? "mysql" : "server",
      image: "i",
      isRunning: false,
      environment: {},
      mounts: [],
    }));
    docker = await dockerStub({ ...container("web", { running: false }), ...container("db", { policy: onFailure }) });
    assert.deepEqual(await formerContainers(docker.client, listed, ["mysql"]), [
      { id: "db", name: "clinic_db", service: "mysql", isRunning: true, restartPolicy: onFailure },
      { id: "web", name: "clinic_web", service: "server", isRunning: false, restartPolicy: always },
    ]);
    await docker.close();
    docker = await dockerStub({ ...container("web", { autoRemove: true }), ...container("db") });
    await assert.rejects(formerContainers(docker.client, listed, []), /clinic_web .*--rm.* Nothing was changed/);
  });
});

describe("a volume's files", () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "slipway-volume-"));
    for (const name of ["from/below", "to"]) mkdirSync(join(folder, name), { recursive: true });
    writeFileSync(join(folder, "from/below/file"), "content", { mode: 0o640 });
    writeFileSync(join(folder, "to/former"), "");
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  const { signal } = new AbortController();

  it("are copied, with what was there before gone", async () => {
    await copyFiles(toolsFor(folder), { from: "from", to: "to", signal });
    assert.deepEqual(readdirSync(join(folder, "to")), ["below"]);
    assert.equal(readFileSync(join(folder, "to/below/file"), "utf8"), "content");
    assert.equal(statSync(join(folder, "to/below/file")).mode & 0o777, 0o640);
  });

  it("are compared after they were copied", async () => {
    const tools = toolsFor(folder);
    const spoiling = {
      ...tools,
      loadFiles: (volume: string) =>
        pipeProcess("bash", ["-c", `cd '${join(folder, volume)}' && tar -x && echo x > below/file`], "A tool"),
    };
    await assert.rejects(
      copyFiles(spoiling, { from: "from", to: "to", signal }),
      /files in the volume to are not those of from/,
    );
  });

  it("are removed, and the volume stays", async () => {
    await emptyVolume(toolsFor(folder), "to");
    assert.deepEqual(readdirSync(join(folder, "to")), []);
  });

  it("are measured before", () => {
    const df = "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/sda1 100 60 40 60% /to";
    assert.deepEqual(measured(`12\t/from\n${df}\n0\n`), { bytes: 12 * 1024, free: 40 * 1024, isEmpty: true });
    assert.equal(measured(`12\t/from\n${df}\n       1\n`).isEmpty, false);
    assert.throws(() => measured("sh: du: not found\n"), /print something unknown/);
  });
});

describe("the queues of an installation's broker", () => {
  let docker: DockerStub;

  const broker = async (...outputs: string[]) => {
    docker = await dockerStub({
      "POST /containers/broker/exec": { body: { Id: "e" } },
      "POST /exec/e/start": outputs.map((output) => ({ body: Buffer.from(output) })),
      "GET /exec/e/json": { body: { ExitCode: outputs[0] === "fails" ? 1 : 0 } },
    });
    return docker.client.getContainer("broker");
  };
  const report: TakeOver["report"] = { note: () => undefined, step: (_what, _why, work) => work(() => undefined) };
  const quick = { wait: 10_000, poll: 1 };

  afterEach(() => docker.close());

  it("are counted one by one, without the empty ones", async () => {
    const queues = await fullQueues(await broker("celery\t5\r\nempty\t0\r\ncelery@a.pidbox\t1\r\n"));
    assert.deepEqual(queues, [
      { name: "celery", messages: 5 },
      { name: "celery@a.pidbox", messages: 1 },
    ]);
    assert.equal(inWords(queues), "6 messages (celery: 5, celery@a.pidbox: 1)");
    assert.equal(inWords([{ name: "celery", messages: 1 }]), "1 message (celery: 1)");
  });

  it("may not be told, as where the broker was stopped meanwhile", async () => {
    assert.equal(await fullQueues(await broker("fails")), undefined);
    await docker.close();
    docker = await dockerStub({ "POST /containers/broker/exec": { status: 409, body: { message: "is not running" } } });
    assert.equal(await fullQueues(docker.client.getContainer("broker")), undefined);
  });

  it("are waited for until they are empty", async () => {
    await drainQueues(await broker("celery\t2\r\n", "celery\t1\r\n", "celery\t0\r\n"), report, quick);
    assert.equal(docker.requests.filter((request) => request.includes("/start")).length, 3);
  });

  it("are not waited for for ever", async () => {
    await assert.rejects(drainQueues(await broker("celery\t2\r\n"), report, { wait: 0, poll: 1 }), {
      exitCode: exitCode.notGood,
      message: /still hold 2 messages \(celery: 2\)\. .* Nothing was changed/,
    });
  });

  it("are not waited for after Ctrl-C", async () => {
    const container = await broker("celery\t2\r\n");
    const waiting = drainQueues(container, report, { wait: 10_000, poll: 5_000 });
    setTimeout(() => process.emit("SIGINT"), 50);
    await assert.rejects(waiting, { exitCode: exitCode.interrupted, message: "Interrupted. Nothing was changed." });
  });
});
