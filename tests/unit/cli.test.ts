import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import type Docker from "dockerode";
import type { EngineEvent, OpType } from "@pulumi/pulumi/automation/index.js";
import { complaint, isSettling, memberOf } from "../../cli/docker/containers.ts";
import { plainMessage, protectedResource, runEngine } from "../../cli/deployment/engine.ts";
import { exports } from "../../cli/env.ts";
import { Failure } from "../../cli/failure.ts";
import { clearLocks, lockState } from "../../cli/deployment/lock.ts";
import { sinceSeconds } from "../../cli/logs.ts";
import { orphansAmong } from "../../cli/deployment/orphans.ts";
import { listing, shown } from "../../cli/output.ts";
import { probe, servedCertificate } from "../../cli/deployment/probe.ts";
import { followProgress } from "../../cli/deployment/progress.ts";
import { otherDeployer, type DeploymentRecord } from "../../cli/deployment/record.ts";
import {
  commandLine,
  hasDeployableExample,
  homeTyped,
  siteOf,
  stackFileFrom,
  withConfigValue,
  type Site,
} from "../../cli/site.ts";
import { parseCheckpoint, readLastUpdate } from "../../cli/deployment/state.ts";
import { problemsOf } from "../../cli/status.ts";
import { table, timeSpan } from "../../cli/terminal/terminal.ts";
import { changeCount } from "../../cli/deployment/plan.ts";
import { member } from "../member.ts";

const prefix = "urn:pulumi:dev::slipway::";

function temporarySite(): Site {
  return siteOf({ stack: "dev", home: mkdtempSync(join(tmpdir(), "slipway-cli-test-")) });
}

describe("a stack's state, read from its file", () => {
  const volume = (urn: string, name: string) => ({
    urn: prefix + urn,
    type: "docker:index/volume:Volume",
    inputs: { name },
  });
  const container = (id: string, name: string, label?: string) => ({
    urn: `${prefix}slipway:index:Service$docker:index/container:Container::${name}`,
    type: "docker:index/container:Container",
    id,
    inputs: { name, labels: label === undefined ? [] : [{ label, value: name.slice(1) }] },
  });
  const checkpoint = {
    version: 3,
    checkpoint: {
      latest: {
        resources: [
          {
            urn: `${prefix}slipway:index:Host$random:index/randomId:RandomId::host-state`,
            type: "random:index/randomId:RandomId",
            outputs: { hex: "abc" },
          },
          {
            urn: `${prefix}slipway:index:Service$random:index/randomId:RandomId::db-healthy`,
            type: "random:index/randomId:RandomId",
            outputs: { hex: "def" },
          },
          volume("slipway:index:Volume$docker:index/volume:Volume::data", "data"),
          volume("slipway:index:FileVolume$docker:index/volume:Volume::files", "files"),
          container("c1", "xmysql", "slipway.service"),
          container("c2", "xupgrade", "slipway.task"),
          container("c3", "xfiles"),
        ],
        pending_operations: [{ type: "creating", resource: { urn: `${prefix}t::server`, type: "t" } }],
      },
    },
  };

  it("tells the state's id, containers, volumes of data and unfinished operations", () => {
    assert.deepEqual(parseCheckpoint(JSON.stringify(checkpoint)), {
      resources: 7,
      stateId: "abc",
      pending: [{ type: "creating", urn: `${prefix}t::server` }],
      containers: [
        { id: "c1", name: "xmysql", member: "mysql" },
        { id: "c2", name: "xupgrade", member: "upgrade" },
        { id: "c3", name: "xfiles" },
      ],
      dataVolumes: ["data"],
    });
  });

  it("may hold nothing yet", () => {
    assert.deepEqual(parseCheckpoint('{"version":3,"checkpoint":{"stack":"dev"}}'), {
      resources: 0,
      pending: [],
      containers: [],
      dataVolumes: [],
    });
  });

  it("comes with how the last operation ended", () => {
    const site = temporarySite();
    assert.equal(readLastUpdate(site), undefined);
    const folder = join(site.folders.state, ".pulumi", "history", "slipway", "dev");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "dev-1.history.json"), '{"kind":"update","result":"succeeded","endTime":1}');
    writeFileSync(join(folder, "dev-2.history.json"), '{"kind":"update","result":"failed","endTime":2}');
    writeFileSync(join(folder, "dev-2.checkpoint.json"), "{}");
    assert.deepEqual(readLastUpdate(site), { kind: "update", result: "failed", time: new Date(2000) });
  });
});

