import { z } from "zod";

import { configFolder } from "./config-keys.ts";
import { containerPath } from "./files.ts";
import { absolutePath, flag } from "../fields.ts";
import { valueAt } from "../path.ts";
import { portsDiffer } from "../ports-differ.ts";
import type { Report } from "../remedy.ts";

/**
 * The rules that CamCOPS's settings keep among each other. Each rule parses just the part of the settings that it needs
 * and is silent when that part is invalid by itself, so that all problems are found in one go.
 */
export function camcopsRules(settings: unknown, context: z.core.$RefinementCtx): void {
  const report: Report = (path, message, ...remedy) => {
    context.addIssue({ code: "custom", path, message, input: valueAt(settings, path), params: { remedy } });
  };
  portsDiffer("camcops", [[], ["mysql"], ["flower"]], settings, report);
  for (const rule of [databaseIsNamed, proxyHasCertificate, certificateRenews, certificateIsVisible]) {
    rule(settings, report);
  }
}

function databaseIsNamed(settings: unknown, report: Report): void {
  const mysql = z
    .object({ container: flag(), server: z.unknown().optional() })
    .safeParse(valueAt(settings, ["mysql"])).data;
  if (mysql === undefined) return;
  if (!mysql.container && mysql.server === undefined) {
    report(["mysql", "server"], "must name the external database server, because camcops.mysql.container is false", {
      set: "camcops.mysql.server",
      value: "host.docker.internal",
    });
  }
  if (mysql.container && mysql.server !== undefined) {
    report(
      ["mysql", "server"],
      "must not be set while camcops.mysql.container is true, because the database is the stack's own then",
      { unset: "camcops.mysql.server" },
    );
  }
}

function proxyHasCertificate(settings: unknown, report: Report): void {
  if (valueAt(settings, ["withoutDowntime"]) !== true || valueAt(settings, ["https"]) !== false) return;
  report(
    ["withoutDowntime"],
    "must not be true while camcops.https is false: the web server that has your certificate would be told the wrong " +
      "addresses of clients",
    { unset: "camcops.withoutDowntime" },
    { set: "camcops.https", value: "true" },
  );
}

function certificateRenews(settings: unknown, report: Report): void {
  const days = z
    .object({ validityDays: z.int(), earlyRenewalDays: z.int() })
    .safeParse(valueAt(settings, ["certificate"])).data;
  if (days !== undefined && days.earlyRenewalDays >= days.validityDays) {
    report(
      ["certificate", "earlyRenewalDays"],
      `must be less than camcops.certificate.validityDays, which is ${days.validityDays}`,
      { set: "camcops.certificate.earlyRenewalDays", value: String(Math.floor(days.validityDays / 2)) },
    );
  }
}

function certificateIsVisible(settings: unknown, report: Report): void {
  if (valueAt(settings, ["certificate", "kind"]) !== "files") return;
  const configDirectory = absolutePath()
    .optional()
    .safeParse(valueAt(settings, ["configDirectory"]));
  if (!configDirectory.success) return;
  for (const key of ["certificate", "privateKey"]) {
    const path = absolutePath().safeParse(valueAt(settings, ["certificate", key])).data;
    if (path === undefined || containerPath(path, configDirectory.data).startsWith(`${configFolder}/`)) continue;
    report(
      ["certificate", key],
      `must be a file in camcops.configDirectory, which CamCOPS sees as ${configFolder}; put it there`,
      { set: `camcops.certificate.${key}`, value: `${configFolder}/${path.slice(path.lastIndexOf("/") + 1)}` },
    );
  }
  if (configDirectory.data === undefined) {
    report(["configDirectory"], "must be set, because camcops.certificate.kind is files: it holds them", {
      set: "camcops.configDirectory",
      value: "/etc/camcops",
    });
  }
}
