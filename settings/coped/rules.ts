import type { z } from "zod";

import { environmentNames, environments } from "../environment.ts";
import { oneOf, wholeNumber } from "../fields.ts";
import { valueAt } from "../path.ts";
import { portsDiffer } from "../ports-differ.ts";
import type { Report } from "../remedy.ts";

/** The variables that the deployment sets itself, each with what decides its value. */
const decided: Readonly<Record<string, string>> = {
  ALLOWED_HOSTS: "coped.application.allowedHosts",
  CSRF_TRUSTED_ORIGINS: "coped.application.trustedOrigins",
  DEBUG: "the stack's environment",
  DJANGO_SECRET_KEY: "the secret copedDjangoSecretKey",
  DJANGO_SECRET_KEY_FILE: "the secret copedDjangoSecretKey",
  DJANGO_SETTINGS_MODULE: "coped.application.settingsModule",
  DJANGO_STATIC_ROOT: "the volume that web and nginx share",
  ELASTICSEARCH_PASSWORD: "the secret copedElasticsearchPassword",
  ELASTICSEARCH_PASSWORD_FILE: "the secret copedElasticsearchPassword",
  ELASTICSEARCH_URL: "coped.elasticsearch.container",
  ELASTICSEARCH_USER: "the search engine of the deployment",
  POSTGRES_DB: "coped.database.databaseName",
  POSTGRES_HOST: "the database of the deployment",
  POSTGRES_PASSWORD: "the secret copedPostgresPassword",
  POSTGRES_PASSWORD_FILE: "the secret copedPostgresPassword",
  POSTGRES_PORT: "the database of the deployment",
  POSTGRES_USER: "coped.database.userName",
  TZ: "coped.timeZone",
  WEB_CONCURRENCY: "coped.application.workers",
};

/** The rules that COPED's settings keep among each other; each is silent where its part is invalid by itself. */
export function copedRules(settings: unknown, context: z.core.$RefinementCtx): void {
  const report: Report = (path, message, ...remedy) => {
    context.addIssue({ code: "custom", path, message, input: valueAt(settings, path), params: { remedy } });
  };
  portsDiffer("coped", [[], ["bypass"]], settings, report);
  variablesAreFree(settings, report);
  heapIsLargeEnough(settings, report);
}

function variablesAreFree(settings: unknown, report: Report): void {
  for (const [name, decider] of Object.entries(decided)) {
    const path = ["application", "environment", name];
    if (valueAt(settings, path) === undefined) continue;
    report(path, `must not be set here: it is decided by ${decider}`, { unset: ["coped", ...path].join(".") });
  }
}

/** Elasticsearch 8 does not start with a heap of less than about 256 MiB, and needs as much beside it. */
function heapIsLargeEnough(settings: unknown, report: Report): void {
  const memory = wholeNumber(64, 1023).safeParse(valueAt(settings, ["services", "elasticsearch", "memory"])).data;
  if (memory === undefined || valueAt(settings, ["elasticsearch", "container"]) === false) return;
  report(["services", "elasticsearch", "memory"], "must be at least 1024 MiB, half of which is Elasticsearch's heap", {
    set: "coped.services.elasticsearch.memory",
    value: "1024",
  });
}

/** What COPED's settings keep with the stack's environment: development has no place elsewhere. */
export function copedEnvironmentRule(stack: unknown, report: Report): void {
  const environment = oneOf(environmentNames).safeParse(valueAt(stack, ["environment"])).data;
  if (environment === undefined || environments[environment].isForDevelopment) return;
  const refuse = (path: string[], reason: string) => {
    const key = ["coped", ...path].join(".");
    report(["coped", ...path], `must not be set in ${environment}, ${reason}`, { unset: key });
  };
  if (valueAt(stack, ["coped", "flushDatabase"]) === true) {
    report(["coped", "flushDatabase"], `must be false in ${environment}, where data are to be kept`, {
      set: "coped.flushDatabase",
      value: "false",
    });
  }
  if (valueAt(stack, ["coped", "bypass"]) !== undefined) {
    refuse(["bypass"], "where the application is reached through nginx alone");
  }
  if (valueAt(stack, ["coped", "application", "folder"]) !== undefined) {
    refuse(["application", "folder"], "where the application runs from its image (coped.images.web) alone");
  }
  if (valueAt(stack, ["coped", "voila", "notebooks"]) !== undefined) {
    refuse(["voila", "notebooks"], "where notebooks come with the image (coped.images.voila)");
  }
}
