import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { parseStack } from "../../settings/parse.ts";
import { preflight } from "../../settings/preflight.ts";
import { SettingsError } from "../../settings/problems.ts";
import { dockerStub } from "../docker-stub.ts";

const agent = { instanceId: "LSA99ZZ", agentClass: "FakeDataAgent" };
const none = { container: false };

function stack(ocs: Record<string, unknown>, environment = "dev") {
  return parseStack({ stack: "lab", values: { environment, ocs }, encrypted: new Set() });
}

/** The problems of settings: each key with the beginning of its message. */
function problems(ocs: Record<string, unknown>, environment?: string): Record<string, string> {
  try {
    stack(ocs, environment);
    return {};
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    return Object.fromEntries(error.problems.map(({ key, message }) => [key, message]));
  }
}

describe("the settings of OCS", () => {
  it("have defaults for everything", () => {
    assert.deepEqual(problems({}), {});
    const { ocs } = stack({ agents: [agent] });
    assert.equal(ocs?.hostname, "ocs-docker");
    assert.deepEqual(ocs.network, { kind: "own" });
    assert.deepEqual(ocs.agents, [
      {
        ...agent,
        arguments: [],
        network: "stack",
        devices: [],
        groupIds: [],
        memory: 256,
        restart: "unless-stopped",
        running: true,
      },
    ]);
  });

  const sharedNetwork = { kind: "stack", stack: "ocs-core" };
  const faults: [title: string, ocs: Record<string, unknown>, key: string, message: RegExp][] = [
    ["two services on one port", { grafana: { hostPort: 8086 } }, "ocs.grafana.hostPort", /differ from ocs\.influxdb/],
    [
      "the same instance id twice",
      { agents: [agent, agent] },
      "ocs.agents[1].instanceId",
      /ocs\.agents\[0\]\.instanceId has the same name/,
    ],
    [
      "an instance id of OCS's own agents",
      { agents: [{ ...agent, instanceId: "registry" }] },
      "ocs.agents[0].instanceId",
      /ocs\.registry\.instanceId has the same name/,
    ],
    [
      "an agent with the name of a service",
      { agents: [{ ...agent, instanceId: "crossbar" }] },
      "ocs.agents[0].instanceId",
      /a container of the stack has the same name/,
    ],
    [
      "an agent without a class",
      { agents: [{ instanceId: "a" }] },
      "ocs.agents[0].agentClass",
      /must name the agent's/,
    ],
    [
      "a class beside the user's own file",
      { siteConfigDirectory: "/etc/ocs", agents: [agent] },
      "ocs.agents[0].agentClass",
      /must not be set, because the file/,
    ],
    [
      "arguments beside the user's own file",
      { siteConfigDirectory: "/etc/ocs", agents: [{ instanceId: "a", arguments: ["--mode", "acq"] }] },
      "ocs.agents[0].arguments",
      /must not be set, because the file/,
    ],
    [
      "a server that is the stack's own",
      { crossbar: { server: "10.1.1.1" } },
      "ocs.crossbar.server",
      /must not be set/,
    ],
    ["agents that no Crossbar is there for", { crossbar: none }, "ocs.network", /must be one that crossbar is on/],
    ["a publisher without InfluxDB", { influxdb: none }, "ocs.network", /must be one that influxdb is on/],
    [
      "a stack that runs nothing",
      {
        ...{ crossbar: none, influxdb: none, grafana: none, aggregator: none, publisher: none, registry: none },
        network: sharedNetwork,
      },
      "ocs.agents",
      /must hold an agent/,
    ],
    [
      "a device by another than an absolute path",
      { agents: [{ ...agent, devices: ["ttyUSB0"] }] },
      "ocs.agents[0].devices[0]",
      /an absolute path/,
    ],
    ["another group than a number", { agents: [{ ...agent, groupIds: [0] }] }, "ocs.agents[0].groupIds[0]", /from 1/],
  ];
  for (const [title, ocs, key, message] of faults) {
    it(`refuse ${title}`, () => {
      const found = problems(ocs);
      assert.deepEqual(Object.keys(found), [key]);
      assert.match(found[key] ?? "", message);
    });
  }

  it("let agents be a stack of their own on another's network, or beside servers on other machines", () => {
    assert.deepEqual(problems({ network: sharedNetwork, crossbar: none, influxdb: none, grafana: none }), {});
    const elsewhere = { container: false, server: "10.10.10.2" };
    assert.deepEqual(problems({ crossbar: elsewhere, influxdb: elsewhere, grafana: none }), {});
  });

  it("ask of an agent's image what the environment asks of every image", () => {
    const images = Object.fromEntries(
      ["ocs", "crossbar", "influxdb"].map((name) => [name, `r.test/${name}@sha256:${"0".repeat(64)}`]),
    );
    const agents = [{ ...agent, image: "r.test/socs:v0.5.2" }];
    assert.deepEqual(problems({ images, agents }, "staging"), {});
    assert.deepEqual(Object.keys(problems({ images, agents }, "prod")), ["ocs.agents[0].image"]);
  });
});