describe("a lock of Pulumi's", () => {
  const lock = { pid: 7, username: "eva", hostname: "here", timestamp: "2026-01-31T12:00:00Z" };

  it("is left behind when its process has ended, and of unknown worth on another machine", () => {
    assert.equal(lockState(lock, { hostname: "here", runs: () => true }), "held");
    assert.equal(lockState(lock, { hostname: "here", runs: () => false }), "left behind");
    assert.equal(lockState(lock, { hostname: "there", runs: () => false }), "elsewhere");
  });

  function lockedSite(content: object): { site: Site; folder: string } {
    const site = temporarySite();
    const folder = join(site.folders.state, ".pulumi", "locks", "organization", "slipway", "dev");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "1.json"), JSON.stringify(content));
    return { site, folder };
  }

  it("is removed when it was left behind", () => {
    // No process has this number: it is above the highest that Linux gives.
    const left = { ...lock, pid: 2 ** 22 + 1, hostname: hostname() };
    const { site, folder } = lockedSite(left);
    assert.deepEqual(clearLocks(site), [left]);
    assert.deepEqual(readdirSync(folder), []);
    assert.deepEqual(clearLocks(site), []);
  });

  it("of another machine is left alone, with what to type", () => {
    const { site, folder } = lockedSite({ ...lock, hostname: `not-${hostname()}` });
    assert.throws(() => clearLocks(site), /eva \(process 7 on .*at 2026-01-31T12:00:00Z.*type: rm '.*1\.json'/s);
    assert.equal(readdirSync(folder).length, 1);
  });
});

describe("what a killed engine leaves running", () => {
  const plugin = "/home/eva/.pulumi/plugins/resource-docker-v5/pulumi-resource-docker";

  it("are the helpers that no running engine has started", () => {
    const processes = [
      { pid: 1, parent: 0, command: ["/sbin/init"] },
      { pid: 10, parent: 1, command: ["pulumi", "up"] },
      { pid: 11, parent: 10, command: [plugin, "127.0.0.1:1"] },
      { pid: 12, parent: 10, command: ["/opt/pulumi-language-nodejs"] },
      { pid: 13, parent: 12, command: ["node", "/x/node_modules/@pulumi/pulumi/cmd/run/index.js"] },
      { pid: 20, parent: 1, command: [plugin, "127.0.0.1:2"] },
      { pid: 21, parent: 1, command: ["node", "/x/node_modules/@pulumi/pulumi/cmd/run/index.js"] },
      { pid: 22, parent: 1, command: ["node", "cli/main.ts"] },
      { pid: 23, parent: 99, command: ["/opt/pulumi-language-nodejs"] },
    ];
    assert.deepEqual(
      orphansAmong(processes).map(({ pid }) => pid),
      [20, 21, 23],
    );
  });
});

describe("env", () => {
  it("prints lines that a POSIX shell takes as they are meant", () => {
    const value = `a b'c"d$e\\f\n\`g\``;
    const script = `${exports({ X: value }).join("\n")}\nprintf %s "$X"`;
    assert.equal(execFileSync("sh", ["-c", script], { encoding: "utf8" }), value);
  });
});

