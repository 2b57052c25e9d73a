import { environmentNames, imageDemand } from "../environment.ts";
import { imageReference, oneOf } from "../fields.ts";
import { entries, settingKey, valueAt } from "../path.ts";
import { portsDiffer } from "../ports-differ.ts";
import type { Report } from "../remedy.ts";

/** The services of OCS that are no agents. */
const coreServices = ["crossbar", "influxdb", "grafana"] as const;

/** OCS's own agents. */
const ownAgents = ["aggregator", "publisher", "registry"] as const;

/** Ends of containers' names that are not an agent's to have. */
const takenNames = [...coreServices, "crossbar-files", "agent-files", "grafana-files", "grafana-secrets"];

/**
 * The rules that the settings of OCS keep among each other. Each parses just the part that it needs and is silent when
 * that part is invalid by itself, so that all problems are found in one go.
 */
export function ocsRules(stack: unknown, report: Report): void {
  const settings = valueAt(stack, ["ocs"]);
  const within: Report = (path, message, ...remedy) => {
    report(["ocs", ...path], message, ...remedy);
  };
  portsDiffer(
    "ocs",
    coreServices.map((service) => [service]),
    settings,
    within,
  );
  for (const rule of [somethingRuns, serversAreOutside, servicesAreReached, instancesDiffer, classes]) {
    rule(settings, within);
  }
  agentImagesFit(stack, report);
}

function isOwn(settings: unknown, service: string): boolean {
  return valueAt(settings, [service, "container"]) !== false;
}

function agentsOf(settings: unknown): [index: number, agent: unknown][] {
  const agents = valueAt(settings, ["agents"]);
  return Array.isArray(agents) ? entries(agents).map(([index, agent]) => [Number(index), agent]) : [];
}

function somethingRuns(settings: unknown, report: Report): void {
  if ([...coreServices, ...ownAgents].some((service) => isOwn(settings, service))) return;
  if (agentsOf(settings).length > 0) return;
  report(["agents"], "must hold an agent, because every service of ocs has container: false", {
    unset: "ocs.crossbar.container",
  });
}

function serversAreOutside(settings: unknown, report: Report): void {
  for (const service of ["crossbar", "influxdb"]) {
    if (!isOwn(settings, service) || valueAt(settings, [service, "server"]) === undefined) continue;
    report(
      [service, "server"],
      `must not be set while ocs.${service}.container is true, because the service is the stack's own then`,
      { unset: `ocs.${service}.server` },
    );
  }
}

/** On a network of the stack's own there is nothing but the stack's own services. */
function servicesAreReached(settings: unknown, report: Report): void {
  const kind = valueAt(settings, ["network", "kind"]);
  if (kind !== undefined && kind !== "own") return;
  const hasAgents = ownAgents.some((service) => isOwn(settings, service)) || agentsOf(settings).length > 0;
  const hasReaders = ["publisher", "grafana"].some((service) => isOwn(settings, service));
  for (const [service, isNeeded] of [["crossbar", hasAgents] as const, ["influxdb", hasReaders] as const]) {
    if (!isNeeded || isOwn(settings, service) || valueAt(settings, [service, "server"]) !== undefined) continue;
    report(
      ["network"],
      `must be one that ${service} is on, because ocs.${service}.container is false and ocs.${service}.server is not set`,
      { set: "ocs.network.kind", value: "stack" },
      { set: "ocs.network.stack", value: "ocs-core" },
    );
  }
}

function instancesDiffer(settings: unknown, report: Report): void {
  const holders = new Map(takenNames.map((name) => [name, "a container of the stack"]));
  const own = ownAgents.filter((service) => isOwn(settings, service)).map((service) => [service, "instanceId"]);
  const others = agentsOf(settings).map(([index]) => ["agents", index, "instanceId"]);
  for (const path of [...own, ...others]) {
    const instanceId = valueAt(settings, path);
    if (typeof instanceId !== "string") continue;
    const holder = holders.get(instanceId);
    const key = settingKey(["ocs", ...path]);
    if (holder === undefined) {
      holders.set(instanceId, key);
      continue;
    }
    report(path, `must be an instance id of its own, but ${holder} has the same name`, {
      set: key,
      value: `${instanceId}-2`,
    });
  }
}

/** What stands in the user's own site configuration file is not said here, too. */
function classes(settings: unknown, report: Report): void {
  const hasFile = valueAt(settings, ["siteConfigDirectory"]) !== undefined;
  for (const [index, agent] of agentsOf(settings)) {
    const path = ["agents", index];
    const key = (name: string) => settingKey(["ocs", ...path, name]);
    const agentClass = valueAt(agent, ["agentClass"]);
    if (!hasFile && agentClass === undefined) {
      report(
        [...path, "agentClass"],
        "must name the agent's class, unless ocs.siteConfigDirectory holds a file that does",
        {
          set: key("agentClass"),
          value: "FakeDataAgent",
        },
      );
    }
    if (!hasFile) continue;
    const given = { agentClass, arguments: valueAt(agent, ["arguments", 0]) };
    for (const [name, value] of Object.entries(given)) {
      if (value === undefined) continue;
      report([...path, name], "must not be set, because the file in ocs.siteConfigDirectory says it", {
        unset: key(name),
      });
    }
  }
}

function agentImagesFit(stack: unknown, report: Report): void {
  const environment = oneOf(environmentNames).safeParse(valueAt(stack, ["environment"])).data;
  if (environment === undefined) return;
  for (const [index, agent] of agentsOf(valueAt(stack, ["ocs"]))) {
    const reference = imageReference().safeParse(valueAt(agent, ["image"])).data;
    const demand = reference === undefined ? undefined : imageDemand(environment, reference);
    if (demand === undefined) continue;
    const path = ["ocs", "agents", index, "image"];
    report(path, demand, { set: settingKey(path), value: `<your registry>/agent@sha256:<digest>` });
  }
}
