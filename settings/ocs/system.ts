import { stat } from "node:fs/promises";

import { isLoopback, secretText } from "../fields.ts";
import { folderFindings } from "../folder-check.ts";
import { settingKey, valueAt } from "../path.ts";
import { publication, type Publication } from "../port-check.ts";
import type { FileFindings, Finding } from "../problems.ts";
import type { Question } from "../question.ts";
import type { ImageSource, System } from "../system.ts";
import { ocsRules } from "./rules.ts";
import { grafanaImage, ocsSettings, type OcsSettings } from "./settings.ts";
import { siteConfigFindings } from "./site-config-check.ts";

/** The user that agents run as, in OCS's own image and in `images/ocs`. */
export const agentUser = 9000;

/** OCS among a stack's settings. */
export const ocsSystem = {
  settings: ocsSettings,
  secrets: {
    ocsGrafanaPassword: secretText().meta({
      description:
        "Password of Grafana's user admin. Without it the stack generates one. Grafana takes it at its first start only.",
      question: {
        order: 62,
        ask: "Password of Grafana's user admin",
        when: { "grafana.container": true },
      } satisfies Question,
    }),
  },
  rules: ocsRules,
  images(settings: unknown): Record<string, ImageSource> {
    const isOwn = (service: string) => valueAt(settings, [service, "container"]) !== false;
    const hasAgents =
      ["aggregator", "publisher", "registry"].some(isOwn) || valueAt(settings, ["agents", 0]) !== undefined;
    return {
      ...(hasAgents && { ocs: { build: "ocs" } }),
      ...(isOwn("crossbar") && { crossbar: { build: "crossbar" } }),
      ...(isOwn("influxdb") && { influxdb: { build: "influxdb" } }),
      ...(isOwn("grafana") && { grafana: { pull: grafanaImage, leftOutBy: "ocs.grafana.container" } }),
    };
  },
  needs: (settings: OcsSettings) => ({
    publications: publications(settings),
    networks: settings.network.kind === "external" ? [{ key: "ocs.network.name", name: settings.network.name }] : [],
    warnings: warnings(settings),
    checkFiles: () => checkFiles(settings),
  }),
} satisfies System<typeof ocsSettings>;

function publications(settings: OcsSettings): Publication[] {
  return (["crossbar", "influxdb", "grafana"] as const).flatMap((service) => {
    const group = settings[service];
    return group.container ? [publication(`ocs.${service}`, group)] : [];
  });
}

function warnings(settings: OcsSettings): string[] {
  const open = { crossbar: "control every agent", influxdb: "read and change all data" };
  return (["crossbar", "influxdb"] as const).flatMap((service) => {
    const { container, hostAddress } = settings[service];
    if (!container || isLoopback(hostAddress)) return [];
    return [
      `ocs.${service}.hostAddress: ${hostAddress} is reachable from elsewhere, and no password is asked for: whoever reaches it can ${open[service]}. Let a firewall admit only whom you trust.`,
    ];
  });
}

async function checkFiles(settings: OcsSettings): Promise<FileFindings> {
  const { siteConfigDirectory, aggregator, influxdb, agents } = settings;
  const findings = await Promise.all([
    ...(siteConfigDirectory === undefined ? [] : [siteConfigFindings(settings, siteConfigDirectory)]),
    ...(aggregator.container
      ? [folderFindings("ocs.aggregator.dataDirectory", aggregator.dataDirectory, { userId: agentUser })]
      : []),
    ...(influxdb.container
      ? [folderFindings("ocs.influxdb.dataDirectory", influxdb.dataDirectory, { userId: influxdb.userId })]
      : []),
    ...agents.flatMap(({ devices }, agent) =>
      devices.map((device, index) => deviceFindings(settingKey(["ocs", "agents", agent, "devices", index]), device)),
    ),
  ]);
  return { findings: findings.flat(), warnings: [] };
}

async function deviceFindings(key: string, path: string): Promise<Finding[]> {
  const isThere = await stat(path).then(
    () => true,
    () => false,
  );
  if (isThere) return [];
  return [{ key, value: path, message: "must be an existing device of the host", remedy: [{ unset: key }] }];
}
