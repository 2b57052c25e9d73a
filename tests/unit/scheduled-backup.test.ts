import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as pulumi from "@pulumi/pulumi";
import { clearRequests, request } from "../../cli/backup/scheduled/part-pipes.ts";
import { scheduleSchema } from "../../cli/backup/scheduled/schedule.ts";
import { Image } from "../../components/image.ts";
import { MysqlDatabase } from "../../components/mysql-database.ts";
import { Network } from "../../components/network.ts";
import { PostgresqlDatabase } from "../../components/postgresql-database.ts";
import { ScheduledBackup, type ScheduledBackupArgs } from "../../components/scheduled-backup.ts";
import { Service } from "../../components/service.ts";
import { Volume } from "../../components/volume.ts";
import { hardened } from "../hardened.ts";
import type { Recorded } from "../mocks.ts";
import { differences, named, recordOnHost, tree } from "../recorded.ts";

function recordBackup(own: Partial<ScheduledBackupArgs> = {}) {
  return recordOnHost((host, options) => {
    const image = (name: string) => new Image(`${name}-image`, { host, source: { pull: `${name}:1` } }, options);
    const network = new Network("net", { host, system: "shop", networkName: "shop_net", kind: "internal" }, options);
    const edge = new Network("edge", { host, system: "shop", networkName: "shop_edge", kind: "edge" }, options);
    const database = (service: string) => ({
      host,
      system: "shop",
      service,
      containerName: `shop-${service}`,
      image: image(service),
      volumeName: `shop-${service}-data`,
      databaseName: "the orders",
      userName: "clerk",
      userPassword: pulumi.secret("user's"),
      network,
      memory: 512,
    });
    new MysqlDatabase(
      "mysql",
      {
        ...database("mysql"),
        rootPassword: pulumi.secret("root's"),
        published: { network: edge, address: "127.0.0.1", hostPort: 3306 },
      },
      options,
    );
    new PostgresqlDatabase("db", database("db"), options);
    const uploads = new Volume("uploads", { volumeName: "shop-uploads" }, options);
    for (const service of ["web", "worker"]) {
      new Service(
        service,
        {
          host,
          system: "shop",
          service,
          containerName: `shop-${service}`,
          image: image(service),
          mounts: [
            { source: uploads, target: "/uploads" },
            { source: "/srv/code", target: "/code" },
          ],
          networks: [{ network }],
          userId: 5,
          groupId: 6,
          memory: 128,
          healthCheck: { command: ["true"], startPeriodSeconds: 1 },
          operations: { version: 1, shell: ["sh"], savedFolders: ["/uploads"] },
        },
        options,
      );
    }
    return new ScheduledBackup(
      "backup",
      {
        host,
        system: "shop",
        prefix: "shop",
        image: image("backup"),
        folder: "/srv/backups",
        cron: "30 2 * * *",
        keep: { daily: 7, weekly: 4, monthly: 12 },
        userId: 1000,
        memory: 256,
        timeZone: "Europe/London",
        ...own,
      },
      options,
    );
  });
}

const inputsOf = (recorded: Recorded[], name: string) => named(recorded, name).inputs;

function scheduleOf(recorded: Recorded[]) {
  const { envs } = inputsOf(recorded, "backup-service-container") as { envs: string[] };
  const variable = envs.find((each) => each.startsWith("SLIPWAY_SCHEDULE=")) ?? "";
  return scheduleSchema.parse(JSON.parse(variable.slice("SLIPWAY_SCHEDULE=".length)));
}

