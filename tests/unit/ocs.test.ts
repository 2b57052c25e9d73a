import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import * as pulumi from "@pulumi/pulumi";
import { stackSchema } from "../../settings/stack.ts";
import { ocsSettings } from "../../settings/ocs/settings.ts";
import { scheduleBackups } from "../../systems/scheduled-backup.ts";
import { Ocs, type OcsSecrets } from "../../systems/ocs/ocs.ts";
import { hardened, hardenedOptions } from "../hardened.ts";
import type { Recorded } from "../mocks.ts";
import { generatedPassword } from "../provider-outputs.ts";
import { differences, isMadeAfter, named, recordOnHost, tree } from "../recorded.ts";
import { findSecrets } from "../secret-search.ts";

const images = { ocs: "ocs:1", crossbar: "crossbar:1", influxdb: "influxdb:1", grafana: "grafana:1" };
const none = { container: false };

const fake = (instanceId: string, more: Record<string, unknown> = {}) => ({
  instanceId,
  agentClass: "FakeDataAgent",
  ...more,
});

interface Deployment {
  settings?: Record<string, unknown>;
  secrets?: () => OcsSecrets;
  /** @default checks nothing */
  inspect?: (ocs: Ocs) => unknown;
}

/** Deploys OCS with pulled images, so that no test depends on the content of `images/`. */
function recordOcs({ settings = {}, secrets, inspect }: Deployment = {}) {
  return recordOnHost((host, options) => {
    const parsed = ocsSettings.parse({ images, ...settings });
    const ocs = new Ocs("ocs", { host, settings: parsed, secrets: secrets?.() ?? {} }, options);
    inspect?.(ocs);
  });
}

/** The files that a `FileVolume` holds. */
function filesOf(recorded: Recorded[], suffix: string): Record<string, string> {
  const { uploads } = named(recorded, `ocs-${suffix}-carrier`).inputs as {
    uploads: { secret: { file: string; content: string }[] };
  };
  return Object.fromEntries(uploads.secret.map(({ file, content }) => [file.replace("/files/", ""), content]));
}

function environmentOf(recorded: Recorded[], container: string): Record<string, string> {
  const { envs } = named(recorded, container).inputs as { envs: string[] };
  return Object.fromEntries(envs.map((entry) => [entry.slice(0, entry.indexOf("=")), entry.replace(/^[^=]*=/, "")]));
}

const siteConfigOf = (recorded: Recorded[], instanceId: string): unknown =>
  parse(environmentOf(recorded, `ocs-agent-${instanceId}-container`)["OCS_SITE_CONFIG"] ?? "");

const containersOf = (names: string[]) => names.filter((name) => name.endsWith("-container"));

const healthy = { timeout: "5s", interval: "5s", retries: 3, startPeriod: "2m0s" };
const operations = '{"version":1,"shell":["bash"]}';

/** The same of a service that has files for a backup. */
const saves = (folder: string) => JSON.stringify({ version: 1, shell: ["bash"], savedFolders: [folder] });

