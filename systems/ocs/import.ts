import { parseEnvFile } from "../env-file.ts";
import type { ExistingInstallation, ImportedSystem, Importer } from "../import.ts";
import { asFolder, asNumber, nowhere, setting, takeVariables, type Home } from "../variable-homes.ts";

const always = (what: string) => nowhere(`is always so: ${what}`);
const notHere = nowhere("is for InfluxDB 2, which is not deployed: an agent of your own can be given arguments for it");

/**
 * The variables of OCS's documentation, and where they are now; those of one agent become one of `agents`.
 *
 * Source: "Docker Configuration" in OCS's documentation, and its images' own files.
 */
const known: Readonly<Record<string, Home>> = {
  COMPOSE_PROJECT_NAME: setting("name"),
  OCS_CONFIG_DIR: setting("siteConfigDirectory", asFolder),
  OCS_ADDRESS_ROOT: setting("crossbar.addressRoot"),
  OCS_REALM: setting("crossbar.realm"),
  OCS_CROSSBAR_REALM: setting("crossbar.realm"),
  OCS_PORT: setting("crossbar.hostPort", asNumber),
  OCS_CROSSBAR_PORT: setting("crossbar.hostPort", asNumber),
  LOGLEVEL: setting("logLevel", (value) => value.toLowerCase()),
  CROSSBAR_TIMEOUT: always("agents wait for Crossbar without an end"),
  PYTHONUNBUFFERED: always("what is logged shows at once"),
  INFLUXDB_HTTP_LOG_ENABLED: always("InfluxDB does not log its requests"),
  INFLUXDB_V2_URL: notHere,
  INFLUXDB_V2_ORG: notHere,
  INFLUXDB_V2_BUCKET: notHere,
  INFLUXDB_V2_TOKEN: notHere,
};

const agentVariables = new Set(["INSTANCE_ID", "SITE_HUB", "SITE_HTTP"]);

/** OCS's own agents by the instance ids of its documentation. */
const ownAgents: Readonly<Record<string, string>> = {
  aggregator: "aggregator",
  influxagent: "publisher",
  registry: "registry",
};

/** Takes over the variables of OCS's Docker Compose files. */
export const ocsImporter: Importer = {
  title: "OCS",
  example: "OCS_CONFIG_DIR=/etc/ocs-site-configs",
  parse: parseEnvFile,
  isVariable: (name) => Object.hasOwn(known, name) || agentVariables.has(name),
  configFile: () => undefined,
  read: (installation) => Promise.resolve(importOcs(installation)),
};

function importOcs({ variables }: ExistingInstallation): ImportedSystem {
  const found = takeVariables("ocs", variables, homeOf);
  const hub = address(variables.find(({ name }) => name === "SITE_HUB")?.value ?? "");
  const { agents, crossbar, name } = found.settings;
  const isElsewhere = hub !== undefined && !hub.isHere;
  return {
    ...found,
    settings: {
      ...found.settings,
      ...(agents !== undefined && { agents: [agents] }),
      ...(isElsewhere && { crossbar: { ...(crossbar as object), container: false, hostPort: hub.port } }),
    },
    taken: found.taken.map(({ source, setting: key }) => ({
      source,
      setting: key.replace("ocs.agents.", "ocs.agents[0]."),
    })),
    differences: [],
    remarks: [
      "The Compose files themselves are not read: put each agent's image, class, arguments and devices into ocs.agents, as docs/ocs.md has it.",
      "Folders of data stay where they are: name them by ocs.influxdb.dataDirectory and ocs.aggregator.dataDirectory. Grafana's volume is not taken over.",
      ...(isElsewhere
        ? [
            `Crossbar is on ${hub.server}, and not deployed here. What else of OCS runs there, leave out here: container: false for ocs.influxdb, aggregator, publisher, registry, grafana.`,
          ]
        : []),
    ],
    compose: { ...(typeof name === "string" && { name }) },
  };
}

function homeOf(name: string, value: string, values: ReadonlyMap<string, string>): Home {
  if (value === "") return nowhere("is empty, which leaves the default in force");
  // Crossbar's start script reads the shorter names, whatever its documentation says.
  const shorter = name.replace(/^OCS_CROSSBAR_/, "OCS_");
  if (shorter !== name && values.has(shorter)) return nowhere(`is not what Crossbar reads while ${shorter} is set`);
  switch (name) {
    case "INSTANCE_ID": {
      const own = ownAgents[value];
      return setting(own === undefined ? "agents.instanceId" : `${own}.instanceId`);
    }
    case "SITE_HUB": {
      const hub = address(value);
      if (hub === undefined) return nowhere("is no address such as ws://10.10.10.2:8001/ws");
      return hub.isHere ? setting("crossbar.hostPort", () => hub.port) : setting("crossbar.server", () => hub.server);
    }
    case "SITE_HTTP": {
      const [http, hub] = [address(value), address(values.get("SITE_HUB") ?? "")];
      if (http === undefined) return nowhere("is no address such as http://10.10.10.2:8001/call");
      if (hub === undefined)
        return http.isHere ? nowhere("is worked out for every agent") : nowhere("needs SITE_HUB too");
      return http.server === hub.server && http.port === hub.port
        ? nowhere("is worked out for every agent, from Crossbar's address in SITE_HUB")
        : nowhere("names another server or port than SITE_HUB, and Crossbar has one for both");
    }
    default:
      return known[name] ?? nowhere("is no variable that OCS's documentation gives a meaning");
  }
}

interface Address {
  server: string;
  port: number;
  /** Whether it is the host's own, or that of Crossbar's container. */
  isHere: boolean;
}

function address(url: string): Address | undefined {
  const [, server = "", port] = /^(?:wss?|https?):\/\/([A-Za-z0-9.-]+):(\d+)(?:\/.*)?$/.exec(url) ?? [];
  if (port === undefined) return undefined;
  return { server, port: Number(port), isHere: /^(?:crossbar|localhost|127\..*)$/.test(server) };
}
