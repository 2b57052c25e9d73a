import { parseEnvFile } from "../env-file.ts";
import { takeDjangoVariables } from "../django-variables.ts";
import type { ExistingInstallation, ImportedSystem, Importer } from "../import.ts";
import { asNumber, nowhere, secret, setting, type Home } from "../variable-homes.ts";

/**
 * The variables of Siddata's documentation and Compose files, and where they are now.
 *
 * Source: `docker/docker-compose.yml`, `docker/docker-compose.prod.yml` and `doc/install.md` of
 * cstenkamp/siddata_server_docker, 2021 and 2022.
 */
const known: Readonly<Record<string, Home>> = {
  COMPOSE_PROJECT_NAME: setting("name"),
  COMPOSE_UID: setting("userId", asNumber),
  COMPOSE_GID: setting("groupId", asNumber),
  MODEL_NAME: setting("tfServing.modelName"),
  SECRET_KEY: secret("siddataSecretKey"),
  DJANGO_SECRET_KEY: secret("siddataSecretKey"),
  POSTGRES_PASSWORD: secret("siddataDatabasePassword"),
  POSTGRES_HOST: nowhere("is worked out by the deployment"),
  POSTGRES_PORT: nowhere("is worked out by the deployment"),
  PGDATA: nowhere("is looked up in the database's container"),
  SIDDATA_DEBUG: nowhere("is decided by the stack's environment"),
  DEBUG: nowhere("is decided by the stack's environment"),
  RUNNING_IN_DOCKER: nowhere("has no meaning any more: the database is named by POSTGRES_HOST"),
};

/** Takes over an installation of Siddata that was made with its Docker Compose files. */
export const siddataImporter: Importer = {
  title: "Siddata",
  example: "COMPOSE_UID=1000",
  parse: parseEnvFile,
  isVariable: (name) =>
    Object.hasOwn(known, name) ||
    /^(?:POSTGRES_(?:DB|USER)|(?:SIDDATA_)?ALLOWED_HOSTS|DJANGO_SETTINGS_MODULE)$/.test(name),
  configFile: () => undefined,
  read: (installation) => Promise.resolve(importSiddata(installation)),
};

function importSiddata({ variables }: ExistingInstallation): ImportedSystem {
  const found = takeDjangoVariables(variables, {
    system: "siddata",
    application: "backend",
    database: { group: "db", service: "sidb", otherServices: ["db"], password: "siddataDatabasePassword" },
    homeOf,
  });
  return {
    ...found,
    differences: [],
    remarks: [
      ...(found.secrets["siddataSecretKey"] === undefined
        ? ["SECRET_KEY stands in Siddata's code: the stack makes another one, and everybody has to log in again."]
        : []),
      "The backend is Siddata's own code only if you say so: siddata.backend.folder, or siddata.images.backend. What it has to read and answer: docs/siddata.md.",
      "Models and media are not taken over: siddata.tfServing.modelFolder names the models' folder of the host.",
    ],
  };
}

function homeOf(name: string, value: string): Home | undefined {
  if (/^COMPOSE_[UG]ID$/.test(name) && value === "0") {
    return nowhere("is 0, which is root's, as whom nothing runs here: the default applies, and has to read the files");
  }
  return known[name];
}
