import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";

import { entries, settingKey, valueAt } from "../path.ts";
import type { Finding } from "../problems.ts";
import type { OcsSettings } from "./settings.ts";

/** An agent that a site configuration file has to list. */
interface Wanted {
  instanceKey: string;
  instanceId: string;
  hostnameKey: string;
  hostname: string;
  /** The class that it has to be of. @default any */
  agentClass?: string;
}

/** Checks the user's own site configuration file: it has to list every agent, and to lead to the stack's Crossbar. */
export async function siteConfigFindings(settings: OcsSettings, directory: string): Promise<Finding[]> {
  const key = "ocs.siteConfigDirectory";
  const file = join(directory, "default.yaml");
  let content: unknown;
  try {
    content = parse(await readFile(file, "utf8"));
  } catch (error) {
    const reason = (error as Error).message.split("\n")[0] ?? "";
    return [
      {
        key,
        value: directory,
        message: `must hold a site configuration file, default.yaml, in YAML, but ${file} cannot be read: ${reason}`,
        remedy: [{ unset: key }],
      },
    ];
  }
  const { realm, addressRoot } = settings.crossbar;
  const hub = [
    hubFinding(content, "wamp_realm", "ocs.crossbar.realm", realm),
    hubFinding(content, "address_root", "ocs.crossbar.addressRoot", addressRoot),
  ];
  return [...hub.flat(), ...wantedOf(settings).flatMap((wanted) => agentFindings(content, file, wanted))];
}

function hubFinding(content: unknown, name: string, key: string, value: string): Finding[] {
  const inFile = valueAt(content, ["hub", name]);
  if (inFile === value) return [];
  const message = `must be what hub.${name} is in the site configuration file, which is ${JSON.stringify(inFile)}`;
  return [{ key, value, message, remedy: [{ set: key, value: typeof inFile === "string" ? inFile : value }] }];
}

function wantedOf({ hostname, aggregator, publisher, registry, agents }: OcsSettings): Wanted[] {
  const own = { aggregator, publisher, registry };
  const classes = { aggregator: "AggregatorAgent", publisher: "InfluxDBAgent", registry: "RegistryAgent" };
  return [
    ...(["aggregator", "publisher", "registry"] as const)
      .filter((service) => own[service].container)
      .map((service) => ({
        instanceKey: `ocs.${service}.instanceId`,
        instanceId: own[service].instanceId,
        hostnameKey: "ocs.hostname",
        hostname,
        agentClass: classes[service],
      })),
    ...agents.map(({ instanceId, hostname: ownHostname }, index) => ({
      instanceKey: settingKey(["ocs", "agents", index, "instanceId"]),
      instanceId,
      hostnameKey: ownHostname === undefined ? "ocs.hostname" : settingKey(["ocs", "agents", index, "hostname"]),
      hostname: ownHostname ?? hostname,
    })),
  ];
}

/** What is wrong with the entry of one agent. A host that the file does not name is `localhost` to OCS. */
function agentFindings(content: unknown, file: string, wanted: Wanted): Finding[] {
  const { instanceKey, instanceId, hostnameKey, hostname, agentClass } = wanted;
  const hosts = entries(valueAt(content, ["hosts"])).map(([name]) => name);
  const host = [hostname, "localhost"].find((name) => hosts.includes(name));
  if (host === undefined) {
    const message = `must be a key below hosts in ${file}, which are: ${hosts.join(", ")}`;
    return [
      { key: hostnameKey, value: hostname, message, remedy: [{ set: hostnameKey, value: hosts[0] ?? "ocs-docker" }] },
    ];
  }
  const listed = valueAt(content, ["hosts", host, "agent-instances"]);
  const instances = Array.isArray(listed) ? listed : [];
  const ids = instances.map((instance) => String(valueAt(instance, ["instance-id"])));
  const found: unknown = instances[ids.indexOf(instanceId)];
  if (found === undefined) {
    const message = `must be an instance-id that ${file} lists for the host ${host}, which are: ${ids.join(", ")}`;
    return [{ key: instanceKey, value: instanceId, message, remedy: [{ advice: `add it to ${file}` }] }];
  }
  const classInFile = valueAt(found, ["agent-class"]);
  if (agentClass === undefined || classInFile === agentClass) return [];
  const message = `must be an instance of ${agentClass}, but ${file} calls it ${JSON.stringify(classInFile)}`;
  return [{ key: instanceKey, value: instanceId, message, remedy: [{ advice: `change its agent-class in ${file}` }] }];
}