describe("ScheduledBackup", () => {
  let recorded: Recorded[];
  before(async () => {
    recorded = await recordBackup();
  });

  it("is a service, and for each part of the data one that hands it over by pipes", () => {
    const own = recorded.filter(({ name }) => name.startsWith("backup-") && !name.startsWith("backup-image"));
    const service = (name: string) => [
      ["slipway:index:Service", `backup-${name}`, "backup"],
      ["docker:index/container:Container", `backup-${name}-container`, `backup-${name}`],
      ["random:index/randomId:RandomId", `backup-${name}-healthy`, `backup-${name}`],
    ];
    assert.deepEqual(
      tree(own).sort((a, b) => (a[1] < b[1] ? -1 : 1)),
      [
        ...["db", "mysql", "service", "web-files"].flatMap(service),
        ...["db", "mysql", "web-files"].map((name) => ["docker:index/volume:Volume", `backup-${name}-pipes`, "backup"]),
      ].sort((a, b) => ((a[1] ?? "") < (b[1] ?? "") ? -1 : 1)),
    );
    assert.deepEqual(inputsOf(recorded, "backup-mysql-pipes"), {
      name: "shop-backup-mysql-pipes",
      driver: "local",
      driverOpts: { type: "tmpfs", device: "tmpfs", o: "size=1m,mode=0777" },
    });
  });

  it("takes backups without a network, without secrets, and with no data but by pipes", () => {
    const { labels, envs, ...inputs } = inputsOf(recorded, "backup-service-container");
    const usual: Record<string, unknown> = hardened({
      name: "shop-backup",
      reference: "backup:1",
      user: 1000,
      own: {
        "slipway.service": "backup",
        "slipway.operations": '{"version":1,"shell":["bash"],"reportsBackups":true}',
      },
    });
    assert.deepEqual(labels, usual["labels"]);
    for (const name of ["labels", "envs", "networksAdvanced"]) Reflect.deleteProperty(usual, name);
    assert.deepEqual(
      (envs as string[]).map((each) => each.split("=")[0]),
      ["TZ", "SLIPWAY_SCHEDULE"],
    );
    assert.deepEqual(inputs, {
      ...usual,
      entrypoints: ["node"],
      command: ["/opt/slipway/cli/backup/scheduled/service.ts"],
      volumes: [
        { hostPath: "/srv/backups", containerPath: "/backups", readOnly: false },
        ...["mysql", "db", "web-files"].map((name) => ({
          volumeName: `shop-backup-${name}-pipes`,
          containerPath: `/pipes/${name}`,
          readOnly: false,
        })),
      ],
      networkMode: "none",
      init: true,
      stopTimeout: 30,
      destroyGraceSeconds: 30,
      memory: 256,
      restart: "unless-stopped",
      ports: [],
      healthcheck: {
        tests: ["CMD", "schedule-report"],
        interval: "10s",
        timeout: "5s",
        retries: 3,
        startPeriod: "1m0s",
      },
    });
    assert.deepEqual(scheduleOf(recorded), {
      stack: "unit",
      cron: "30 2 * * *",
      timeZone: "Europe/London",
      keep: { daily: 7, weekly: 4, monthly: 12 },
      images: { "shop/mysql": "mysql:1", "shop/db": "db:1", "shop/web": "web:1", "shop/worker": "worker:1" },
      parts: [
        {
          part: { kind: "database", system: "shop", service: "mysql" },
          folder: "/pipes/mysql",
          countsRows: true,
          tellsVersion: true,
        },
        {
          part: { kind: "database", system: "shop", service: "db" },
          folder: "/pipes/db",
          countsRows: true,
          tellsVersion: true,
        },
        {
          part: { kind: "files", system: "shop", service: "web", folder: "/uploads" },
          folder: "/pipes/web-files",
          countsRows: false,
          tellsVersion: false,
        },
      ],
    });
  });

  it("reads a database by its own client, over its internal network, with its own files", () => {
    const inputs = inputsOf(recorded, "backup-mysql-container");
    const secrets = inputsOf(recorded, "mysql-files-volume")["name"];
    assert.deepEqual(
      [inputs["image"], inputs["user"], inputs["networksAdvanced"], inputs["ports"], inputs["readOnly"]],
      [
        inputsOf(recorded, "mysql-service-container")["image"],
        "999:999",
        [{ name: "shop_net", aliases: [] }],
        [],
        true,
      ],
    );
    assert.deepEqual(inputs["volumes"], [
      { volumeName: "shop-backup-mysql-pipes", containerPath: "/pipes", readOnly: false },
      { volumeName: secrets, containerPath: "/run/secrets", readOnly: true },
    ]);
    // Where an image names it a volume, Docker would make one without a name.
    assert.deepEqual(Object.keys(inputs["tmpfs"] as object), ["/tmp", "/var/lib/mysql"]);
    const [script = ""] = inputs["command"] as string[];
    assert.match(
      script,
      / dump\) 'sh' '-c' .*'--host=mysql' '--port=3306' '--single-transaction'.*'the orders' ;; rows\)/,
    );
    const [other = ""] = inputsOf(recorded, "backup-db-container")["command"] as string[];
    assert.match(other, /'pg_dump' '--host=db' '--port=5432' '--no-password' '--username=clerk' '--dbname=the orders'/);
  });

  it("reads the files of a volume once, as the user of the service, and cannot write them", () => {
    const inputs = inputsOf(recorded, "backup-web-files-container");
    assert.deepEqual([inputs["user"], inputs["networkMode"], inputs["networksAdvanced"]], ["5:6", "none", undefined]);
    assert.deepEqual(inputs["volumes"], [
      { volumeName: "shop-uploads", containerPath: "/files", readOnly: true },
      { volumeName: "shop-backup-web-files-pipes", containerPath: "/pipes", readOnly: false },
    ]);
    assert.match((inputs["command"] as string[])[0] ?? "", /dump\) 'save-files' ;;/);
  });

  it("is nothing but a warning where there is nothing to save", async () => {
    const none = await recordOnHost((host, options) => {
      const image = new Image("backup-image", { host, source: { pull: "backup:1" } }, options);
      const keep = { daily: 1, weekly: 0, monthly: 0 };
      const terms = { folder: "/srv/backups", cron: "30 2 * * *", keep, userId: 1000, memory: 256 };
      new ScheduledBackup("backup", { host, system: "shop", prefix: "shop", image, ...terms }, options);
    });
    assert.deepEqual(
      tree(none).map(([, name]) => name),
      ["backup", "backup-image", "backup-image-image"],
    );
  });

  it("changes nothing but its own service when the schedule changes", async () => {
    const changed = await recordBackup({ cron: "0 4 * * *", recipient: "age1abc" });
    assert.equal(scheduleOf(changed).recipient, "age1abc");
    assert.deepEqual(differences(recorded, changed), {
      removed: [],
      added: [],
      changed: ["backup-service-container", "backup-service-healthy"],
    });
  });
});