describe("Ocs with backups by schedule", () => {
  it("lets one more container read InfluxDB by its backup port, and saves the files of Grafana and the aggregator", async () => {
    const recorded = await recordOnHost((host, options) => {
      const settings = ocsSettings.parse({ images });
      new Ocs("ocs", { host, settings, secrets: {}, backsUpBySchedule: true }, options);
      const backup = { folder: "/srv/backups", image: "backup:1", schedule: {} };
      const stack = stackSchema.parse({ environment: "dev", ocs: { images }, backup });
      scheduleBackups(host, stack, options);
    });
    assert.equal(environmentOf(recorded, "ocs-influxdb-container")["INFLUXDB_BIND_ADDRESS"], ":8088");
    const containers = recorded.map(({ name }) => name).filter((name) => /^backup-.*-container$/.test(name));
    assert.deepEqual(containers.sort(), [
      "backup-aggregator-files-container",
      "backup-grafana-files-container",
      "backup-influxdb-container",
      "backup-service-container",
    ]);
    const reader = named(recorded, "backup-influxdb-container").inputs;
    assert.deepEqual(reader["volumes"], [
      { volumeName: "ocs-influxdb-data", containerPath: "/var/lib/influxdb", readOnly: false },
      { volumeName: "ocs-backup-influxdb-pipes", containerPath: "/pipes", readOnly: false },
    ]);
    assert.deepEqual(reader["networksAdvanced"], [{ name: "ocs-net", aliases: [] }]);
    const [script = ""] = reader["command"] as string[];
    assert.match(script, /influxd backup -portable -host influxdb:8088 -database "\$1"/);
    assert.match(script, /influx -host influxdb -format csv/);
    const usersOf = (name: string) => named(recorded, `backup-${name}-container`).inputs["user"];
    assert.deepEqual(["influxdb", "grafana-files", "aggregator-files", "service"].map(usersOf), [
      "999:999",
      "472:472",
      "9000:9000",
      "1000:1000",
    ]);
  });
});

