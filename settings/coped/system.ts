import { djangoBuild } from "../django.ts";
import { isLoopback, secretText } from "../fields.ts";
import { folderFindings } from "../folder-check.ts";
import { valueAt } from "../path.ts";
import { publication, type Publication } from "../port-check.ts";
import type { Question } from "../question.ts";
import type { Report } from "../remedy.ts";
import type { FileFindings } from "../problems.ts";
import type { ImageSource, System } from "../system.ts";
import { copedEnvironmentRule } from "./rules.ts";
import { copedSettings, type CopedSettings } from "./settings.ts";

/** COPED among a stack's settings. */
export const copedSystem = {
  settings: copedSettings,
  secrets: {
    copedSuperuserPassword: secretText().meta({
      description: "Password of the first user. Without it the stack generates one; a deployment never resets it.",
      question: { order: 81, ask: "Password of the first user" } satisfies Question,
    }),
    copedDjangoSecretKey: secretText().meta({
      description: "Django's key, which signs sessions. Without it the stack generates one.",
      variable: "DJANGO_SECRET_KEY",
      question: { order: 24, ask: "Django's key, which signs sessions" } satisfies Question,
    }),
    copedPostgresPassword: secretText().meta({
      description: "Password of the application's user in the database. Without it the stack generates one.",
      variable: "POSTGRES_PASSWORD",
      question: { order: 42, ask: "Password of the application's user in the database" } satisfies Question,
    }),
    copedElasticsearchPassword: secretText().meta({
      description: "Password of the user `elastic` of the search engine. Without it the stack generates one.",
      variable: "ELASTICSEARCH_PASSWORD",
      question: {
        order: 51,
        ask: "Password of the search engine",
        when: { "elasticsearch.container": true },
      } satisfies Question,
    }),
  },
  rules(stack: unknown, report: Report) {
    copedEnvironmentRule(stack, report);
  },
  images: (settings: unknown) => ({
    web: { build: djangoBuild("coped-web", valueAt(settings, ["application"])) },
    nginx: { build: "nginx" },
    db: { build: "postgresql" },
    ...optional(settings, "elasticsearch"),
    ...optional(settings, "voila"),
  }),
  needs: (settings: CopedSettings) => ({
    publications: publications(settings),
    volumes:
      settings.database.volume === undefined ? [] : [{ key: "coped.database.volume", name: settings.database.volume }],
    warnings: warnings(settings),
    checkFiles: () => checkFiles(settings),
  }),
} satisfies System<typeof copedSettings>;

function optional(settings: unknown, service: "elasticsearch" | "voila"): Record<string, ImageSource> {
  if (valueAt(settings, [service, "container"]) === false) return {};
  return { [service]: { build: service, leftOutBy: `coped.${service}.container` } };
}

function publications({ hostAddress, hostPort, bypass }: CopedSettings): Publication[] {
  return [
    publication("coped", { hostAddress, hostPort }),
    ...(bypass === undefined ? [] : [publication("coped.bypass", bypass)]),
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

async function checkFiles({ application, voila }: CopedSettings): Promise<FileFindings> {
  const findings = await Promise.all([
    folderFindings("coped.application.folder", application.folder, { content: "Dockerfile" }),
    folderFindings("coped.voila.notebooks", voila.notebooks),
  ]);
  return { findings: findings.flat(), warnings: [] };
}