describe("the preflight of OCS", () => {
  let folder: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "slipway-ocs-"));
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  const user = process.getuid?.() ?? 0;

  async function check(ocs: Record<string, unknown>) {
    const stub = await dockerStub({
      "GET /_ping": { body: "OK" },
      "GET /containers/json": { body: [] },
      "GET /networks": { body: [{ Name: "ocs-net" }] },
    });
    // Nothing is published, so that no port of the machine can be taken.
    const core = { crossbar: none, influxdb: none, grafana: none };
    const settings = stack({ network: { kind: "external", name: "ocs-net" }, ...core, ...ocs });
    try {
      const { problems: found } = await preflight(settings, stub.client, { stack: "lab", labels: {} });
      return Object.fromEntries(found.map(({ key, message, remedy }) => [key, `${message} | ${remedy.join(" | ")}`]));
    } finally {
      await stub.close();
    }
  }

  it("finds nothing wrong where the network is there", async () => {
    assert.deepEqual(await check({}), {});
  });

  it("finds a network that is not there, and says how it is made", async () => {
    const found = await check({ network: { kind: "external", name: "lost" } });
    assert.deepEqual(found, {
      "ocs.network.name": "must be a network that the Docker engine has | docker network create lost",
    });
  });

  it("finds folders that are missing or somebody else's, and devices that are missing", async () => {
    const found = await check({
      aggregator: { dataDirectory: folder },
      agents: [{ ...agent, devices: [join(folder, "tty")] }],
    });
    assert.deepEqual(found, {
      "ocs.aggregator.dataDirectory": `must belong to user 9000, who writes to it, but belongs to ${user} | sudo chown 9000:9000 ${folder}`,
      "ocs.agents[0].devices[0]":
        "must be an existing device of the host | pulumi config --stack lab rm --path 'ocs.agents[0].devices[0]'",
    });
    const missing = join(folder, "missing");
    assert.match(
      (await check({ aggregator: { dataDirectory: missing } }))["ocs.aggregator.dataDirectory"] ?? "",
      /must be an existing folder of the host \| sudo mkdir -p .*missing && sudo chown 9000:9000/,
    );
  });

  /** Agents as a site configuration file lists them. */
  const listed = (...instances: [agentClass: string, instanceId: string][]) => ({
    "agent-instances": instances.map(([agentClass, instanceId]) => ({
      "agent-class": agentClass,
      "instance-id": instanceId,
    })),
  });

  async function checkFile(content: string, ocs: Record<string, unknown> = {}) {
    writeFileSync(join(folder, "default.yaml"), content);
    return check({ siteConfigDirectory: folder, ...ocs });
  }

  const hub = { wamp_realm: "test_realm", address_root: "observatory" };
  const own = listed(
    ["AggregatorAgent", "aggregator"],
    ["InfluxDBAgent", "influxagent"],
    ["RegistryAgent", "registry"],
  );

  it("takes a site configuration file that lists every agent", async () => {
    const grumpy = listed(["Lakeshore372Agent", "LSA99ZZ"]);
    const content = JSON.stringify({ hub, hosts: { "ocs-docker": own, "grumpy-docker": grumpy } });
    const agents = [{ instanceId: "LSA99ZZ", hostname: "grumpy-docker" }];
    assert.deepEqual(await checkFile(content, { agents }), {});
  });

  it("takes localhost for a host that the file does not name, as OCS does", async () => {
    assert.deepEqual(await checkFile(JSON.stringify({ hub, hosts: { localhost: own } })), {});
  });

  it("finds everything in which a site configuration file does not fit the agents", async () => {
    const content = JSON.stringify({
      hub: { ...hub, wamp_realm: "lab" },
      hosts: { "ocs-docker": listed(["FakeDataAgent", "aggregator"], ["InfluxDBAgent", "influxagent"]) },
    });
    const found = await checkFile(content, { agents: [{ instanceId: "LSA99ZZ", hostname: "grumpy-docker" }] });
    const file = join(folder, "default.yaml");
    assert.deepEqual(found, {
      "ocs.crossbar.realm":
        'must be what hub.wamp_realm is in the site configuration file, which is "lab" | ' +
        "pulumi config --stack lab set --path ocs.crossbar.realm lab",
      "ocs.aggregator.instanceId":
        `must be an instance of AggregatorAgent, but ${file} calls it "FakeDataAgent" | ` +
        `change its agent-class in ${file}`,
      "ocs.registry.instanceId":
        `must be an instance-id that ${file} lists for the host ocs-docker, which are: aggregator, influxagent | ` +
        `add it to ${file}`,
      "ocs.agents[0].hostname":
        `must be a key below hosts in ${file}, which are: ocs-docker | ` +
        "pulumi config --stack lab set --path 'ocs.agents[0].hostname' ocs-docker",
    });
  });

  it("finds a site configuration file that is missing or no YAML", async () => {
    assert.match((await checkFile("a: ["))["ocs.siteConfigDirectory"] ?? "", /cannot be read/);
    rmSync(join(folder, "default.yaml"));
    assert.match((await check({ siteConfigDirectory: folder }))["ocs.siteConfigDirectory"] ?? "", /ENOENT/);
  });

  it("warns of ports that others reach, as nobody is asked for a password there", async () => {
    const stub = await dockerStub({ "GET /_ping": { body: "OK" }, "GET /containers/json": { body: [] } });
    try {
      const settings = stack({ crossbar: { hostAddress: "0.0.0.0" }, grafana: none });
      const { warnings } = await preflight(settings, stub.client, { stack: "lab", labels: {} });
      assert.deepEqual(
        warnings.map((warning) => warning.replace(/,.*/, "")),
        ["ocs.crossbar.hostAddress: 0.0.0.0 is reachable from elsewhere"],
      );
    } finally {
      await stub.close();
    }
  });
});
