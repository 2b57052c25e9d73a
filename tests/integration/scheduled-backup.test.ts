import assert from "node:assert/strict";
import { chownSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { backupUser, folderForBackups, patience } from "./support/backup-schedule.ts";
import { Deployment } from "./support/deployment.ts";
import { exec, volumesOf } from "./support/docker.ts";
import { freePorts } from "./support/ports.ts";
import { assertExit } from "./support/processes.ts";
import { Sandbox } from "./support/sandbox.ts";
import { until } from "./support/until.ts";

interface Status {
  problems: string[];
  backups: {
    scheduled?: { lastGood?: { file: string }; lastError?: { message: string } };
    verified?: { good: boolean };
  };
}

describe("backups by schedule", () => {
  let sandbox: Sandbox;
  let stack: Deployment;
  let folder: string;

  before(async () => {
    sandbox = new Sandbox({ program: "tests/fixtures/backup/index.ts" });
    const [hostPort = 0] = await freePorts(1);
    stack = new Deployment(sandbox, { settings: { hostAddress: "127.0.0.1", hostPort } });
    folder = folderForBackups(sandbox, "backups");
    setSchedule({});
    await stack.up();
    await fill();
  });

  after(() => sandbox.remove());

  function setSchedule(backup: Record<string, unknown>): void {
    sandbox.editStackFile("dev", {
      "slipway:backup": {
        folder,
        schedule: { cron: "*/10 * * * * *", keepDaily: 2, keepWeekly: 0, keepMonthly: 2, userId: backupUser },
        ...backup,
      },
    });
  }

  const mysql = async (statements: string) => {
    const client = ["mariadb", "--defaults-extra-file=/run/secrets/client.cnf", "--batch", "--skip-column-names"];
    const command = [...client, `--execute=${statements}`, "the things"];
    return assertExit(await exec(`${stack.name}-mysql`, command), 0).stdout;
  };
  const postgresql = async (statements: string) => {
    const command = ["psql", "--username=the.clerk", "--dbname=the things", "--tuples-only", "--no-align", "--quiet"];
    return assertExit(await exec(`${stack.name}-postgresql`, [...command, `--command=${statements}`]), 0).stdout;
  };

  async function fill(): Promise<void> {
    await mysql("CREATE TABLE things (id INT PRIMARY KEY, name TEXT); INSERT INTO things VALUES (1, 'é'), (2, NULL)");
    await postgresql(
      "CREATE TABLE things (id INT PRIMARY KEY, name TEXT); INSERT INTO things VALUES (1, 'é'), (2, NULL)",
    );
    const script =
      "mkdir /data/deep && echo content >/data/deep/file && chown -R 4321:4322 /data && chmod 640 /data/deep/file";
    const run = ["run", "--rm", "--network=none", `--volume=${stack.name}-files:/data`, "slipway/base:bookworm"];
    assertExit(await sandbox.run("docker", [...run, "sh", "-c", script]), 0);
  }

  const scheduled = () => readdirSync(folder).filter((name) => /\.scheduled\.tar\.zst(\.age)?$/.test(name));
  const status = async () => JSON.parse((await stack.slipway("status", "--json")).stdout) as Status;

  /** Waits until there is a backup that was not there before. */
  async function newBackup(): Promise<string> {
    const former = new Set(scheduled());
    const found = () => scheduled().filter((name) => !former.has(name));
    await until("there is a new backup", patience, () => Promise.resolve(found().length > 0));
    return join(folder, found()[0] ?? "");
  }

  it("are taken without Docker's socket, belong to the folder's user, and are kept as the settings say", async () => {
    const day = (time: string, more = ".scheduled") => `dev-${time}Z${more}.tar.zst`;
    const kept = [
      day("20200102T000000"),
      day("20200101T000000", ""),
      "other-20190101T000000Z.scheduled.tar.zst",
      "notes",
    ];
    const removed = [day("20200102T000001").replace("01Z", "00Z").replace("0102", "0101"), day("20190101T000000")];
    for (const name of [...kept, ...removed]) writeFileSync(join(folder, name), "");
    const file = await newBackup();
    assert.match(file, /\/dev-\d{8}T\d{6}Z\.scheduled\.tar\.zst$/);
    const { mode, uid } = statSync(file);
    assert.deepEqual([mode & 0o777, uid], [0o600, backupUser]);
    await until("the others are as the settings say", patience, () =>
      Promise.resolve(removed.every((name) => !readdirSync(folder).includes(name))),
    );
    for (const name of kept) assert.ok(readdirSync(folder).includes(name), name);

    for (const { HostConfig: host, Config: config } of (await stack.containers()).values()) {
      assert.ok(!(host.Binds ?? []).some((bind) => bind.includes("docker.sock")));
      assert.ok(!/^(?:0|root|)(?::|$)/.test(config.User));
    }
    assertExit(await stack.slipway("status"), 0);
    await until("the last good one is told", patience, async () =>
      /^dev-.*\.scheduled\.tar\.zst$/.test((await status()).backups.scheduled?.lastGood?.file ?? ""),
    );
    await stack.expectNoChanges();
    assertExit(await stack.slipway("drift"), 0);
  });

  it("are what a restore takes", async () => {
    const file = await newBackup();
    // The next one may take its place meanwhile.
    const copy = join(sandbox.folder, "copy");
    writeFileSync(copy, readFileSync(file));
    await mysql("DELETE FROM things");
    await postgresql("DROP TABLE things");
    const restored = assertExit(await stack.slipway("restore", copy, "--confirm", "dev"), 0);
    assert.match(restored.stdout, /the database mysql: 2 rows in 1 tables; a dump of it is equal by checksum/);
    assert.match(restored.stdout, /the database postgresql: 2 rows in 1 tables; a dump of it is equal by checksum/);
    assert.match(restored.stdout, /the files of web in \/data: 1 files, equal by checksum/);
    assert.equal(await mysql("SELECT COUNT(*) FROM things"), "2\n");
  });

  it("turn the status red while they fail, and green again", async () => {
    const failed = (reason: RegExp) =>
      until("the failure is told", patience, async () =>
        (await status()).problems.some(
          (problem) => /^backup: the backup of .* failed/.test(problem) && reason.test(problem),
        ),
      );
    const recovered = () =>
      until("it is told that all is well", patience, async () => (await status()).problems.length === 0);

    assertExit(await stack.slipway("stop", "mysql"), 0);
    await failed(/Asking mysql for its version failed/);
    assert.match(
      assertExit(await stack.slipway("status"), 3).stderr,
      /backup: the backup of .* failed, and the last good one/,
    );
    const doctor = JSON.parse((await stack.slipway("doctor", "--json")).stdout) as {
      result: string;
      message: string;
    }[];
    assert.ok(doctor.some(({ result, message }) => result === "fail" && message.startsWith("backup: ")));
    assertExit(await stack.slipway("start", "mysql"), 0);
    await recovered();

    chownSync(folder, 0, 0);
    await failed(/Nothing can be written in the folder of backups.*belong to user 4711/);
    chownSync(folder, backupUser, backupUser);
    await recovered();
  });

  it("pass the drill, encrypted too, which leaves the stack alone and nothing behind", async () => {
    const images = (await sandbox.docker.listImages()).flatMap(({ RepoTags: tags }) => tags ?? []);
    const own = images.find((tag) => tag.startsWith("slipway/backup:")) ?? "";
    const key = assertExit(await sandbox.run("docker", ["run", "--rm", "--network=none", own, "age-keygen"]), 0).stdout;
    const identity = join(sandbox.folder, "key");
    writeFileSync(identity, key);
    setSchedule({ recipient: /age1\S+/.exec(key)?.[0] ?? "" });
    await stack.up();
    const encrypted = () => scheduled().filter((name) => name.endsWith(".age"));
    await until("there is an encrypted one", patience, () => Promise.resolve(encrypted().length > 0));
    // So that the newest one stays.
    assertExit(await stack.slipway("stop", "backup"), 0);

    const newest = encrypted().sort().at(-1) ?? "";
    const before = await stack.containers();
    assertExit(await stack.slipway("backup", "verify"), 2);
    const drill = assertExit(await stack.slipway("backup", "verify", "--identity", identity), 0);
    assert.match(drill.stdout, /the database mysql: 2 rows in 1 tables; a dump of it is equal by checksum/);
    assert.match(drill.stdout, /the database postgresql: 2 rows in 1 tables; a dump of it is equal by checksum/);
    assert.match(drill.stdout, /the files of web in \/data: 1 files, equal by checksum/);
    assert.match(drill.stdout, /\.scheduled\.tar\.zst\.age can be restored: everything in it is as it was saved/);
    assert.equal((await status()).backups.verified?.good, true);
    assert.deepEqual(await stack.replacedSince(before), []);
    const filters = { label: ["slipway.drill", "slipway.stack=dev"] };
    assert.deepEqual((await stack.containers()).size, before.size);
    assert.ok(!(await volumesOf(sandbox.docker, `${stack.name}-`)).some((name) => name.includes("-drill-")));
    assert.deepEqual(
      (await sandbox.docker.listNetworks({ filters })).filter(({ Name: name }) => name.startsWith(stack.name)),
      [],
    );

    const cut = join(sandbox.folder, "cut.age");
    writeFileSync(cut, readFileSync(join(folder, newest)).subarray(0, -100));
    const refused = assertExit(await stack.slipway("backup", "verify", cut, "--identity", identity), 3);
    assert.match(refused.stderr, /cut\.age CANNOT be restored/);
    assert.equal((await status()).backups.verified?.good, false);
  });
});
