import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type Docker from "dockerode";
import { grafanaImage } from "../../settings/ocs/settings.ts";
import { Deployment } from "./support/deployment.ts";
import { exec, untilHealthy } from "./support/docker.ts";
import { assertHardened } from "./support/hardening.ts";
import { freePorts } from "./support/ports.ts";
import { proveSchedule } from "./support/backup-schedule.ts";
import { assertExit } from "./support/processes.ts";
import { Sandbox } from "./support/sandbox.ts";
import { until } from "./support/until.ts";

/** Seconds within which an agent that starts or comes back has to be healthy, on a busy machine. */
const patience = 180;

/** Times of the agents' samples are this far apart, in milliseconds. */
const period = 200;

const database = "ocs_feeds";
const frames = readFileSync(new URL("ocs-frames.py", import.meta.url), "utf8");

/** An agent that makes up five samples a second. */
function fakeAgent(instanceId: string, more: Record<string, unknown> = {}) {
  const args = ["--mode", "acq", "--num-channels", 1, "--sample-rate", 1000 / period, "--frame-length", 5];
  return { instanceId, agentClass: "FakeDataAgent", arguments: args, ...more };
}

type Containers = ReadonlyMap<string, Docker.ContainerInspectInfo>;

/** When containers were last started, by their ids. */
function starts(containers: Containers): Record<string, string> {
  return Object.fromEntries([...containers.values()].map(({ Id: id, State: state }) => [id, state.StartedAt]));
}

