import { readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import { imageSource } from "../../components/build.ts";
import type { Mount, NetworkMembership } from "../../components/container.ts";
import { FileVolume } from "../../components/file-volume.ts";
import type { Host } from "../../components/host.ts";
import { Image } from "../../components/image.ts";
import { Network } from "../../components/network.ts";
import { Secret } from "../../components/secret.ts";
import { savedMounts } from "../../components/operations.ts";
import { Service, type RestartPolicy } from "../../components/service.ts";
import { Volume } from "../../components/volume.ts";
import type { OcsSettings } from "../../settings/ocs/settings.ts";
import { agentUser, ocsSystem } from "../../settings/ocs/system.ts";
import { imagesOf } from "../../settings/system.ts";
import { inUrl, reachable } from "../host-address.ts";
import type { SystemSummary } from "../summary.ts";
import { crossbarConfig } from "./crossbar-config.ts";
import { grafanaDataSource } from "./grafana-data-source.ts";
import { siteConfig, type AgentInstance, type Hub } from "./site-config.ts";

const crossbarPort = 8001;
const influxdbPort = 8086;
const influxdbBackupPort = 8088;
const grafanaPort = 3000;

/** The users that processes run as in the official images and in those below `images/`. */
const users = { agent: agentUser, crossbar: 242, grafana: 472 };

/** Where agents find the files that all of them share. */
const toolsFolder = "/run/ocs";

const tool = (file: string) => readFileSync(new URL(file, import.meta.url), "utf8");

/** The secrets that a user may choose; what is not given is generated. */
export interface OcsSecrets {
  grafanaPassword?: pulumi.Output<string> | undefined;
}

/** What OCS is deployed with. */
export interface OcsArgs {
  host: Host;
  settings: OcsSettings;
  secrets: OcsSecrets;
  /** Whether another container reads the database. @default false */
  backsUpBySchedule?: boolean;
  /** See `BuildContext.revision`. */
  imageRevision?: string | undefined;
}

/** An agent, be it one of OCS's own or one for hardware. */
interface Agent extends AgentInstance {
  image: Image;
  network: "stack" | "host";
  devices?: string[];
  groupIds?: number[];
  mounts?: Mount[];
  memory: number;
  cpus?: number | undefined;
  restart: RestartPolicy;
  timeZone?: string | undefined;
  running: boolean;
}

/**
 * OCS, the Observatory Control System: Crossbar, InfluxDB and Grafana, OCS's own agents, and those that control hardware.
 *
 * Source of what each process needs: OCS's documentation, "Docker Configuration".
 */
export class Ocs extends pulumi.ComponentResource {
  /** Undefined for a stack that publishes nothing. */
  readonly summary: SystemSummary | undefined;
  /** Name of the network on which everything is. */
  readonly networkName: pulumi.Output<string>;
  /** The whole site configuration, for clients on the host; undefined where the user has a file of their own. */
  readonly siteConfig: string | undefined;
  /** Undefined where Grafana is left out. */
  readonly grafanaPassword: pulumi.Output<string> | undefined;

  readonly #name: string;
  readonly #args: OcsArgs;
  readonly #network: Pick<Network, "networkName">;

  constructor(name: string, args: OcsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("slipway:ocs:Ocs", name, {}, opts);
    const { settings } = args;
    this.#name = name;
    this.#args = args;
    this.#network = this.#findNetwork();
    this.networkName = this.#network.networkName;

    const crossbar = settings.crossbar.container ? this.#crossbar() : [];
    const influxdb = settings.influxdb.container ? this.#influxdb() : [];
    if (settings.grafana.container) this.grafanaPassword = this.#grafana(influxdb);
    const agents = this.#agents(crossbar, influxdb);
    if (settings.siteConfigDirectory === undefined) this.siteConfig = siteConfig(this.#hub("host"), agents);
    this.summary = summary(settings);
    this.registerOutputs({ summary: this.summary });
  }

  #findNetwork(): Pick<Network, "networkName"> {
    const { host, settings } = this.#args;
    const { network } = settings;
    switch (network.kind) {
      case "own":
        return new Network(
          `${this.#name}-network`,
          // Agents reach instruments on other machines, and core services publish their ports.
          { host, system: "ocs", networkName: `${settings.name}-net`, kind: "edge" },
          { parent: this },
        );
      case "external":
        return { networkName: pulumi.output(network.name) };
      case "stack": {
        const stack = `${pulumi.getOrganization()}/${pulumi.getProject()}/${network.stack}`;
        const core = new pulumi.StackReference(`${this.#name}-core`, { name: stack }, { parent: this });
        return { networkName: core.requireOutput("ocsNetwork") as pulumi.Output<string> };
      }
    }
  }

  #image(which: string): Image {
    const { host, settings, imageRevision } = this.#args;
    const source = imageSource(imagesOf(ocsSystem.images(settings), settings), which, imageRevision);
    return new Image(`${this.#name}-${which}-image`, { host, source }, { parent: this });
  }

  #files(suffix: string, image: Image, userId: number, files: Record<string, pulumi.Input<string>>): FileVolume {
    const { host, settings } = this.#args;
    return new FileVolume(
      `${this.#name}-${suffix}`,
      { host, system: "ocs", carrierName: `${settings.name}-${suffix}`, image, userId, groupId: userId, files },
      { parent: this },
    );
  }

  #joined(alias: string): NetworkMembership[] {
    return [{ network: this.#network, aliases: [alias] }];
  }

  /** What all core services have in common. */
  #core(service: "crossbar" | "influxdb" | "grafana") {
    const { host, settings } = this.#args;
    return {
      host,
      system: "ocs",
      service,
      containerName: `${settings.name}-${service}`,
      networks: this.#joined(service),
      logs: settings.logs,
      timeZone: settings.timeZone,
      ...settings.services[service],
    };
  }

  /** How agents on a network find Crossbar. */
  #hub(network: "stack" | "host"): Hub {
    const { container, server, hostAddress, hostPort, realm, addressRoot } = this.#args.settings.crossbar;
    const address =
      !container && server !== undefined
        ? `${inUrl(server)}:${String(hostPort)}`
        : network === "host"
          ? `${inUrl(reachable(hostAddress))}:${String(hostPort)}`
          : `crossbar:${String(crossbarPort)}`;
    const { instanceId: registryId } = this.#args.settings.registry;
    return { wampServer: `ws://${address}/ws`, wampHttp: `http://${address}/call`, realm, addressRoot, registryId };
  }

  #crossbar(): pulumi.Resource[] {
    const { crossbar } = this.#args.settings;
    const image = this.#image("crossbar");
    const config = this.#files("crossbar-files", image, users.crossbar, {
      "config.json": crossbarConfig({ ...crossbar, port: crossbarPort }),
      "health.py": tool("health.py"),
    });
    return [
      new Service(
        `${this.#name}-crossbar`,
        {
          ...this.#core("crossbar"),
          image,
          entrypoint: ["crossbar"],
          command: ["start", "--cbdir=/tmp/crossbar", "--config=/config/config.json"],
          environment: { PYTHONUNBUFFERED: "1" },
          files: [{ volume: config, target: "/config" }],
          userId: users.crossbar,
          groupId: users.crossbar,
          ports: [{ address: crossbar.hostAddress, hostPort: crossbar.hostPort, containerPort: crossbarPort }],
          // SIGTERM ends it as cleanly, but with exit code 1.
          stopSignal: "SIGINT",
          healthCheck: {
            command: ["python3", "/config/health.py", `http://127.0.0.1:${String(crossbarPort)}/call`],
            startPeriodSeconds: 120,
          },
          operations: { version: 1, shell: ["bash"] },
        },
        { parent: this },
      ),
    ];
  }

  #influxdb(): pulumi.Resource[] {
    const { settings, backsUpBySchedule = false } = this.#args;
    const { name, influxdb, publisher } = settings;
    const { dataDirectory, userId, hostAddress, hostPort } = influxdb;
    const source =
      dataDirectory ??
      new Volume(`${this.#name}-influxdb-data`, { volumeName: `${name}-influxdb-data` }, { parent: this });
    return [
      new Service(
        `${this.#name}-influxdb`,
        {
          ...this.#core("influxdb"),
          image: this.#image("influxdb"),
          environment: {
            INFLUXDB_HTTP_LOG_ENABLED: "false",
            INFLUXDB_REPORTING_DISABLED: "true",
            // Else a backup can be had from within its own container only.
            ...(backsUpBySchedule && { INFLUXDB_BIND_ADDRESS: `:${String(influxdbBackupPort)}` }),
          },
          mounts: [{ source, target: "/var/lib/influxdb" }],
          userId,
          groupId: userId,
          ports: [{ address: hostAddress, hostPort, containerPort: influxdbPort }],
          healthCheck: { command: ["influx", "-execute", "SHOW DATABASES"], startPeriodSeconds: 120 },
          operations: {
            version: 1,
            shell: ["bash"],
            database: {
              shell: ["influx", "-precision", "rfc3339", "-database", publisher.database],
              ...influxReading(publisher.database),
              load: influxLoad(publisher.database),
            },
          },
          ...(backsUpBySchedule && {
            remoteDatabase: {
              ...influxReading(publisher.database, { host: "influxdb", backupPort: influxdbBackupPort }),
              mounts: [{ source, target: "/var/lib/influxdb" }],
            },
          }),
        },
        { parent: this },
      ),
    ];
  }

  #grafana(dependsOn: pulumi.Resource[]): pulumi.Output<string> {
    const { settings, secrets } = this.#args;
    const { name, grafana, influxdb, publisher } = settings;
    const child = { parent: this };
    const password = new Secret(`${this.#name}-grafana-password`, { given: secrets.grafanaPassword }, child).value;
    const image = this.#image("grafana");
    const data = new Volume(`${this.#name}-grafana-data`, { volumeName: `${name}-grafana-data` }, child);
    const mounts = [{ source: data, target: "/var/lib/grafana" }];
    const { address, port } = influxdbAt(influxdb);
    const secret = this.#files("grafana-secrets", image, users.grafana, { "admin-password": password });
    const provisioning = this.#files("grafana-files", image, users.grafana, {
      "influxdb.yaml": grafanaDataSource({
        url: `http://${inUrl(address)}:${String(port)}`,
        database: publisher.database,
      }),
    });
    new Service(
      `${this.#name}-grafana`,
      {
        ...this.#core("grafana"),
        image,
        // Grafana takes the password when it makes its database, at the first start.
        environment: {
          GF_SECURITY_ADMIN_PASSWORD__FILE: "/run/secrets/admin-password",
          GF_LOG_MODE: "console",
          GF_ANALYTICS_REPORTING_ENABLED: "false",
          GF_ANALYTICS_CHECK_FOR_UPDATES: "false",
        },
        files: [
          { volume: secret, target: "/run/secrets" },
          { volume: provisioning, target: "/etc/grafana/provisioning/datasources" },
        ],
        mounts,
        userId: users.grafana,
        groupId: users.grafana,
        ports: [{ address: grafana.hostAddress, hostPort: grafana.hostPort, containerPort: grafanaPort }],
        healthCheck: {
          command: ["wget", "-q", "-O", "/dev/null", `http://127.0.0.1:${String(grafanaPort)}/api/health`],
          startPeriodSeconds: 120,
        },
        operations: { version: 1, shell: ["bash"], ...savedMounts(mounts) },
      },
      { ...child, dependsOn },
    );
    return password;
  }

  /** Runs all agents, each independent of the others. */
  #agents(crossbar: pulumi.Resource[], influxdb: pulumi.Resource[]): Agent[] {
    const { name, hostname, aggregator, publisher, registry, services, agents, influxdb: influx } = this.#args.settings;
    if (!aggregator.container && !publisher.container && !registry.container && agents.length === 0) return [];
    const { host } = this.#args;
    const child = { parent: this };
    const image = this.#image("ocs");
    const tools = this.#files("agent-files", image, users.agent, {
      "health.py": tool("health.py"),
      "start.sh": tool("start.sh"),
    });
    const own = { image, hostname, network: "stack" as const, running: true };
    const all: { agent: Agent; dependsOn?: pulumi.Resource[] }[] = [];
    if (aggregator.container) {
      const source =
        aggregator.dataDirectory ??
        new Volume(`${this.#name}-aggregator-data`, { volumeName: `${name}-aggregator-data` }, child);
      const { instanceId, secondsPerFile } = aggregator;
      all.push({
        agent: {
          ...own,
          ...services.aggregator,
          instanceId,
          agentClass: "AggregatorAgent",
          arguments: ["--initial-state", "record", "--time-per-file", secondsPerFile, "--data-dir", "/data"],
          mounts: [{ source, target: "/data" }],
        },
      });
    }
    if (publisher.container) {
      const { instanceId, database } = publisher;
      const { address, port } = influxdbAt(influx);
      all.push({
        agent: {
          ...own,
          ...services.publisher,
          instanceId,
          agentClass: "InfluxDBAgent",
          arguments: ["--initial-state", "record", "--host", address, "--port", port, "--database", database],
        },
        dependsOn: influxdb,
      });
    }
    if (registry.container) {
      const { instanceId } = registry;
      all.push({
        agent: { ...own, ...services.registry, instanceId, agentClass: "RegistryAgent", arguments: [] },
      });
    }
    const images = new Map<string, Image>();
    for (const { image: reference, agentClass = "", hostname: ownHostname, ...settings } of agents) {
      if (reference !== undefined && !images.has(reference)) {
        const source = { pull: reference };
        images.set(reference, new Image(`${this.#name}-image-${reference}`, { host, source }, child));
      }
      const agentImage = (reference === undefined ? undefined : images.get(reference)) ?? image;
      all.push({ agent: { ...settings, agentClass, hostname: ownHostname ?? hostname, image: agentImage } });
    }
    for (const { agent, dependsOn = [] } of all) this.#agent(agent, tools, [...crossbar, ...dependsOn]);
    return all.map(({ agent }) => agent);
  }

  #agent(agent: Agent, tools: FileVolume, dependsOn: pulumi.Resource[]): void {
    const { host, settings } = this.#args;
    const { siteConfigDirectory } = settings;
    const {
      instanceId,
      hostname,
      image,
      devices = [],
      groupIds = [],
      mounts = [],
      memory,
      cpus,
      restart,
      timeZone,
    } = agent;
    const hub = this.#hub(agent.network);
    const ownConfig = siteConfigDirectory !== undefined;
    new Service(
      `${this.#name}-agent-${instanceId}`,
      {
        host,
        system: "ocs",
        service: instanceId,
        containerName: `${settings.name}-${instanceId}`,
        hostname,
        image,
        ...(!ownConfig && { entrypoint: ["sh", `${toolsFolder}/start.sh`], command: ["ocs-agent-cli"] }),
        environment: {
          INSTANCE_ID: instanceId,
          SITE_HUB: hub.wampServer,
          SITE_HTTP: hub.wampHttp,
          LOGLEVEL: settings.logLevel,
          // An agent that loses Crossbar waits until it is there again.
          CROSSBAR_TIMEOUT: "0",
          PYTHONUNBUFFERED: "1",
          // Of the generated configuration each agent gets its own part: another agent's change is none of its business.
          ...(ownConfig
            ? { OCS_CONFIG_DIR: "/config" }
            : { OCS_CONFIG_DIR: "/tmp/config", OCS_SITE_CONFIG: siteConfig(hub, [agent]) }),
        },
        files: [{ volume: tools, target: toolsFolder }],
        mounts: [...mounts, ...(ownConfig ? [{ source: siteConfigDirectory, target: "/config", readOnly: true }] : [])],
        networks: agent.network === "host" ? "host" : this.#joined(instanceId),
        userId: users.agent,
        groupId: users.agent,
        ...(devices.length > 0 && { devices }),
        ...(groupIds.length > 0 && { groupIds }),
        memory,
        cpus,
        restart,
        standby: !agent.running,
        logs: settings.logs,
        timeZone: timeZone ?? settings.timeZone,
        healthCheck: {
          command: ["python3", `${toolsFolder}/health.py`, hub.wampHttp, `${hub.addressRoot}.${instanceId}`],
          intervalSeconds: settings.healthInterval,
          timeoutSeconds: 10,
          startPeriodSeconds: 120,
        },
        operations: { version: 1, shell: ["bash"], ...savedMounts(mounts) },
      },
      { parent: this, dependsOn },
    );
  }
}