describe("Ocs by default", () => {
  let recorded: Recorded[];
  let ocs: Ocs | undefined;

  before(async () => {
    recorded = await recordOcs({ settings: { agents: [fake("LSA99ZZ")] }, inspect: (made) => (ocs = made) });
  });

  /** The inputs of a container, as far as all of them are alike. */
  function usual(suffix: string, service: string, reference: string, user: number, more: Record<string, string> = {}) {
    const own = { "slipway.service": service, "slipway.operations": operations, ...more };
    return hardened({ name: `ocs-${suffix}`, reference, user, own, system: "ocs" });
  }

  const volumeOf = (suffix: string) => named(recorded, `ocs-${suffix}-volume`).inputs["name"];
  const filesLabel = (...suffixes: string[]) => ({
    "slipway.files": suffixes.map((suffix) => named(recorded, `ocs-${suffix}-carrier`).id).join(" "),
  });

  it("is made of exactly these resources", () => {
    const component = "slipway:index:";
    const container = "docker:index/container:Container";
    const volume = "docker:index/volume:Volume";
    const service = (name: string) => [
      [`${component}Service`, name, "ocs"],
      [container, `${name}-container`, name],
      ["random:index/randomId:RandomId", `${name}-healthy`, name],
    ];
    const files = (name: string) => [
      [`${component}FileVolume`, name, "ocs"],
      [container, `${name}-carrier`, name],
      [volume, `${name}-volume`, name],
    ];
    const data = (name: string) => [
      [`${component}Volume`, name, "ocs"],
      [volume, `${name}-volume`, name],
    ];
    const image = (name: string) => [
      [`${component}Image`, name, "ocs"],
      ["docker:index/remoteImage:RemoteImage", `${name}-image`, name],
    ];
    const expected = [
      [["slipway:ocs:Ocs", "ocs", undefined]],
      ...["aggregator", "influxagent", "registry", "LSA99ZZ"].map((id) => service(`ocs-agent-${id}`)),
      ...["ocs-crossbar", "ocs-influxdb", "ocs-grafana"].map(service),
      ...["ocs-agent-files", "ocs-crossbar-files", "ocs-grafana-files", "ocs-grafana-secrets"].map(files),
      ...["ocs-aggregator-data", "ocs-influxdb-data", "ocs-grafana-data"].map(data),
      ...Object.keys(images).map((which) => image(`ocs-${which}-image`)),
      [
        [`${component}Network`, "ocs-network", "ocs"],
        ["docker:index/network:Network", "ocs-network-network", "ocs-network"],
        [`${component}Secret`, "ocs-grafana-password", "ocs"],
        ["random:index/randomPassword:RandomPassword", "ocs-grafana-password-password", "ocs-grafana-password"],
      ],
    ].flat();
    const sorted = (rows: unknown[][]) => rows.sort(([, a], [, b]) => (String(a) < String(b) ? -1 : 1));
    assert.deepEqual(sorted(tree(recorded)), sorted(expected));
  });

  it("has one network, on which agents reach instruments and core services publish their ports", () => {
    const { name, internal } = named(recorded, "ocs-network-network").inputs;
    assert.deepEqual({ name, internal }, { name: "ocs-net", internal: false });
  });

  it("runs Crossbar with a configuration for its realm, asked for its health over its own bridge", () => {
    assert.deepEqual(named(recorded, "ocs-crossbar-container").inputs, {
      ...usual("crossbar", "crossbar", "crossbar:1", 242, filesLabel("crossbar-files")),
      entrypoints: ["crossbar"],
      command: ["start", "--cbdir=/tmp/crossbar", "--config=/config/config.json"],
      envs: ["TZ=UTC", "PYTHONUNBUFFERED=1"],
      volumes: [{ volumeName: volumeOf("crossbar-files"), containerPath: "/config", readOnly: true }],
      networksAdvanced: [{ name: "ocs-net", aliases: ["crossbar"] }],
      memory: 512,
      stopSignal: "SIGINT",
      restart: "unless-stopped",
      ports: [{ ip: "127.0.0.1", external: 8001, internal: 8001 }],
      healthcheck: { ...healthy, tests: ["CMD", "python3", "/config/health.py", "http://127.0.0.1:8001/call"] },
    });
    const config = JSON.parse(filesOf(recorded, "crossbar-files")["config.json"] ?? "") as {
      workers: { realms: { name: string; roles: { name: string; permissions: { uri: string }[] }[] }[] }[];
    };
    const [realm] = config.workers[0]?.realms ?? [];
    assert.equal(realm?.name, "test_realm");
    assert.deepEqual(
      realm.roles.map(({ name, permissions }) => [name, permissions.map(({ uri }) => uri)]),
      [
        ["iocs_agent", ["observatory."]],
        ["iocs_controller", ["observatory.", "wamp.session.count"]],
      ],
    );
  });

  it("runs InfluxDB on a protected volume, without a log of requests", () => {
    const { labels, ...inputs } = named(recorded, "ocs-influxdb-container").inputs;
    const { labels: usualLabels, ...others } = usual("influxdb", "influxdb", "influxdb:1", 999);
    assert.deepEqual(inputs, {
      ...others,
      envs: ["TZ=UTC", "INFLUXDB_HTTP_LOG_ENABLED=false", "INFLUXDB_REPORTING_DISABLED=true"],
      volumes: [{ volumeName: "ocs-influxdb-data", containerPath: "/var/lib/influxdb", readOnly: false }],
      networksAdvanced: [{ name: "ocs-net", aliases: ["influxdb"] }],
      memory: 1024,
      restart: "unless-stopped",
      ports: [{ ip: "127.0.0.1", external: 8086, internal: 8086 }],
      healthcheck: { ...healthy, tests: ["CMD", "influx", "-execute", "SHOW DATABASES"] },
    });
    assert.equal((labels as unknown[]).length, usualLabels.length);
    const label = (labels as { label: string; value: string }[]).find((each) => each.label === "slipway.operations");
    const { database } = JSON.parse(label?.value ?? "") as { database: Record<string, string[]> };
    assert.deepEqual(Object.keys(database), ["shell", "dump", "load", "rows"]);
    for (const name of ["aggregator", "influxdb", "grafana"]) {
      const { options } = named(recorded, `ocs-${name}-data-volume`);
      assert.deepEqual([options.protect, options.retainOnDelete], [true, true], name);
    }
  });

  it("runs Grafana with a generated password from a file, and with InfluxDB as its source of data", () => {
    assert.deepEqual(named(recorded, "ocs-grafana-container").inputs, {
      ...usual("grafana", "grafana", "grafana:1", 472, {
        "slipway.operations": saves("/var/lib/grafana"),
        ...filesLabel("grafana-secrets", "grafana-files"),
      }),
      envs: [
        "TZ=UTC",
        "GF_SECURITY_ADMIN_PASSWORD__FILE=/run/secrets/admin-password",
        "GF_LOG_MODE=console",
        "GF_ANALYTICS_REPORTING_ENABLED=false",
        "GF_ANALYTICS_CHECK_FOR_UPDATES=false",
      ],
      volumes: [
        { volumeName: "ocs-grafana-data", containerPath: "/var/lib/grafana", readOnly: false },
        { volumeName: volumeOf("grafana-secrets"), containerPath: "/run/secrets", readOnly: true },
        {
          volumeName: volumeOf("grafana-files"),
          containerPath: "/etc/grafana/provisioning/datasources",
          readOnly: true,
        },
      ],
      networksAdvanced: [{ name: "ocs-net", aliases: ["grafana"] }],
      memory: 512,
      restart: "unless-stopped",
      ports: [{ ip: "127.0.0.1", external: 3000, internal: 3000 }],
      healthcheck: {
        ...healthy,
        tests: ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:3000/api/health"],
      },
    });
    const password = generatedPassword("ocs-grafana-password-password");
    assert.deepEqual(filesOf(recorded, "grafana-secrets"), { "admin-password": password });
    const { datasources } = parse(filesOf(recorded, "grafana-files")["influxdb.yaml"] ?? "") as {
      datasources: Record<string, unknown>[];
    };
    assert.deepEqual(
      datasources.map(({ type, url, isDefault, jsonData }) => ({ type, url, isDefault, jsonData })),
      [
        {
          type: "influxdb",
          url: "http://influxdb:8086",
          isDefault: true,
          jsonData: { dbName: "ocs_feeds", httpMode: "GET" },
        },
      ],
    );
    assert.ok(isMadeAfter(recorded, "ocs-grafana-container", "ocs-influxdb-healthy"));
  });

  it("runs an agent with its part of the site configuration alone, and asks Crossbar for its health", () => {
    const { inputs } = named(recorded, "ocs-agent-LSA99ZZ-container");
    const { envs } = inputs;
    assert.deepEqual(inputs, {
      ...usual("LSA99ZZ", "LSA99ZZ", "ocs:1", 9000, filesLabel("agent-files")),
      envs,
      hostname: "ocs-docker",
      entrypoints: ["sh", "/run/ocs/start.sh"],
      command: ["ocs-agent-cli"],
      volumes: [{ volumeName: volumeOf("agent-files"), containerPath: "/run/ocs", readOnly: true }],
      networksAdvanced: [{ name: "ocs-net", aliases: ["LSA99ZZ"] }],
      memory: 256,
      restart: "unless-stopped",
      ports: [],
      healthcheck: {
        ...healthy,
        interval: "10s",
        timeout: "10s",
        tests: ["CMD", "python3", "/run/ocs/health.py", "http://crossbar:8001/call", "observatory.LSA99ZZ"],
      },
    });
    const { OCS_SITE_CONFIG: config = "", ...environment } = environmentOf(recorded, "ocs-agent-LSA99ZZ-container");
    assert.equal((envs as string[]).length, Object.keys(environment).length + 1);
    assert.deepEqual(environment, {
      TZ: "UTC",
      INSTANCE_ID: "LSA99ZZ",
      SITE_HUB: "ws://crossbar:8001/ws",
      SITE_HTTP: "http://crossbar:8001/call",
      LOGLEVEL: "info",
      CROSSBAR_TIMEOUT: "0",
      PYTHONUNBUFFERED: "1",
      OCS_CONFIG_DIR: "/tmp/config",
    });
    assert.deepEqual(parse(config), {
      hub: {
        wamp_server: "ws://crossbar:8001/ws",
        wamp_http: "http://crossbar:8001/call",
        wamp_realm: "test_realm",
        address_root: "observatory",
        registry_address: "observatory.registry",
      },
      hosts: {
        "ocs-docker": {
          "agent-instances": [{ "agent-class": "FakeDataAgent", "instance-id": "LSA99ZZ", arguments: [] }],
        },
      },
    });
    const { dependsOn = [], ...options } = named(recorded, "ocs-agent-LSA99ZZ-container").options;
    assert.deepEqual(options, { ...hardenedOptions, hooks: ["beforeCreate"] });
    assert.ok(dependsOn.length > 0);
    for (const id of ["LSA99ZZ", "aggregator", "influxagent", "registry"]) {
      assert.ok(isMadeAfter(recorded, `ocs-agent-${id}-container`, "ocs-crossbar-healthy"), id);
      assert.equal(isMadeAfter(recorded, `ocs-agent-${id}-container`, "ocs-influxdb-healthy"), id === "influxagent");
    }
  });

  it("hands its agents the scripts that stand beside the component", () => {
    const read = (file: string) => readFileSync(new URL(`../../systems/ocs/${file}`, import.meta.url), "utf8");
    assert.deepEqual(filesOf(recorded, "agent-files"), {
      "health.py": read("health.py"),
      "start.sh": read("start.sh"),
    });
  });

  it("tells OCS's own agents where their data go", () => {
    const argumentsOf = (id: string) =>
      (siteConfigOf(recorded, id) as { hosts: Record<string, { "agent-instances": { arguments: unknown }[] }> }).hosts[
        "ocs-docker"
      ]?.["agent-instances"][0]?.arguments;
    assert.deepEqual(argumentsOf("aggregator"), [
      ...["--initial-state", "record", "--time-per-file", 3600, "--data-dir", "/data"],
    ]);
    assert.deepEqual(argumentsOf("influxagent"), [
      ...["--initial-state", "record", "--host", "influxdb", "--port", 8086, "--database", "ocs_feeds"],
    ]);
    const { volumes, labels } = named(recorded, "ocs-agent-aggregator-container").inputs as Record<string, unknown[]>;
    assert.ok(
      (labels as { label: string; value: string }[]).some(
        ({ label, value }) => label === "slipway.operations" && value === saves("/data"),
      ),
    );
    assert.deepEqual(volumes?.[0], { volumeName: "ocs-aggregator-data", containerPath: "/data", readOnly: false });
  });

  it("says how it is reached, and gives clients on the host the whole site configuration", () => {
    assert.deepEqual(ocs?.summary, {
      name: "ocs",
      title: "OCS",
      url: "http://127.0.0.1:3000",
      probe: { address: "127.0.0.1", port: 3000, path: "/login" },
      superuser: "admin",
      passwordOutput: "ocsGrafanaPassword",
    });
    const { hub, hosts } = parse(ocs.siteConfig ?? "") as {
      hub: Record<string, string>;
      hosts: Record<string, { "agent-instances": Record<string, unknown>[] }>;
    };
    assert.equal(hub["wamp_http"], "http://127.0.0.1:8001/call");
    assert.deepEqual(
      hosts["ocs-docker"]?.["agent-instances"].map((instance) => instance["instance-id"]),
      ["aggregator", "influxagent", "registry", "LSA99ZZ"],
    );
  });

  it("shows its secret nowhere but in a secret", () => {
    assert.deepEqual(findSecrets([...recorded], [generatedPassword("ocs-grafana-password-password")]), []);
  });
});

