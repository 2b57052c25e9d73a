import assert from "node:assert/strict";
import type * as pulumi from "@pulumi/pulumi";
import type { Host } from "../../components/host.ts";
import { camcopsSettings } from "../../settings/camcops/settings.ts";
import { copedSettings } from "../../settings/coped/settings.ts";
import { ocsSettings } from "../../settings/ocs/settings.ts";
import { siddataSettings } from "../../settings/siddata/settings.ts";
import { Camcops } from "../../systems/camcops/camcops.ts";
import { Coped } from "../../systems/coped/coped.ts";
import { Ocs } from "../../systems/ocs/ocs.ts";
import { Siddata } from "../../systems/siddata/siddata.ts";
import { recordOnHost } from "../recorded.ts";

type Deploy = (host: Host, settings: Record<string, unknown>, options: pulumi.ComponentResourceOptions) => unknown;

const staging = { environment: "staging", secrets: {} } as const;
const imagesOf = (...names: string[]) => Object.fromEntries(names.map((name) => [name, `${name}:1`]));

/** Each system with every service that it can have. */
const systems: Record<string, { services: string[]; settings: Record<string, unknown>; deploy: Deploy }> = {
  camcops: {
    services: [
      "mysql",
      "rabbitmq",
      "camcops_server",
      "camcops_scheduler",
      "camcops_workers",
      "camcops_monitor",
      "nginx",
    ],
    settings: { images: imagesOf("camcops", "mysql", "rabbitmq", "nginx"), withoutDowntime: true },
    deploy: (host, settings, options) =>
      new Camcops("x", { host, settings: camcopsSettings.parse(settings), ...staging }, options),
  },
  coped: {
    services: ["web", "nginx", "db", "elasticsearch", "voila"],
    settings: { images: imagesOf("web", "nginx", "db", "elasticsearch", "voila") },
    deploy: (host, settings, options) =>
      new Coped("x", { host, settings: copedSettings.parse(settings), ...staging }, options),
  },
  ocs: {
    services: ["crossbar", "influxdb", "grafana", "aggregator", "publisher", "registry"],
    settings: { images: imagesOf("ocs", "crossbar", "influxdb", "grafana") },
    deploy: (host, settings, options) =>
      new Ocs("x", { host, settings: ocsSettings.parse(settings), secrets: {} }, options),
  },
  siddata: {
    services: ["backend", "db", "tfServing", "proxy"],
    settings: { images: { ...imagesOf("backend", "db", "proxy"), tfServing: "serving:1" } },
    deploy: (host, settings, options) =>
      new Siddata("x", { host, settings: siddataSettings.parse(settings), ...staging }, options),
  },
};

describe("what a service may use", () => {
  for (const [name, { services, settings, deploy }] of Object.entries(systems)) {
    const limits = Object.fromEntries(
      services.map((service, index) => [
        service,
        { memory: 1100 + index, cpus: 0.5 + index / 4, restart: "always", timeZone: "Asia/Tokyo" },
      ]),
    );
    /** The limits that containers of services have, in the order of memory. */
    const recordLimits = async (own: Record<string, unknown>) => {
      const recorded = await recordOnHost((host, options) => {
        deploy(host, { ...settings, ...own }, options);
      });
      const found = recorded.flatMap(({ name: container, inputs: { memory, cpuQuota, cpuPeriod, restart, envs } }) =>
        /-container(-1)?$/.test(container) && restart !== "no"
          ? [{ memory, cpuQuota, cpuPeriod, restart, zone: (envs as string[])[0] }]
          : [],
      );
      return found.sort((a, b) => Number(a.memory) - Number(b.memory));
    };

    it(`is what its setting says, for each service of ${name}`, async () => {
      assert.deepEqual(
        await recordLimits({ services: limits }),
        services.map((_, index) => ({
          memory: 1100 + index,
          cpuQuota: 50_000 + index * 25_000,
          cpuPeriod: 100_000,
          restart: "always",
          zone: "TZ=Asia/Tokyo",
        })),
      );
    });

    it(`is all processor time, in the system's time zone, unless its setting says otherwise, for each service of ${name}`, async () => {
      const found = await recordLimits({ timeZone: "Europe/London" });
      assert.equal(found.length, services.length);
      for (const { cpuQuota, cpuPeriod, restart, zone } of found) {
        assert.deepEqual(
          { cpuQuota, cpuPeriod, restart, zone },
          { cpuQuota: undefined, cpuPeriod: undefined, restart: "unless-stopped", zone: "TZ=Europe/London" },
        );
      }
    });
  }
});
