import {
  asFlag,
  asFolder,
  asNumber,
  nowhere,
  secret,
  setting,
  takeVariables,
  type Home,
  type VariableSettings,
} from "../variable-homes.ts";
import type { Variable } from "../variables-file.ts";

/** CamCOPS's settings as a stack's file holds them; a value that is no number where one belongs stays a text. */
export interface CamcopsInput {
  name?: string;
  configDirectory?: string;
  configFilename?: string;
  userId?: unknown;
  https?: unknown;
  hostPort?: unknown;
  internalPort?: unknown;
  certificate?: Record<string, unknown>;
  mysql?: {
    container?: unknown;
    databaseName?: string;
    userName?: string;
    hostPort?: unknown;
    server?: string;
    port?: unknown;
    volume?: string;
  };
  superuser?: Record<string, unknown>;
  flower?: Record<string, unknown>;
  workers?: Record<string, unknown>;
  config?: Record<string, Record<string, unknown>>;
}

const current: Readonly<Record<string, Home>> = {
  CAMCOPS_DOCKER_CAMCOPS_CONFIG_FILENAME: setting("configFilename"),
  CAMCOPS_DOCKER_CAMCOPS_HOST_PORT: setting("hostPort", asNumber),
  CAMCOPS_DOCKER_CAMCOPS_INTERNAL_PORT: setting("internalPort", asNumber),
  CAMCOPS_DOCKER_CONFIG_HOST_DIR: setting("configDirectory", asFolder),
  CAMCOPS_DOCKER_FLOWER_HOST_PORT: setting("flower.hostPort", asNumber),
  CAMCOPS_DOCKER_IMAGE_TAG: nowhere(
    "names an image that CamCOPS's installer built; the stack has its own, and camcops.images.camcops names another one",
  ),
  CAMCOPS_DOCKER_INSTALL_USER_ID: setting("userId", asNumber),
  CAMCOPS_DOCKER_MYSQL_DATABASE_NAME: setting("mysql.databaseName"),
  CAMCOPS_DOCKER_MYSQL_HOST_PORT: setting("mysql.hostPort", asNumber),
  CAMCOPS_DOCKER_MYSQL_ROOT_PASSWORD: secret("camcopsMysqlRootPassword"),
  CAMCOPS_DOCKER_MYSQL_USER_NAME: setting("mysql.userName"),
  CAMCOPS_DOCKER_MYSQL_USER_PASSWORD: secret("camcopsMysqlUserPassword"),
  CAMCOPS_INSTALLER_CREATE_MYSQL_CONTAINER: setting("mysql.container", asFlag),
  CAMCOPS_INSTALLER_CREATE_SELF_SIGNED_CERTIFICATE: setting("certificate.kind", (value) =>
    asFlag(value) === false ? "files" : "self-signed",
  ),
  CAMCOPS_INSTALLER_MYSQL_PORT: setting("mysql.port", asNumber),
  CAMCOPS_INSTALLER_MYSQL_SERVER: setting("mysql.server"),
  CAMCOPS_INSTALLER_SSL_CERTIFICATE: setting("certificate.certificate"),
  CAMCOPS_INSTALLER_SSL_PRIVATE_KEY: setting("certificate.privateKey"),
  CAMCOPS_INSTALLER_SUPERUSER_PASSWORD: secret("camcopsSuperuserPassword"),
  CAMCOPS_INSTALLER_SUPERUSER_USERNAME: setting("superuser.username"),
  CAMCOPS_INSTALLER_USE_HTTPS: setting("https", asFlag),
  CAMCOPS_INSTALLER_X509_COUNTRY_NAME: setting("certificate.country"),
  CAMCOPS_INSTALLER_X509_DNS_NAME: setting("certificate.dnsNames", (value) => [value.toLowerCase()]),
  CAMCOPS_INSTALLER_X509_LOCALITY_NAME: setting("certificate.locality"),
  CAMCOPS_INSTALLER_X509_ORGANIZATION_NAME: setting("certificate.organization"),
  CAMCOPS_INSTALLER_X509_STATE_OR_PROVINCE_NAME: setting("certificate.stateOrProvince"),
  COMPOSE_PROJECT_NAME: setting("name"),
};

