import { parseEnvFile } from "../env-file.ts";
import { takeDjangoVariables } from "../django-variables.ts";
import type { ExistingInstallation, ImportedSystem, Importer } from "../import.ts";
import { asNumber, nowhere, secret, setting, type Home } from "../variable-homes.ts";

const notHere = (what: string) => nowhere(`is for ${what}, which is no part of this deployment`);
const workedOut = nowhere("is worked out by the deployment");

/**
 * The variables of COPED's documentation and of its Compose file, and where they are now.
 *
 * Source: `.env.example` and `docker-compose.yaml` of cogent-computing/COPED, 2021 to 2023.
 */
const known: Readonly<Record<string, Home>> = {
  COMPOSE_PROJECT_NAME: setting("name"),
  DOCKER_CONTAINER_NAME_PREFIX: nowhere("named the containers, whose names begin with coped.name now"),
  DJANGO_SECRET_KEY: secret("copedDjangoSecretKey"),
  DJANGO_STATIC_ROOT: workedOut,
  NGINX_STATIC_LOCATION: workedOut,
  NGINX_DASHBOARDS_ROOT: nowhere("is now /voila/, below which the notebooks are"),
  NGINX_HOST_PORT: setting("hostPort", asNumber),
  VOILA_NOTEBOOK_DIR: nowhere("is a folder of the old image; coped.voila.notebooks names one of the host"),
  POSTGRES_PASSWORD: secret("copedPostgresPassword"),
  POSTGRES_HOST: workedOut,
  POSTGRES_PORT: workedOut,
  ELASTICSEARCH_USER: nowhere("is elastic, as ever"),
  ELASTICSEARCH_PASSWORD: secret("copedElasticsearchPassword"),
  ELASTIC_PASSWORD: secret("copedElasticsearchPassword"),
  ELASTIC_HOSTNAME: workedOut,
  ELASTIC_PORT: workedOut,
  DEBUG: nowhere("is decided by the stack's environment"),
  SQL_ENGINE: workedOut,
  SQL_DATABASE: workedOut,
  SQL_USER: workedOut,
  SQL_PASSWORD: workedOut,
  SQL_HOST: workedOut,
  SQL_PORT: workedOut,
  KIBANA_ROOT: notHere("Kibana"),
};

/** Families of variables whose services are not here. */
const foreign: readonly [prefix: RegExp, service: string][] = [
  [/^COUCHDB_/, "CouchDB"],
  [/^(?:METABASE|MB)_/, "Metabase"],
  [/^REDIS_/, "Redis"],
  [/^POSTGRES_(?:RESOURCE|TYPE)_TABLE$/, "COPED's task runner"],
];

/** Those that only COPED has, though they go to the application like any other. */
const applications = new Set([
  "DJANGO_ALLOWED_HOSTS",
  "ENVIRONMENT",
  "ES_JAVA_OPTS",
  "HCAPTCHA_SECRET",
  "HCAPTCHA_SITEKEY",
  "MAILJET_API_KEY",
  "MAILJET_SECRET_KEY",
  "RECAPTCHA_PRIVATE_KEY",
  "RECAPTCHA_PUBLIC_KEY",
]);

/** Takes over an installation of COPED that was made with its Docker Compose files. */
export const copedImporter: Importer = {
  title: "COPED",
  example: "ELASTICSEARCH_PASSWORD=…",
  parse: parseEnvFile,
  isVariable: (name) =>
    Object.hasOwn(known, name) ||
    applications.has(name) ||
    /^(?:POSTGRES_(?:DB|USER)|ALLOWED_HOSTS|DJANGO_SETTINGS_MODULE)$/.test(name) ||
    foreign.some(([pattern]) => pattern.test(name)),
  configFile: () => undefined,
  read: (installation) => Promise.resolve(importCoped(installation)),
};

function importCoped({ variables }: ExistingInstallation): ImportedSystem {
  return {
    ...takeDjangoVariables(variables, {
      system: "coped",
      application: "application",
      database: {
        group: "database",
        service: "db",
        volume: "postgresql_volume",
        password: "copedPostgresPassword",
      },
      homeOf,
    }),
    differences: [],
    remarks: [
      "Not taken over: Elasticsearch's index, which is made anew from the database; what is hard-coded in COPED's own images.",
      "The application is COPED's own code only if you say so: coped.application.folder, or coped.images.web. What it has to read and answer: docs/coped.md.",
    ],
  };
}

function homeOf(name: string, value: string): Home | undefined {
  if (name === "ENVIRONMENT") {
    if (value === "DEVELOPMENT") return { environment: "dev" };
    return value === "PRODUCTION"
      ? { environment: "prod" }
      : nowhere("has to be DEVELOPMENT or PRODUCTION; --environment says which it is");
  }
  if (name === "ES_JAVA_OPTS") {
    const [, heap = "", unit = "m"] = /-Xmx(\d+)([mMgG])/.exec(value) ?? [];
    const memory = 2 * Number(heap) * (/g/i.test(unit) ? 1024 : 1);
    if (heap === "") return nowhere("holds no -Xmx, the memory of the heap, which alone is taken over");
    if (memory < 1024) return nowhere("is too small a heap for Elasticsearch 8: the default applies");
    return setting("services.elasticsearch.memory", () => memory);
  }
  const service = foreign.find(([pattern]) => pattern.test(name))?.[1];
  return service === undefined ? known[name] : notHere(service);
}