describe("a command to type", () => {
  it("names stack and home where they are not the usual ones, so that a shell takes them as they are", () => {
    assert.equal(commandLine("logs web", { stack: "dev" }), "./slipway logs web");
    const line = commandLine("up", { stack: "prod", home: "/home/eva's $x" });
    const args = execFileSync("sh", ["-c", `printf '%s\\n' ${line}`], { encoding: "utf8" });
    assert.equal(args, "./slipway\nup\n--stack\nprod\n--home\n/home/eva's $x\n");
  });
});

describe("a home that is typed", () => {
  it("is below the folder where it was typed, also by npm, which runs its scripts in the clone", () => {
    assert.equal(homeTyped("trial", {}), join(process.cwd(), "trial"));
    assert.equal(homeTyped("trial", { INIT_CWD: "/home/me" }), join(process.cwd(), "trial"));
    assert.equal(homeTyped("trial", { INIT_CWD: "/home/me", npm_lifecycle_event: "up" }), "/home/me/trial");
    assert.equal(homeTyped("/own", { INIT_CWD: "/home/me", npm_lifecycle_event: "up" }), "/own");
  });
});

describe("output", () => {
  it("shows secrets on request only", () => {
    const outputs = { url: { value: "https://x", secret: false }, password: { value: "hidden", secret: true } };
    assert.deepEqual(shown(outputs, false), { url: "https://x", password: "[secret]" });
    assert.deepEqual(shown(outputs, true), { url: "https://x", password: "hidden" });
  });

  it("is listed with each system's address, and not with what else the command line is told of it", () => {
    const system = { name: "clinic", title: "Clinic", url: "https://x", probe: { address: "127.0.0.1", port: 1 } };
    assert.deepEqual(listing({ systems: [system], password: "[secret]", ports: [1] }), [
      "Clinic: https://x",
      "password: [secret]",
      "ports: [\n  1\n]",
    ]);
    assert.deepEqual(listing({}), []);
  });
});

describe("logs", () => {
  it("takes spans and times", () => {
    const now = Date.parse("2026-01-31T12:00:00Z");
    assert.equal(sinceSeconds("30s", now), now / 1000 - 30);
    assert.equal(sinceSeconds("2h", now), now / 1000 - 7200);
    assert.equal(sinceSeconds("2026-01-31T11:00:00Z", now), now / 1000 - 3600);
    assert.throws(() => sinceSeconds("soon", now), { exitCode: 2 });
  });
});

describe("a stack file made from the example", () => {
  const example =
    "# yaml-language-server: $schema=./schemas/stack.schema.json\n# Why.\nconfig:\n  slipway:camcops:\n    # name: x\n    hostPort: 8443 # high\n";

  it("names the schema by its full path and keeps everything else", () => {
    assert.equal(stackFileFrom(example, { clone: "/clone" }), example.replace("./schemas", "/clone/schemas"));
    const remote = "# yaml-language-server: $schema=https://example.org/x.json\n";
    assert.equal(stackFileFrom(remote, { clone: "/clone" }), remote);
  });

  it("is deployed as it is when it is the example of a stack for development, and fitted to the site otherwise", () => {
    for (const stack of ["dev", "ocs-dev"]) assert.equal(hasDeployableExample(stack), true, stack);
    for (const stack of ["staging", "prod", "clinic2"]) assert.equal(hasDeployableExample(stack), false, stack);
  });

  it("gets an environment when its name is none", () => {
    assert.match(
      stackFileFrom(example, { clone: "/c", environment: "dev" }),
      /^config:\n {2}slipway:environment: "dev"\n/m,
    );
  });
});