/** Where InfluxDB's clients find it. */
function influxdbAt({ container, server, hostPort }: OcsSettings["influxdb"]) {
  return !container && server !== undefined
    ? { address: server, port: hostPort }
    : { address: "influxdb", port: influxdbPort };
}

/**
 * How one database is written to standard output as an archive of InfluxDB's own backup, which passes through the data folder,
 * because /tmp is in memory; and how the points of each measurement are counted.
 *
 * @param server where it is read from another container
 */
function influxReading(database: string, server?: { host: string; backupPort: number }) {
  const [backupOptions, clientOptions] =
    server === undefined ? ["", ""] : [`-host ${server.host}:${String(server.backupPort)}`, `-host ${server.host}`];
  // The publisher makes it, when it has come that far.
  const ifMissing = `influx ${clientOptions} -execute "CREATE DATABASE \\"$1\\""; `;
  return {
    dump: influxScript(
      database,
      `${ifMissing}${inBackupFolder}influxd backup -portable ${backupOptions} -database "$1" "$folder" >&2; tar -c -C "$folder" .`,
    ),
    rows: influxScript(
      database,
      `${ifMissing}ask() { influx ${clientOptions} -format csv -execute "$1"; }; ` +
        `policies=$(ask "SHOW RETENTION POLICIES ON \\"$1\\""); ` +
        `printf '%s\\n' "$policies" | tail -n +2 | cut -d , -f 1 | while read -r policy; do ` +
        `counts=$(ask "SELECT COUNT(*) FROM \\"$1\\".\\"$policy\\"./.*/"); ` +
        `printf '%s\\n' "$counts" | awk -F , -v policy="$policy" '${sumOfCounts}'; done`,
    ),
  };
}