describe("OCS, its core and its agents as two stacks", function () {
  this.timeout(10 * 60_000);
  this.slow(60_000);

  let sandbox: Sandbox;
  let core: Deployment;
  let agents: Deployment;
  let ports: { crossbar: number; influxdb: number; grafana: number };
  const all = [fakeAgent("steady"), fakeAgent("changing"), fakeAgent("on-host", { network: "host" })];

  /** Asks InfluxDB from the host. */
  async function query(q: string): Promise<(string | number)[][]> {
    const url = `http://127.0.0.1:${ports.influxdb}/query?${new URLSearchParams({ db: database, epoch: "ms", q }).toString()}`;
    const answer = (await (await fetch(url)).json()) as {
      results: { series?: { values: (string | number)[][] }[]; error?: string }[];
    };
    const [result] = answer.results;
    assert.equal(result?.error, undefined, result?.error);
    return result?.series?.[0]?.values ?? [];
  }

  /** The times of an agent's points in InfluxDB since a time, in milliseconds. */
  async function times(instanceId: string, since: number): Promise<number[]> {
    const from = `FROM FakeDataAgent WHERE instance_id = '${instanceId}' AND time >= ${since}ms`;
    return (await query(`SELECT temperature ${from}`)).map(([time]) => Number(time));
  }

  /** Waits until points of an agent arrive that were taken after a time. */
  async function untilPoints(instanceId: string, since: number): Promise<void> {
    const what = `points of ${instanceId} taken after ${new Date(since).toISOString()} are in InfluxDB`;
    await until(what, patience, async () => (await times(instanceId, since)).length > 0);
  }

  /** Fails when an agent's points since a time are not as evenly spaced as they were taken. */
  async function assertNoGap(instanceId: string, since: number): Promise<void> {
    const now = Date.now();
    await untilPoints(instanceId, now);
    const taken = (await times(instanceId, since)).filter((time) => time <= now);
    assert.ok(taken.length > ((now - since) / period) * 0.9, `${instanceId}: ${taken.length} points`);
    const steps = taken.slice(1).map((time, index) => time - (taken[index] ?? 0));
    assert.ok(Math.max(...steps) <= period + 1, `a gap of ${Math.max(...steps)} ms`);
  }

  /** Calls a procedure of an agent as a client on the host does. */
  async function call(procedure: string, args: unknown[]): Promise<unknown> {
    const response = await fetch(`http://127.0.0.1:${ports.crossbar}/call`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ procedure, args }),
    });
    const answer = (await response.json()) as { args?: unknown[]; error?: string };
    assert.equal(answer.error, undefined);
    return answer.args?.[0];
  }

  /** Starts or stops the acquisition of an agent. */
  const acquisition = (instanceId: string, action: "start" | "stop", params: Record<string, unknown> = {}) =>
    call(`observatory.${instanceId}.ops`, [action, "acq", params]);

  async function acquisitionHasEnded(instanceId: string): Promise<boolean> {
    const answer = (await call(`observatory.${instanceId}.ops`, ["status", "acq"])) as [
      number,
      string,
      { status: string },
    ];
    return answer[2].status === "done";
  }

  const health = async (instanceId: string) => {
    const { State: state } = await sandbox.docker.getContainer(`${agents.name}-${instanceId}`).inspect();
    return state.Health;
  };

  before(async () => {
    sandbox = new Sandbox();
    const [crossbar = 0, influxdb = 0, grafana = 0] = await freePorts(3);
    ports = { crossbar, influxdb, grafana };
    const none = { container: false };
    core = new Deployment(sandbox, {
      stack: "ocs-core",
      name: `${sandbox.prefix}-core`,
      system: "ocs",
      settings: {
        crossbar: { hostPort: crossbar },
        influxdb: { hostPort: influxdb },
        grafana: none,
        aggregator: none,
        publisher: none,
        registry: none,
      },
    });
    agents = new Deployment(sandbox, {
      stack: "ocs-agents",
      name: `${sandbox.prefix}-agents`,
      system: "ocs",
      settings: {
        network: { kind: "stack", stack: "ocs-core" },
        crossbar: { container: false, hostPort: crossbar },
        influxdb: none,
        grafana: none,
        aggregator: { secondsPerFile: 10 },
        agents: all,
        healthInterval: 2,
      },
    });
    await core.up();
    await agents.up();
  });

  after(async () => {
    await sandbox.remove();
  });

  it("brings the points of an agent to InfluxDB through the publisher", async () => {
    const begin = Date.now();
    await untilPoints("steady", begin);
  });

  it("brings the points of an agent on the host's network there, too", async () => {
    await untilPoints("on-host", Date.now());
    const { HostConfig: host } = await sandbox.docker.getContainer(`${agents.name}-on-host`).inspect();
    assert.equal(host.NetworkMode, "host");
  });

  it("writes the samples to .g3 files through the aggregator, as user 9000", async () => {
    const container = `${agents.name}-aggregator`;
    await until("samples of all agents are in .g3 files", patience, async () => {
      const { stdout } = assertExit(await exec(container, ["python", "-c", frames]), 0);
      const samples = JSON.parse(stdout) as Record<string, number>;
      return all.every(({ instanceId }) => (samples[`observatory.${instanceId}.feeds.false_temperatures`] ?? 0) >= 25);
    });
    const owners = assertExit(await exec(container, ["find", "/data", "-name", "*.g3", "!", "-user", "9000"]), 0);
    assert.equal(owners.stdout, "");
  });

  it("gives clients on the host a site configuration with all agents", async () => {
    const { stdout } = assertExit(await agents.slipway("output", "ocsSiteConfig"), 0);
    assert.match(stdout, new RegExp(`wamp_http: http://127\\.0\\.0\\.1:${ports.crossbar}/call`));
    for (const id of ["aggregator", "influxagent", "registry", "steady", "changing", "on-host"]) {
      assert.match(stdout, new RegExp(`instance-id: ${id}\n`));
    }
  });

  it("has every service without root, limited, watched, and with a rotated log", async () => {
    const services = [...(await core.containers()), ...(await agents.containers())].filter(
      ([name]) => !name.endsWith("-files"),
    );
    assert.deepEqual(services.map(([name]) => name).sort(), [
      ...["aggregator", "changing", "crossbar", "influxagent", "influxdb", "on-host", "registry", "steady"],
    ]);
    for (const [name, info] of services) assertHardened(name, info);
  });

  it("replaces an agent that is changed, makes one that is added, and loses no point of the others", async () => {
    const begin = Date.now();
    const before = await agents.containers();
    const changed = { ...fakeAgent("changing"), arguments: ["--mode", "acq", "--num-channels", 3] };
    agents.set({ agents: [all[0], changed, all[2], fakeAgent("added")] });
    await agents.up();

    assert.deepEqual(await agents.replacedSince(before), ["added", "changing"]);
    await untilPoints("added", begin);
    await assertNoGap("steady", begin);
    await assertNoGap("on-host", begin);
  });

  it("removes and restarts agents, and loses no point of the others", async () => {
    const begin = Date.now();
    const before = await agents.containers();
    agents.set({ agents: all });
    await agents.up();
    await sandbox.docker.getContainer(`${agents.name}-changing`).restart();
    await untilHealthy(sandbox.docker, `${agents.name}-changing`, patience);

    assert.deepEqual(await agents.replacedSince(before), ["changing"]);
    assert.equal((await agents.containers()).has("added"), false);
    await untilPoints("changing", Date.now());
    await assertNoGap("steady", begin);
  });

  it("makes an agent that is not to run, and leaves it to the user to start and stop", async () => {
    agents.set({ agents: [...all, fakeAgent("spare", { running: false })] });
    await agents.up();
    const spare = sandbox.docker.getContainer(`${agents.name}-spare`);
    assert.equal((await spare.inspect()).State.Status, "created");
    assertExit(await agents.slipway("status"), 0);

    await spare.start();
    await untilHealthy(sandbox.docker, `${agents.name}-spare`, patience);
    await untilPoints("spare", Date.now());
    await agents.expectNoChanges();
    await core.expectNoDrift();
    await agents.expectNoDrift();
    await spare.stop();
    assert.equal((await spare.inspect()).State.ExitCode, 0);
    assertExit(await agents.slipway("status"), 0);
    await agents.expectNoChanges();
  });

  it("calls an agent unhealthy while one of its processes calls itself degraded", async () => {
    await acquisition("changing", "stop");
    await until("the acquisition has ended", patience, () => acquisitionHasEnded("changing"));
    await acquisition("changing", "start", { degradation_period: 600 });
    await until("the agent is unhealthy", patience, async () => (await health("changing"))?.Status === "unhealthy");
    assert.match((await health("changing"))?.Log.at(-1)?.Output ?? "", /the process acq degraded/);
    const status = assertExit(await agents.slipway("status"), 3);
    assert.match(status.stderr, /changing \(.*\): unhealthy/);

    await acquisition("changing", "stop");
    await until("the acquisition has ended", patience, () => acquisitionHasEnded("changing"));
    await acquisition("changing", "start");
    await untilHealthy(sandbox.docker, `${agents.name}-changing`, patience);
  });

  it("loses no agent when Crossbar is killed, and the data resume by themselves", async () => {
    const before = starts(await agents.containers());
    const crossbar = `${core.name}-crossbar`;
    const { State: state, Image: image } = await sandbox.docker.getContainer(crossbar).inspect();
    // As the kernel ends a process when memory runs out. `docker kill` would count as a stop by hand.
    const shell = ["--name", `${core.name}-crash`, "--pid=host", "--user=0", "--entrypoint=bash", image];
    assertExit(await sandbox.run("docker", ["run", "--rm", ...shell, "-c", `kill -KILL ${state.Pid}`]), 0);
    await until("Docker has started Crossbar anew", patience, async () => {
      const { State: now, RestartCount: restarts } = await sandbox.docker.getContainer(crossbar).inspect();
      return restarts === 1 && now.Health?.Status === "healthy";
    });

    const since = Date.now();
    for (const { instanceId } of all) await untilPoints(instanceId, since);
    assert.deepEqual(starts(await agents.containers()), before);
    for (const name of (await agents.containers()).keys()) {
      if (name !== "spare" && !name.endsWith("-files"))
        await untilHealthy(sandbox.docker, `${agents.name}-${name}`, patience);
    }
    assertExit(await agents.slipway("status"), 0);
  });

  it("has its data in InfluxDB dumped and loaded by the commands in its label", async () => {
    const begin = Date.now();
    const end = begin + 3_000;
    // Points arrive a little after they were taken.
    await untilPoints("steady", end + 5_000);
    const points = async () => (await times("steady", begin)).filter((time) => time < end);
    const { Config: config } = await sandbox.docker.getContainer(`${core.name}-influxdb`).inspect();
    const { database: commands } = JSON.parse(config.Labels["slipway.operations"] ?? "") as {
      database: { dump: string[]; load: string[] };
    };
    const file = `${sandbox.folder}/influxdb.tar`;
    const shell = (script: string, command: string[]) =>
      sandbox.run("sh", ["-c", script, "sh", ...["docker", "exec", "-i", `${core.name}-influxdb`, ...command]]);
    const before = await points();
    assert.ok(before.length > 10);
    assertExit(await shell(`"$@" > ${file}`, commands.dump), 0);
    await query(`DELETE FROM FakeDataAgent WHERE time < ${end}ms`);
    assert.deepEqual(await points(), []);
    assertExit(await shell(`"$@" < ${file}`, commands.load), 0);
    assert.deepEqual(await points(), before);
    await untilPoints("steady", Date.now());
  });

  it("is backed up by schedule, InfluxDB over the network, and the drill restores it", async () => {
    const drill = await proveSchedule(sandbox, core.stack);
    assert.match(drill, /the database influxdb: \d+ rows in \d+ tables/);
    const again = await proveSchedule(sandbox, agents.stack);
    assert.match(again, /the files of aggregator in \/data: \d+ files, equal by checksum/);
    await untilPoints("steady", Date.now());
  });

  it("has nothing to do in a second preview of either stack", async () => {
    await core.expectNoChanges();
    await agents.expectNoChanges();
  });

  it("shows the points in Grafana (needs an image registry)", async function () {
    const isThere = await sandbox.docker
      .getImage(grafanaImage)
      .distribution()
      .then(
        () => true,
        () => false,
      );
    if (!isThere) this.skip();
    core.set({ grafana: { hostPort: ports.grafana } });
    await core.up();
    const password = assertExit(await core.slipway("output", "ocsGrafanaPassword", "--show-secrets"), 0).stdout.trim();
    const login = Buffer.from(`admin:${password}`).toString("base64");
    const url = new URL(`http://127.0.0.1:${ports.grafana}/api/datasources/proxy/uid/influxdb/query`);
    url.search = new URLSearchParams({ db: database, q: "SELECT count(temperature) FROM FakeDataAgent" }).toString();
    const response = await fetch(url, { headers: { authorization: `Basic ${login}` } });
    assert.equal(response.status, 200);
    assert.match(await response.text(), /"count"/);
    await core.expectNoChanges();
  });

  it("stops every service cleanly", async () => {
    const services = [...(await agents.containers()), ...(await core.containers())].filter(
      ([, { State: state }]) => state.Running,
    );
    assert.deepEqual(services.map(([name]) => name).sort(), [
      ...["aggregator", "backup", "backup", "backup-aggregator-files", "backup-influxdb", "changing", "crossbar"],
      ...["influxagent", "influxdb", "on-host", "registry", "steady"],
    ]);
    for (const [name, { Id: id }] of services) {
      await sandbox.docker.getContainer(id).stop();
      const { State: state } = await sandbox.docker.getContainer(id).inspect();
      // A shell that waits at a pipe ends by the signal itself.
      assert.equal(state.ExitCode, name.startsWith("backup-") ? 143 : 0, name);
    }
  });
});