describe("a key set in a stack file", () => {
  const set = (text: string) => withConfigValue(text, "imageRevision", "2026-01-31T12:00:00.000Z");
  const entry = 'slipway:imageRevision: "2026-01-31T12:00:00.000Z"';

  it("replaces its former value, and leaves the same key in a comment alone", () => {
    const text = "config:\n  # slipway:imageRevision: example\n  slipway:imageRevision: old # why\n  slipway:x: 1\n";
    assert.equal(set(text), `config:\n  # slipway:imageRevision: example\n  ${entry}\n  slipway:x: 1\n`);
  });

  it("comes first where it was not set, as deep as the others", () => {
    assert.equal(
      set("config: # all\n\n    # a comment\n    slipway:x: 1\n"),
      `config: # all\n    ${entry}\n\n    # a comment\n    slipway:x: 1\n`,
    );
  });

  it("changes no other line of the examples", () => {
    for (const environment of ["dev", "staging", "prod"]) {
      const text = readFileSync(new URL(`../../Pulumi.${environment}.yaml`, import.meta.url), "utf8");
      assert.equal(set(text).replace(`\n  ${entry}`, ""), text);
    }
  });

  it("is refused where there is no block to set it in", () => {
    assert.throws(() => set("config: {}\n"), /Set it yourself/);
    assert.throws(() => set(""), /Set it yourself/);
  });
});

describe("the record of a deployment", () => {
  const before: DeploymentRecord = {
    user: "eva",
    machine: "m",
    clone: "/a",
    commit: "0123456789abcdef",
    time: "2026-01-31T12:00:00Z",
  };

  it("names another user, machine or clone", () => {
    assert.equal(otherDeployer(before, { ...before, commit: "other", time: "later" }), undefined);
    for (const other of [{ user: "bo" }, { machine: "n" }, { clone: "/b" }]) {
      assert.equal(
        otherDeployer(before, { ...before, ...other }),
        "was last deployed by eva on m, from the clone /a (commit 0123456789ab), at 2026-01-31T12:00:00Z",
      );
    }
  });
});

describe("a container as Docker describes it", () => {
  const info = (labels: Record<string, string>, more: object) =>
    ({
      Id: "1",
      Name: "/camcops-server",
      RestartCount: 2,
      Config: { Image: "sha256:1", Labels: labels },
      HostConfig: { PortBindings: null },
      State: { Status: "running", ExitCode: 0, StartedAt: "2026-01-31T12:00:00Z", FinishedAt: "0001-01-01T00:00:00Z" },
      ...more,
    }) as unknown as Docker.ContainerInspectInfo;

  it("is read with ports, health and operations", () => {
    const operations = { version: 1, shell: ["sh"] };
    const read = memberOf(
      info(
        {
          "slipway.system": "camcops",
          "slipway.service": "camcops_server",
          "slipway.image": "slipway/camcops:1",
          "slipway.operations": JSON.stringify(operations),
        },
        {
          HostConfig: { PortBindings: { "8000/tcp": [{ HostIp: "127.0.0.1", HostPort: "8443" }], "1/tcp": null } },
          State: {
            Status: "running",
            ExitCode: 0,
            StartedAt: "2026-01-31T12:00:00Z",
            FinishedAt: "0001-01-01T00:00:00Z",
            Health: { Status: "healthy" },
          },
        },
      ),
    );
    assert.deepEqual(read, {
      ...member({ name: "camcops_server", container: "camcops-server", image: "slipway/camcops:1", restarts: 2 }),
      startedAt: new Date("2026-01-31T12:00:00Z"),
      finishedAt: new Date("0001-01-01T00:00:00Z"),
      ports: [{ address: "127.0.0.1", hostPort: 8443, containerPort: 8000 }],
      operations,
    });
  });

  it("was stopped by somebody where Docker would have started it again after any other end", () => {
    const stopped = (policy: string, state: Partial<Docker.ContainerInspectInfo["State"]> = {}) => {
      const { HostConfig: host, State: end } = info({}, {});
      const read = info(
        { "slipway.service": "mysql" },
        {
          HostConfig: { ...host, RestartPolicy: { Name: policy } },
          State: { ...end, Status: "exited", Error: "", ...state },
        },
      );
      return memberOf(read).stopped;
    };
    for (const policy of ["always", "unless-stopped"]) {
      assert.equal(stopped(policy, { ExitCode: 137 }), true);
      assert.equal(stopped(policy, { Status: "restarting" }), false);
      assert.equal(stopped(policy, { ExitCode: 128, Error: "port is already allocated" }), false);
    }
    for (const policy of ["no", "on-failure", ""]) assert.equal(stopped(policy), false);
  });

  it("may be a task's, without ports and health", () => {
    const read = memberOf(info({ "slipway.system": "camcops", "slipway.task": "upgrade_db" }, {}));
    assert.equal(read.kind, "task");
    assert.equal(read.name, "upgrade_db");
    assert.equal(read.health, undefined);
    assert.deepEqual(read.ports, []);
  });
});

