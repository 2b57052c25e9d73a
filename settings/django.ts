import { fileURLToPath } from "node:url";
import { z } from "zod";

import { absolutePath, flag, list, text } from "./fields.ts";
import { settingKey, valueAt } from "./path.ts";
import type { Question } from "./question.ts";
import type { Report } from "./remedy.ts";

/** The application that stands in for the user's own. */
const template = fileURLToPath(new URL("../templates/django", import.meta.url));

const environmentVariables = z
  .record(
    text("a variable's name: capital letters, digits and _", /^[A-Z_][A-Z0-9_]*$/),
    z.string("must be a text; put numbers, true and false into quotes"),
    "must be a group of variables (a YAML mapping)",
  )
  .meta({ allowed: "names of capital letters, digits and _, with texts" });

/**
 * What a user may say of a Django application of his own.
 *
 * @param image the setting of its image, such as `coped.images.web`
 */
export function djangoSettings({ image }: { image: string }) {
  return {
    folder: absolutePath()
      .optional()
      .meta({
        description:
          "Folder of the host with the application and its Dockerfile; only in dev, which builds the image and runs the " +
          `folder's code. Without it and without \`${image}\`: the template in \`templates/django\`.`,
        question: {
          order: 20,
          ask: "Folder of the host with your application and its Dockerfile; without it a small one stands in its place",
          environments: ["dev"],
        } satisfies Question,
        examples: ["/home/me/application"],
      }),
    target: text("the name of a stage of the Dockerfile", /^[A-Za-z0-9][A-Za-z0-9_.-]*$/)
      .default("dev")
      .meta({
        description: "Stage of the Dockerfile that dev builds. Other environments' images are of the last stage.",
      }),
    codePath: absolutePath().default("/app").meta({ description: "Where the image has the code, and dev the folder." }),
    settingsModule: text("a Python module, such as config.settings", /^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*$/)
      .optional()
      .meta({
        description: "Module of Django's settings. Without it: what the image says.",
        variable: "DJANGO_SETTINGS_MODULE",
        question: { order: 21, ask: "Module of Django's settings; without it what the image says" } satisfies Question,
        examples: ["config.settings"],
      }),
    healthPath: text("a path with or without a query, such as /health", /^\/[!-~]*$/)
      .default("/health_check/?format=json")
      .meta({
        description:
          "A page that answers 200 when the application works: without a login, and before the first migration too.",
      }),
    withoutDowntime: flag()
      .default(false)
      .meta({
        description:
          "Replace the application without a lost request in staging and prod: the new container is healthy before nginx, by " +
          "a socket, goes over to it. The image's server has to listen on `$DJANGO_SOCKET_FOLDER/$SERVICE_INSTANCE.sock`, too, " +
          "where the first of these variables is set, and to finish what it has begun at SIGTERM, as Gunicorn does and as " +
          "`templates/django` is set up.",
        caution: "While it is replaced, the application takes its memory twice.",
      }),
    environment: environmentVariables.default({}).meta({
      description: "Further environment variables of the application.",
      examples: [{ LANGUAGE_CODE: "de" }],
      caution: "Whoever may use Docker can read them: no passwords.",
    }),
    allowedHosts: list(
      text("a host name, such as www.example.org, or one with a dot before it for all below", /^\.?[A-Za-z0-9.-]+$/),
      "a list of one or more host names",
      1,
    )
      .default(["localhost"])
      .meta({
        description: "Names under which the site is reached; the first is in the URL that is shown.",
        variable: "ALLOWED_HOSTS",
        question: { order: 22, ask: "Names under which the site is reached, with blanks between" } satisfies Question,
        examples: [["www.example.org"]],
      }),
    trustedOrigins: list(
      text("an address of scheme and host, such as https://www.example.org", /^https?:\/\/[A-Za-z0-9.*-]+(?::\d+)?$/),
      "a list of addresses",
    )
      .default([])
      .meta({
        description: "Addresses under which another web server in front of this one publishes the site.",
        variable: "CSRF_TRUSTED_ORIGINS",
        question: {
          order: 23,
          ask: "Addresses under which another web server publishes the site, such as https://www.example.org",
          environments: ["staging", "prod"],
        } satisfies Question,
        examples: [["https://www.example.org"]],
      }),
  };
}

/** The variables that a deployment of a Django application sets itself, each with what decides its value. */
const decided: Readonly<Record<string, string>> = {
  ALLOWED_HOSTS: "the setting allowedHosts",
  CSRF_TRUSTED_ORIGINS: "the setting trustedOrigins",
  DEBUG: "the stack's environment",
  DJANGO_SECRET_KEY: "a secret of the stack",
  DJANGO_SECRET_KEY_FILE: "a secret of the stack",
  DJANGO_SETTINGS_MODULE: "the setting settingsModule",
  DJANGO_SOCKET_FOLDER: "the setting withoutDowntime",
  DJANGO_STATIC_ROOT: "the volume of static files",
  POSTGRES_DB: "the setting databaseName",
  POSTGRES_HOST: "the database of the deployment",
  POSTGRES_PASSWORD: "a secret of the stack",
  POSTGRES_PASSWORD_FILE: "a secret of the stack",
  POSTGRES_PORT: "the database of the deployment",
  POSTGRES_USER: "the setting userName",
  SERVICE_INSTANCE: "the setting withoutDowntime",
  TZ: "the setting timeZone",
};

/**
 * The rule that nobody sets variables that are decided elsewhere.
 *
 * @param system the system's key
 * @param path where the application's group is in the system's settings
 * @param further variables of the system's own, each with what decides its value
 */
export function variablesAreFree(
  system: string,
  path: readonly string[],
  settings: unknown,
  report: Report,
  further: Readonly<Record<string, string>> = {},
): void {
  for (const [name, decider] of Object.entries({ ...decided, ...further })) {
    const variable = [...path, "environment", name];
    if (valueAt(settings, variable) === undefined) continue;
    report(variable, `must not be set here: it is decided by ${decider}`, {
      unset: settingKey([system, ...variable]),
    });
  }
}

/**
 * The rule that only an application behind nginx is replaced without an interruption: in development there is Django's own
 * server.
 *
 * @param system the system's key
 * @param group the application's group in the system's settings
 * @param settings the system's
 */
export function isReplacedBehindNginx(system: string, group: string, settings: unknown, report: Report): void {
  const path = [group, "withoutDowntime"];
  if (valueAt(settings, path) !== true) return;
  report(path, "must not be true in dev, where Django's own server runs and starts anew when the code changes", {
    unset: settingKey([system, ...path]),
  });
}

/**
 * What the image of an application is built from, where no image is set.
 *
 * @param name of the image, such as `coped-web`
 * @param application its settings, which may be invalid
 */
export function djangoBuild(name: string, application: unknown): { name: string; folder: string; target: string } {
  const folder = valueAt(application, ["folder"]);
  const target = valueAt(application, ["target"]);
  return {
    name,
    folder: typeof folder === "string" ? folder : template,
    target: typeof target === "string" ? target : "dev",
  };
}

/** The folder whose code dev runs; none where the image comes from elsewhere and holds its code. */
export function applicationFolder(folder: string | undefined, image: string | undefined): string | undefined {
  return folder ?? (image === undefined ? template : undefined);
}
