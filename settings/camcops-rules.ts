import { z } from "zod";

import { configMount, containerPath, fileKeys, isVisible } from "./camcops-files.ts";
import { absolutePath, flag, hostAddress, port } from "./fields.ts";
import { settingKey, type Step } from "./remedy.ts";

/** Reports that the setting at `path`, below `camcops`, breaks a rule: `must` completes "this setting …". */
type Report = (path: string[], must: string, ...remedy: Step[]) => void;

/**
 * The rules that CamCOPS's settings keep among each other. Each rule parses just the part of the settings that it needs
 * and is silent when that part is invalid by itself, so that all problems are found in one go.
 */
export function camcopsRules(settings: unknown, context: z.core.$RefinementCtx): void {
  const report: Report = (path, message, ...remedy) => {
    context.addIssue({ code: "custom", path, message, input: valueAt(settings, path), params: { remedy } });
  };
  for (const rule of [portsDiffer, databaseIsNamed, certificateRenews, certificateIsVisible, configKeysAreFree]) {
    rule(settings, report);
  }
}

function portsDiffer(settings: unknown, report: Report): void {
  const published: { key: string; address: string; hostPort: number }[] = [];
  for (const path of [[], ["mysql"], ["flower"]]) {
    const service = z
      .object({ container: z.unknown().optional(), hostAddress: hostAddress(), hostPort: port() })
      .safeParse(valueAt(settings, path)).data;
    if (service === undefined || service.container === false) continue;
    const { hostAddress: address, hostPort } = service;
    const key = settingKey(["camcops", ...path, "hostPort"]);
    const other = published.find((entry) => entry.hostPort === hostPort && overlap(entry.address, address));
    if (other !== undefined) {
      report([...path, "hostPort"], `must differ from ${other.key}: a port of the host serves one service only`, {
        set: key,
        value: String(hostPort < 65535 ? hostPort + 1 : hostPort - 1),
      });
    }
    published.push({ key, address, hostPort });
  }
}

function overlap(a: string, b: string): boolean {
  return a === b || [a, b].some((address) => address === "0.0.0.0" || address === "::");
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
  for (const key of ["certificate", "privateKey"]) {
    const path = absolutePath().safeParse(valueAt(settings, ["certificate", key])).data;
    if (path !== undefined) {
      fileIsVisible(path, ["certificate", key], settings, report, (seen) => seen.startsWith(`${configMount}/`));
    }
  }
}

/** Refuses a file that CamCOPS's containers could not see. */
function fileIsVisible(
  path: string,
  setting: string[],
  settings: unknown,
  report: Report,
  isAllowed: (path: string) => boolean,
): void {
  const configDirectory = absolutePath()
    .optional()
    .safeParse(valueAt(settings, ["configDirectory"])).data;
  const seen = containerPath(path, configDirectory);
  const file = seen.slice(seen.lastIndexOf("/") + 1);
  if (!isAllowed(seen)) {
    report(setting, `must be a file in camcops.configDirectory, which CamCOPS sees as ${configMount}: put it there`, {
      set: settingKey(["camcops", ...setting]),
      value: `${configMount}/${file}`,
    });
  } else if (seen.startsWith(`${configMount}/`) && valueAt(settings, ["configDirectory"]) === undefined) {
    report(
      ["configDirectory"],
      `must be set, because ${settingKey(["camcops", ...setting])} is a file in ${configMount}`,
      { set: "camcops.configDirectory", value: "/etc/camcops" },
    );
  }
}

/** What makes the keys of camcops.conf that a user may not set, by kind of section. */
const reserved: Record<string, Record<string, string>> = {
  site: {
    DB_URL: "camcops.mysql and the stack's secrets",
    SESSION_COOKIE_SECRET: "a secret that the stack keeps",
    USER_DOWNLOAD_DIR: "the stack's own volume",
  },
  server: {
    HOST: "camcops.hostAddress",
    PORT: "camcops.internalPort",
    SSL_CERTIFICATE: "camcops.certificate",
    SSL_PRIVATE_KEY: "camcops.certificate",
    UNIX_DOMAIN_SOCKET: "camcops.internalPort",
  },
  export: {
    CELERY_BEAT_SCHEDULE_DATABASE: "the stack's own volume",
    CELERY_BROKER_URL: "the stack's own message queue",
    EXPORT_LOCKDIR: "the stack's own volume",
  },
};

/** Whether a key of camcops.conf is made by the stack, and from what. */
export function reservedFor(section: string, key: string): string | undefined {
  return reserved[section]?.[key];
}

function configKeysAreFree(settings: unknown, report: Report): void {
  for (const [section, keys] of entries(valueAt(settings, ["config"]))) {
    for (const [key, value] of entries(keys)) {
      const setting = ["config", section, key];
      const name = settingKey(["camcops", ...setting]);
      const source = reservedFor(section, key);
      if (source !== undefined) {
        report(setting, `must not be set: it is made from ${source}`, { unset: name });
      } else if (isSecret(key, value)) {
        report(
          setting,
          "must not stand in plain text: it belongs, encrypted, in camcopsSecretConfig",
          { unset: name },
          { setSecret: settingKey(["camcopsSecretConfig", section, key]) },
        );
      } else if (fileKeys.has(key)) {
        for (const path of [value].flat()) {
          if (typeof path === "string" && path !== "") fileIsVisible(path, setting, settings, report, isVisible);
        }
      }
    }
  }
}

/** Whether a key of camcops.conf holds a secret, by its name or by a password inside a URL. */
export function isSecret(key: string, value: unknown): boolean {
  return (
    /(?:PASSWORD|SECRET|TOKEN|API_KEY)$/.test(key) || (typeof value === "string" && /:\/\/[^/@]*:[^/]*@/.test(value))
  );
}

function entries(value: unknown): [string, unknown][] {
  return typeof value === "object" && value !== null ? Object.entries(value) : [];
}

/** What stands at `path` within `settings`. */
function valueAt(settings: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => new Map(entries(value)).get(key), settings);
}