describe("whether a stack is well", () => {
  it("depends on every service being healthy and every task having passed", () => {
    assert.equal(complaint(member()), undefined);
    assert.equal(complaint(member({ health: "unhealthy" })), "unhealthy");
    assert.equal(complaint(member({ health: "starting" })), "starting");
    assert.equal(complaint(member({ state: "exited", exitCode: 137 })), "exited with code 137");
    assert.equal(complaint(member({ state: "restarting" })), "restarting");
    for (const state of ["created", "exited"]) assert.equal(complaint(member({ state, standby: true })), undefined);
    assert.equal(complaint(member({ health: "unhealthy", standby: true })), "unhealthy");
    const task = { kind: "task", state: "exited" } as const;
    assert.equal(complaint(member(task)), undefined);
    assert.equal(complaint(member({ ...task, exitCode: 3 })), "failed with exit code 3");
    assert.equal(complaint(member({ kind: "task", state: "running" })), "still running");
    assert.equal(complaint(member({ kind: "task", state: "created" })), "created");
    assert.equal(complaint(member({ kind: "task", state: "created", standby: true })), undefined);
  });

  it("is not decided while a service starts", () => {
    assert.equal(isSettling(member({ health: "starting" })), true);
    assert.equal(isSettling(member()), false);
    assert.equal(isSettling(member({ state: "exited", health: "starting" })), false);
  });

  const state = parseCheckpoint('{"checkpoint":{}}');
  const good = { state, lastUpdate: { kind: "update", result: "succeeded", time: new Date(0) } };
  const options = { stack: "prod", yes: false };

  it("is no worse for what somebody stopped, but for what ended by itself", () => {
    assert.deepEqual(problemsOf([member()], good, options), []);
    assert.deepEqual(problemsOf([member()], { state: undefined, lastUpdate: undefined }, options), []);
    assert.deepEqual(problemsOf([member({ state: "exited", stopped: true })], good, options), []);
    assert.deepEqual(problemsOf([member({ state: "exited", exitCode: 1 })], good, options), [
      "mysql (camcops-mysql): exited with code 1",
    ]);
  });

  it("needs backups by schedule to be taken", () => {
    const backup = member({
      name: "backup",
      container: "camcops-backup",
      operations: { version: 1, shell: ["bash"], reportsBackups: true },
    });
    const stopped = { ...backup, state: "exited", stopped: true };
    assert.deepEqual(problemsOf([member(), stopped], good, options), [
      "backup: it is stopped, so that no backups are taken by schedule. To start it again, type: ./slipway start backup --stack prod",
    ]);
    assert.deepEqual(problemsOf([member(), { ...backup, state: "exited", health: "unhealthy" }], good, options), [
      "backup (camcops-backup): exited with code 0",
    ]);
  });

  it("needs every container that the state holds", () => {
    const containers = [
      { id: "1", name: "camcops-mysql", member: "mysql" },
      { id: "2", name: "camcops-server", member: "camcops_server" },
      { id: "3", name: "camcops-files" },
    ];
    assert.deepEqual(problemsOf([member()], { ...good, state: { ...state, containers } }, options), [
      "camcops_server (camcops-server): its container is missing",
    ]);
  });

  it("needs the last deployment to have come to its end", () => {
    const failed = { kind: "update", result: "failed", time: new Date(0) };
    assert.deepEqual(problemsOf([member()], { ...good, lastUpdate: failed }, options), [
      "the last deployment, which ended at 1970-01-01T00:00:00.000Z, failed: ./slipway up --stack prod",
    ]);
    const pending = [{ type: "creating", urn: "x" }];
    assert.deepEqual(problemsOf([member()], { ...good, state: { ...state, pending } }, options), [
      "the last deployment was killed: ./slipway up --stack prod",
    ]);
  });
});

