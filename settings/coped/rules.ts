import type { z } from "zod";

import { isReplacedBehindNginx, variablesAreFree } from "../django.ts";
import { environmentNames, environments } from "../environment.ts";
import { oneOf, wholeNumber } from "../fields.ts";
import { valueAt } from "../path.ts";
import { portsDiffer } from "../ports-differ.ts";
import { volumeFolderHasVolume } from "../postgresql.ts";
import type { Report } from "../remedy.ts";

/** The variables that a deployment of COPED sets besides those of any Django application, each with what decides its value. */
const decided: Readonly<Record<string, string>> = {
  ELASTICSEARCH_PASSWORD: "the secret copedElasticsearchPassword",
  ELASTICSEARCH_PASSWORD_FILE: "the secret copedElasticsearchPassword",
  ELASTICSEARCH_URL: "coped.elasticsearch.container",
  ELASTICSEARCH_USER: "the search engine of the deployment",
  WEB_CONCURRENCY: "coped.application.workers",
};

/** The rules that COPED's settings keep among each other; each is silent where its part is invalid by itself. */
export function copedRules(settings: unknown, context: z.core.$RefinementCtx): void {
  const report: Report = (path, message, ...remedy) => {
    context.addIssue({ code: "custom", path, message, input: valueAt(settings, path), params: { remedy } });
  };
  portsDiffer("coped", [[], ["bypass"]], settings, report);
  variablesAreFree("coped", ["application"], settings, report, decided);
  volumeFolderHasVolume("coped", "database", settings, report);
  heapIsLargeEnough(settings, report);
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
  if (environment === undefined) return;
  if (environments[environment].isForDevelopment) {
    isReplacedBehindNginx("coped", "application", valueAt(stack, ["coped"]), (path, ...problem) => {
      report(["coped", ...path], ...problem);
    });
    return;
  }
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