/** Counts come as a line of names, then a line of measurement, time and the number of values in each field. */
const sumOfCounts = [
  "/^name,time,/ { columns = NF; next }",
  "NF > 2 { sum = 0; for (i = NF - columns + 3; i <= NF; i++) sum += $i;",
  "name = $1; for (i = 2; i < NF - columns + 2; i++) name = name FS $i;",
  'printf "%s.%s\\t%.0f\\n", policy, name, sum }',
].join(" ");

/** How such an archive is read again in the place of what is there. */
function influxLoad(database: string): string[] {
  return influxScript(
    database,
    `${inBackupFolder}tar -x -C "$folder"; drop() { influx -execute "DROP DATABASE \\"$1\\""; }; ` +
      // Only points are named in it.
      `if ! grep -q '"database":' "$folder"/*.manifest; then drop "$1"; influx -execute "CREATE DATABASE \\"$1\\""; exit; fi; ` +
      `grep -q "\\"database\\": *\\"$1\\"" "$folder"/*.manifest || { echo "There is no backup of the database $1 in it." >&2; exit 1; }; ` +
      `drop "$1"; influxd restore -portable -database "$1" "$folder" >&2`,
  );
}

const inBackupFolder = `folder=$(mktemp -d /var/lib/influxdb/.backup.XXXXXX); trap 'rm -rf "$folder"' EXIT; `;

/** A script that gets the database's name as its argument. */
function influxScript(database: string, script: string): string[] {
  return ["sh", "-c", `set -eu; ${script}`, "sh", database];
}

/** What is most useful of what the stack publishes: Grafana, or else InfluxDB, or else Crossbar. */
function summary({ grafana, influxdb, crossbar }: OcsSettings): SystemSummary | undefined {
  const at = ({ hostAddress, hostPort }: { hostAddress: string; hostPort: number }, path: string) => ({
    name: "ocs",
    title: "OCS",
    url: `http://${inUrl(reachable(hostAddress))}:${String(hostPort)}`,
    probe: { address: reachable(hostAddress), port: hostPort, path },
  });
  if (grafana.container) {
    return {
      ...at(grafana, "/login"),
      superuser: "admin",
      passwordOutput: "ocsGrafanaPassword",
    };
  }
  if (influxdb.container) return at(influxdb, "/query?q=SHOW%20DATABASES");
  return crossbar.container ? at(crossbar, "/info") : undefined;
}