describe("the engine's errors", () => {
  it("name what may not be deleted because data depend on it", () => {
    const urn =
      "urn:pulumi:dev::slipway::slipway:camcops:Camcops$docker:index/volume:Volume::camcops-mysql-data-volume";
    const replaced = `unable to replace resource "${urn}" as it is currently marked for protection. To unprotect …`;
    const deleted = `resource "${urn}" cannot be deleted\nbecause it is protected. To unprotect the resource …`;
    for (const message of [replaced, deleted])
      assert.deepEqual(protectedResource(message), ["camcops-mysql-data-volume"]);
    assert.deepEqual(protectedResource(`resource "${urn}" has a problem`), []);
  });

  it("are shown in the words of those who raised them", () => {
    assert.equal(
      plainMessage('after hook "Container_db_afterCreate_0" failed: db is unhealthy.\nLast log lines:\n'),
      "db is unhealthy.\nLast log lines:",
    );
    assert.equal(plainMessage("<{%fg 1%}>bad<{%reset%}>\n"), "bad");
  });

  const diagnostic = (severity: "error" | "warning", message: string): EngineEvent => ({
    sequence: 1,
    timestamp: 0,
    diagnosticEvent: { message, severity, color: "never" },
  });

  it("take the place of the command's own failure", async () => {
    const run = runEngine(
      ({ onEvent }) => {
        onEvent(diagnostic("error", 'before hook "x" failed: first\n'));
        onEvent(diagnostic("error", "second\n"));
        onEvent(diagnostic("error", "update failed\n"));
        return Promise.reject(new Error("code: -2"));
      },
      { again: "./slipway up" },
    );
    await assert.rejects(run, new Failure("first\n\nsecond"));
  });

  it("fall back to what the command printed", async () => {
    const run = runEngine(
      ({ onError }) => {
        onError("error: no such plugin\n");
        return Promise.reject(new Error("code: -2"));
      },
      { again: "./slipway up" },
    );
    await assert.rejects(run, new Failure("error: no such plugin"));
  });

  it("are not warnings, which come with the result, each once", async () => {
    const { result, warnings } = await runEngine(
      ({ onEvent }) => {
        onEvent(diagnostic("warning", "mind this\n"));
        onEvent(diagnostic("warning", "mind this\n"));
        return Promise.resolve(1);
      },
      { again: "" },
    );
    assert.deepEqual({ result, warnings }, { result: 1, warnings: ["mind this"] });
  });

  it("give way to an interruption, which the engine is asked to carry out", async () => {
    const run = runEngine(
      ({ signal }) =>
        new Promise<never>((_, reject) => {
          signal.addEventListener("abort", () => {
            reject(new Error("code: -2"));
          });
          process.emit("SIGTERM");
        }),
      { again: "./slipway up" },
    );
    await assert.rejects(run, { exitCode: 130, message: /To go on, type: \.\/slipway up/ });
    assert.equal(process.listenerCount("SIGTERM"), 0);
  });
});