/** The variables that were called otherwise in 2020, by today's names. */
const renamed: Readonly<Record<string, keyof typeof current>> = {
  CAMCOPS_DOCKER_CONFIG_DIR: "CAMCOPS_DOCKER_CONFIG_HOST_DIR",
  CAMCOPS_DOCKER_CONFIG_FILENAME: "CAMCOPS_DOCKER_CAMCOPS_CONFIG_FILENAME",
  CAMCOPS_DOCKER_HTTPS_HOST_PORT: "CAMCOPS_DOCKER_CAMCOPS_HOST_PORT",
  CAMCOPS_DOCKER_MYSQL_CAMCOPS_DATABASE_NAME: "CAMCOPS_DOCKER_MYSQL_DATABASE_NAME",
  CAMCOPS_DOCKER_MYSQL_CAMCOPS_USER_NAME: "CAMCOPS_DOCKER_MYSQL_USER_NAME",
  CAMCOPS_DOCKER_MYSQL_CAMCOPS_USER_PASSWORD: "CAMCOPS_DOCKER_MYSQL_USER_PASSWORD",
};

/** Whether the variables are those of 2020, when Gunicorn served CamCOPS. */
export function isOf2020(variables: readonly Variable[]): boolean {
  return variables.some(({ name }) => Object.hasOwn(renamed, name));
}

/** Whether a variable is CamCOPS's by its name. */
export function isCamcopsVariable(name: string): boolean {
  return name.startsWith("CAMCOPS_");
}

/**
 * Takes over what CamCOPS's variables say, of today's generation and of 2020's.
 *
 * Source: CamCOPS's administrator's manual, "Installing and running the CamCOPS server via Docker", of 2020 and 2026.
 */
export function camcopsVariables(variables: readonly Variable[]): VariableSettings<CamcopsInput> {
  return takeVariables("camcops", variables, (name, value, values) => {
    const today = renamed[name] ?? name;
    if (name !== today && values.has(today)) return nowhere(`was renamed in 2020, and ${today} is set too`);
    return Object.hasOwn(current, today)
      ? homeOf(today, value, values)
      : nowhere("is no variable that CamCOPS's documentation knows");
  });
}

/** Where a variable is now, given what the others say. */
function homeOf(name: string, value: string, values: ReadonlyMap<string, string>): Home {
  const home = current[name] ?? nowhere("is unknown");
  if (value === "") return nowhere("is empty, which leaves the default in force");
  const isOwnDatabase = values.get("CAMCOPS_INSTALLER_CREATE_MYSQL_CONTAINER") !== "0";
  if (isOwnDatabase && /^CAMCOPS_INSTALLER_MYSQL_(?:SERVER|PORT)$/.test(name)) {
    return nowhere("is for a database elsewhere, and this one runs in a container of the stack");
  }
  if (!isOwnDatabase && name === "CAMCOPS_DOCKER_MYSQL_ROOT_PASSWORD") {
    return nowhere("is for a database in a container, and this one runs elsewhere");
  }
  const isOwnCertificate = values.get("CAMCOPS_INSTALLER_CREATE_SELF_SIGNED_CERTIFICATE") === "0";
  if (isOwnCertificate && name.startsWith("CAMCOPS_INSTALLER_X509_")) {
    return nowhere("is for a self-signed certificate, and this installation has one of its own");
  }
  if (!isOwnCertificate && name.startsWith("CAMCOPS_INSTALLER_SSL_")) {
    return nowhere("is for a certificate of one's own, and this installation's is self-signed");
  }
  if (name === "CAMCOPS_DOCKER_INSTALL_USER_ID" && value === "0") {
    return nowhere("is 0, the user root, as which nothing runs here: the default applies, and has to read the files");
  }
  return home;
}