describe("a container that hands data over", () => {
  let folder: string;
  let script: string;
  let child: ChildProcess | undefined;

  before(async () => {
    const recorded = await recordBackup();
    [script = ""] = inputsOf(recorded, "backup-web-files-container")["command"] as string[];
  });

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "slipway-pipes-"));
  });

  afterEach(() => {
    if (child?.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    child = undefined;
    rmSync(folder, { recursive: true });
  });

  /** Starts its script here, with another command. */
  async function start(command: string): Promise<void> {
    const here = script.replace("cd /pipes", `cd '${folder}'`).replace("'save-files'", command);
    child = spawn("sh", ["-c", here], { stdio: "ignore", detached: true });
    while (!existsSync(join(folder, "request"))) await sleep(10);
    await sleep(100);
  }

  async function ask(word: string): Promise<string> {
    const { stdout, ended } = request(folder, word, "Reading");
    let text = "";
    for await (const chunk of stdout.setEncoding("utf8")) text += chunk as string;
    await ended;
    return text;
  }

  it("answers one request after the other, to their ends", async () => {
    await start("sh -c 'head -c 3000000 /dev/zero | tr \"\\0\" x'");
    for (let time = 0; time < 3; time++) assert.equal((await ask("dump")).length, 3_000_000);
    assert.deepEqual(readdirSync(folder), ["request"]);
  });

  it("tells how its command failed, and what it does not know", async () => {
    await start("sh -c 'echo half; echo no such table >&2; exit 7'");
    await assert.rejects(ask("dump"), /Reading failed \(exit code 7\): no such table/);
    await assert.rejects(ask("rows"), /Reading failed \(exit code 64\)/);
    assert.deepEqual(readdirSync(folder), ["request"]);
  });

  it("is missed when it does not run, or ends meanwhile", async () => {
    await assert.rejects(ask("dump"), /Reading failed: the container that hands it over does not run/);
    await start("sleep 60");
    const waiting = assert.rejects(ask("dump"), /Reading failed: (?:it was broken off|the container .* does not run)/);
    await sleep(200);
    if (child?.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    await waiting;
    await start("echo again");
    assert.equal(await ask("dump"), "again\n");
  });

  it("goes on after whoever asked was killed", async () => {
    await start("sh -c 'sleep 0.5; echo content'");
    const asked = request(folder, "dump", "Reading");
    asked.kill();
    await assert.rejects(asked.ended);
    clearRequests(folder);
    assert.equal(await ask("dump"), "content\n");
  });
});