describe("progress", () => {
  const service = "urn:pulumi:dev::slipway::slipway:index:Service::db";
  const container = {
    type: "docker:index/container:Container",
    urn: "urn:pulumi:dev::slipway::slipway:index:Service$docker:index/container:Container::db-container",
    inputs: { labels: [{ label: "slipway.service", value: "db" }] },
  };
  const gate = {
    type: "random:index/randomId:RandomId",
    urn: "urn:pulumi:dev::slipway::slipway:index:Service$random:index/randomId:RandomId::db-healthy",
    inputs: {},
  };

  function event(
    kind: "resourcePreEvent" | "resOutputsEvent",
    op: OpType,
    of: typeof container | typeof gate,
  ): EngineEvent {
    const side = { ...of, id: "", parent: service, outputs: {}, provider: "" };
    return {
      sequence: 1,
      timestamp: 0,
      [kind]: { metadata: { op, urn: of.urn, type: of.type, new: side, provider: "" } },
    };
  }

  async function followed(...events: EngineEvent[]): Promise<string[]> {
    const said: string[] = [];
    const progress = followProgress({
      note: (message) => said.push(message),
      step: async (what, _, work) => {
        said.push(`… ${what}`);
        try {
          const result = await work(() => undefined);
          said.push(`✓ ${what}`);
          return result;
        } catch (error) {
          said.push(`✗ ${what}`);
          throw error;
        }
      },
    });
    for (const one of events) progress.onEvent(one);
    await new Promise(setImmediate);
    said.push("(end)");
    progress.end();
    await new Promise(setImmediate);
    return said;
  }

  it("shows a service as starting until it is healthy", async () => {
    const created = [event("resourcePreEvent", "create", container), event("resOutputsEvent", "create", container)];
    assert.deepEqual(await followed(...created), ["… Starting db", "(end)", "✗ Starting db"]);
    const healthy = [event("resourcePreEvent", "create", gate), event("resOutputsEvent", "create", gate)];
    assert.deepEqual(await followed(...created, ...healthy), ["… Starting db", "✓ Starting db", "(end)"]);
  });

  it("shows what failed", async () => {
    const failure: EngineEvent = {
      sequence: 1,
      timestamp: 0,
      diagnosticEvent: { urn: gate.urn, message: "db is unhealthy", severity: "error", color: "never" },
    };
    assert.deepEqual(
      await followed(
        event("resourcePreEvent", "create", container),
        event("resourcePreEvent", "create", gate),
        failure,
      ),
      ["… Starting db", "✗ Starting db", "(end)"],
    );
  });

  it("shows the stop of a former container", async () => {
    assert.deepEqual(
      await followed(
        event("resourcePreEvent", "delete-replaced", container),
        event("resOutputsEvent", "delete-replaced", container),
      ),
      ["… Stopping db", "✓ Stopping db", "(end)"],
    );
  });
});

describe("the probe of a published address", () => {
  it("passes when the page answers with 200, and speaks of TLS only where there is some", async () => {
    const server = createServer((request, response) => {
      response.statusCode = request.url === "/login" ? 200 : 404;
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    try {
      await probe("CamCOPS", { address: "127.0.0.1", port, path: "/login" });
      assert.equal(await servedCertificate("127.0.0.1", port), undefined);
    } finally {
      server.close();
    }
  });
});

describe("small things", () => {
  it("counts changes as the engine does", () => {
    assert.equal(changeCount({ same: 22 }), 0);
    assert.equal(changeCount({ same: 20, create: 1, replace: 2 }), 3);
  });

  it("writes time spans and tables", () => {
    assert.equal(timeSpan(45_000), "45 s");
    assert.equal(timeSpan(12 * 60_000), "12 min");
    assert.equal(timeSpan(185 * 60_000), "3 h 5 min");
    assert.equal(timeSpan(52 * 3_600_000), "2 d 4 h");
    assert.deepEqual(
      table([
        ["A", "LONG", "C"],
        ["1", "2", "3"],
      ]),
      ["A  LONG  C", "1  2     3"],
    );
  });

  it("finds files below a chosen home", () => {
    const site = siteOf({ stack: "dev", home: "/h" });
    assert.equal(site.stackFile, "/h/stacks/Pulumi.dev.yaml");
    assert.equal(site.recordFile, "/h/deployments/dev.json");
  });
});

after(() => {
  for (const name of readdirSync(tmpdir()).filter((one) => one.startsWith("slipway-cli-test-"))) {
    rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
});
