import { stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { isLoopback, secretText } from "../fields.ts";
import { valueAt } from "../path.ts";
import type { Publication } from "../port-check.ts";
import type { Finding } from "../problems.ts";
import type { Report } from "../remedy.ts";
import type { FileFindings, ImageSource, System } from "../system.ts";
import { copedEnvironmentRule } from "./rules.ts";
import { copedSettings, type CopedSettings } from "./settings.ts";

/** The application that stands in for the user's own. */
const template = fileURLToPath(new URL("../../templates/django", import.meta.url));

/** COPED among a stack's settings. */
export const copedSystem = {
  settings: copedSettings,
  secrets: {
    copedSuperuserPassword: secretText().meta({
      description: "Password of the first user. Without it the stack generates one; a deployment never resets it.",
    }),
    copedDjangoSecretKey: secretText().meta({
      description: "Django's key, which signs sessions. Without it the stack generates one.",
      variable: "DJANGO_SECRET_KEY",
    }),
    copedPostgresPassword: secretText().meta({
      description: "Password of the application's user in the database. Without it the stack generates one.",
      variable: "POSTGRES_PASSWORD",
    }),
    copedElasticsearchPassword: secretText().meta({
      description: "Password of the user `elastic` of the search engine. Without it the stack generates one.",
      variable: "ELASTICSEARCH_PASSWORD",
    }),
  },
  rules(stack: unknown, report: Report) {
    copedEnvironmentRule(stack, report);
  },
  images: (settings: unknown) => ({
    web: { build: { name: "coped-web", folder: applicationFolder(settings) ?? "", target: target(settings) } },
    nginx: { build: "nginx" },
    db: { build: "postgresql" },
    ...optional(settings, "elasticsearch"),
    ...optional(settings, "voila"),
  }),
  needs: (settings: CopedSettings) => ({
    publications: publications(settings),
    warnings: warnings(settings),
    checkFiles: () => checkFiles(settings),
  }),
} satisfies System<typeof copedSettings>;

/** The folder whose code dev builds and runs; none where the image comes from elsewhere. The settings may be invalid. */
export function applicationFolder(settings: unknown): string | undefined {
  const folder = valueAt(settings, ["application", "folder"]);
  if (typeof folder === "string") return folder;
  return valueAt(settings, ["images", "web"]) === undefined ? template : undefined;
}

function target(settings: unknown): string {
  const chosen = valueAt(settings, ["application", "target"]);
  return typeof chosen === "string" ? chosen : "dev";
}

function optional(settings: unknown, service: "elasticsearch" | "voila"): Record<string, ImageSource> {
  if (valueAt(settings, [service, "container"]) === false) return {};
  return { [service]: { build: service, leftOutBy: `coped.${service}.container` } };
}

function publications({ hostAddress, hostPort, bypass }: CopedSettings): Publication[] {
  const of = (key: string, address: string, port: number): Publication => ({
    portKey: `${key}.hostPort`,
    addressKey: `${key}.hostAddress`,
    address,
    port,
  });
  return [
    of("coped", hostAddress, hostPort),
    ...(bypass === undefined ? [] : [of("coped.bypass", bypass.hostAddress, bypass.hostPort)]),
  ];
}

function warnings({ hostAddress, flushDatabase }: CopedSettings): string[] {
  return [
    ...(isLoopback(hostAddress)
      ? []
      : [
          `coped.hostAddress: ${hostAddress} is reachable from elsewhere, and nginx speaks plain HTTP: passwords travel unencrypted. Set it to 127.0.0.1, and put a web server with a certificate in front.`,
        ]),
    ...(flushDatabase
      ? ["coped.flushDatabase: is true: a deployment that starts the application anew empties all tables."]
      : []),
  ];
}

async function checkFiles(settings: CopedSettings): Promise<FileFindings> {
  const { application, voila } = settings;
  const folder = application.folder;
  const findings = [
    ...(folder === undefined
      ? []
      : await missing("coped.application.folder", folder, join(folder, "Dockerfile"), "a folder with a Dockerfile")),
    ...(voila.notebooks === undefined
      ? []
      : await missing("coped.voila.notebooks", voila.notebooks, voila.notebooks, "an existing folder of the host")),
  ];
  return { findings, warnings: [] };
}

async function missing(key: string, value: string, path: string, expected: string): Promise<Finding[]> {
  const exists = await stat(path).then(
    () => true,
    () => false,
  );
  return exists ? [] : [{ key, value, message: `must be ${expected}`, remedy: [{ advice: `ls -l ${value}` }] }];
}