describe("Ocs", () => {
  it("touches one agent alone when it is changed, added or removed", async () => {
    const before = await recordOcs({ settings: { agents: [fake("a"), fake("b")] } });
    const changed = await recordOcs({ settings: { agents: [fake("a"), fake("b", { arguments: ["--mode", "acq"] })] } });
    assert.deepEqual(differences(before, changed), {
      removed: [],
      added: [],
      changed: ["ocs-agent-b-container", "ocs-agent-b-healthy"],
    });
    const added = await recordOcs({ settings: { agents: [fake("c"), fake("a"), fake("b")] } });
    const ofC = ["ocs-agent-c", "ocs-agent-c-container", "ocs-agent-c-healthy"];
    assert.deepEqual(differences(before, added), { removed: [], added: ofC, changed: [] });
    assert.deepEqual(differences(added, before), { removed: ofC, added: [], changed: [] });
  });

  it("puts an agent on the host's network, where it finds Crossbar at its published port", async () => {
    const recorded = await recordOcs({
      settings: {
        crossbar: { hostAddress: "0.0.0.0", hostPort: 18_001, realm: "lab", addressRoot: "detlab" },
        agents: [
          fake("h", {
            network: "host",
            hostname: "grumpy-docker",
            devices: ["/dev/ttyUSB0"],
            groupIds: [20],
            memory: 300,
            restart: "always",
          }),
        ],
      },
    });
    const { inputs } = named(recorded, "ocs-agent-h-container");
    const { hostname, networkMode, networksAdvanced, devices, groupAdds, memory, restart } = inputs;
    assert.deepEqual(
      { hostname, networkMode, networksAdvanced, devices, groupAdds, memory, restart },
      {
        hostname: "grumpy-docker",
        networkMode: "host",
        networksAdvanced: undefined,
        devices: [{ hostPath: "/dev/ttyUSB0", containerPath: "/dev/ttyUSB0", permissions: "rw" }],
        groupAdds: ["20"],
        memory: 300,
        restart: "always",
      },
    );
    const { SITE_HUB: hub, SITE_HTTP: http } = environmentOf(recorded, "ocs-agent-h-container");
    assert.deepEqual([hub, http], ["ws://127.0.0.1:18001/ws", "http://127.0.0.1:18001/call"]);
    assert.deepEqual((inputs["healthcheck"] as { tests: string[] }).tests.slice(-2), [http, "detlab.h"]);
    assert.deepEqual(Object.keys((siteConfigOf(recorded, "h") as { hosts: object }).hosts), ["grumpy-docker"]);
  });

  it("makes an agent that is not to run without starting it or waiting for it", async () => {
    const recorded = await recordOcs({ settings: { agents: [fake("spare", { running: false })] } });
    const { start, mustRun } = named(recorded, "ocs-agent-spare-container").inputs;
    assert.deepEqual([start, mustRun], [false, false]);
    assert.equal(
      recorded.some(({ name }) => name === "ocs-agent-spare-healthy"),
      false,
    );
  });

  it("takes an agent's own image, once for all agents that share it", async () => {
    const image = "registry.test/socs:v0.5.2";
    const agents = [fake("a", { image }), fake("b", { image }), fake("c")];
    const recorded = await recordOcs({ settings: { agents } });
    const of = (id: string) => named(recorded, `ocs-agent-${id}-container`).inputs["image"];
    assert.equal(of("a"), of("b"));
    assert.notEqual(of("a"), of("c"));
    assert.equal(recorded.filter(({ name }) => name.includes("socs")).length, 2);
  });

  it("mounts the user's own site configuration, and leaves it to that and to the image what an agent is", async () => {
    let ocs: Ocs | undefined;
    const recorded = await recordOcs({
      settings: { siteConfigDirectory: "/etc/ocs", agents: [{ instanceId: "LSA99ZZ" }] },
      inspect: (made) => (ocs = made),
    });
    const { entrypoints, command, volumes } = named(recorded, "ocs-agent-LSA99ZZ-container").inputs;
    assert.deepEqual([entrypoints, command], [undefined, undefined]);
    assert.deepEqual((volumes as unknown[])[0], { hostPath: "/etc/ocs", containerPath: "/config", readOnly: true });
    const environment = environmentOf(recorded, "ocs-agent-LSA99ZZ-container");
    assert.deepEqual(
      [environment["OCS_CONFIG_DIR"], environment["SITE_HUB"], environment["OCS_SITE_CONFIG"]],
      ["/config", "ws://crossbar:8001/ws", undefined],
    );
    assert.equal(ocs?.siteConfig, undefined);
  });

  it("keeps data in folders of the host where that is asked for", async () => {
    const recorded = await recordOcs({
      settings: {
        influxdb: { dataDirectory: "/srv/influxdb", userId: 1234 },
        aggregator: { dataDirectory: "/data", secondsPerFile: 60 },
      },
    });
    const { volumes, user } = named(recorded, "ocs-influxdb-container").inputs;
    assert.deepEqual(volumes, [{ hostPath: "/srv/influxdb", containerPath: "/var/lib/influxdb", readOnly: false }]);
    assert.equal(user, "1234:1234");
    const { volumes: data } = named(recorded, "ocs-agent-aggregator-container").inputs as { volumes: unknown[] };
    assert.deepEqual(data[0], { hostPath: "/data", containerPath: "/data", readOnly: false });
    assert.deepEqual(
      recorded.filter(({ type }) => type === "slipway:index:Volume").map(({ name }) => name),
      ["ocs-grafana-data"],
    );
  });

  it("takes the password that the user chose for Grafana", async () => {
    const recorded = await recordOcs({ secrets: () => ({ grafanaPassword: pulumi.secret("chosen-one") }) });
    assert.deepEqual(filesOf(recorded, "grafana-secrets"), { "admin-password": "chosen-one" });
    assert.deepEqual(findSecrets([...recorded], ["chosen-one"]), []);
  });

  it("is a core alone, and says then how InfluxDB is reached, or else Crossbar", async () => {
    const core = { aggregator: none, publisher: none, registry: none, grafana: none };
    let ocs: Ocs | undefined;
    const recorded = await recordOcs({ settings: core, inspect: (made) => (ocs = made) });
    assert.deepEqual(containersOf(recorded.map(({ name }) => name)), [
      "ocs-crossbar-container",
      "ocs-influxdb-container",
    ]);
    assert.equal(ocs?.summary?.url, "http://127.0.0.1:8086");
    assert.equal(ocs.summary.superuser, undefined);
    await recordOcs({ settings: { ...core, influxdb: none }, inspect: (made) => (ocs = made) });
    assert.deepEqual(ocs.summary.probe, { address: "127.0.0.1", port: 8001, path: "/info" });
  });

  it("is agents alone on a network that somebody else made, with servers on other machines", async () => {
    let ocs: Ocs | undefined;
    const recorded = await recordOcs({
      settings: {
        network: { kind: "external", name: "ocs-net" },
        crossbar: { container: false, server: "10.10.10.2", hostPort: 9001 },
        influxdb: { container: false, server: "10.10.10.3", hostPort: 9086 },
        grafana: none,
        agents: [fake("h", { network: "host" })],
      },
      inspect: (made) => (ocs = made),
    });
    assert.deepEqual(containersOf(recorded.map(({ name }) => name)), [
      "ocs-agent-aggregator-container",
      "ocs-agent-h-container",
      "ocs-agent-influxagent-container",
      "ocs-agent-registry-container",
    ]);
    assert.deepEqual(named(recorded, "ocs-agent-registry-container").inputs["networksAdvanced"], [
      { name: "ocs-net", aliases: ["registry"] },
    ]);
    for (const id of ["h", "registry"]) {
      assert.equal(environmentOf(recorded, `ocs-agent-${id}-container`)["SITE_HUB"], "ws://10.10.10.2:9001/ws");
    }
    const config = environmentOf(recorded, "ocs-agent-influxagent-container")["OCS_SITE_CONFIG"] ?? "";
    assert.match(config, /- 10\.10\.10\.3\n +- --port\n +- 9086\n/);
    assert.equal(ocs?.summary, undefined);
  });
});
