import { hostPath } from "../../settings/camcops/files.ts";
import { configFolder, gunicornIsGone } from "../../settings/camcops/config-keys.ts";
import type { CamcopsSettings } from "../../settings/camcops/settings.ts";
import { checkCertificate } from "../../settings/certificate-check.ts";
import { valueAt } from "../../settings/path.ts";
import type { ComposeProject, ExistingInstallation, ImportedSystem, Importer, Taken } from "../import.ts";
import { parseVariables, type Variable } from "../variables-file.ts";
import { concurrencyOf, importConfig } from "./config-import.ts";
import { readConfigFile } from "./config-file.ts";
import type { ConfigInput } from "./config.ts";
import { databaseUrl } from "./database-url.ts";
import { installedDatabase } from "./installed-database.ts";
import { ownCertificate } from "./own-certificate.ts";
import type { VariableSettings } from "../variable-homes.ts";
import { camcopsVariables, isCamcopsVariable, isOf2020, type CamcopsInput } from "./variables.ts";

/** Takes over an installation of CamCOPS that was made with its own installer or its Docker Compose files. */
export const camcopsImporter: Importer = {
  title: "CamCOPS",
  example: 'export CAMCOPS_DOCKER_CAMCOPS_HOST_PORT="443"',
  parse: parseVariables,
  isVariable: isCamcopsVariable,
  configFile: configFileOf,
  read: importCamcops,
};

/** Where an installation's `camcops.conf` is by its variables; undefined where they name no folder. */
export function configFileOf(variables: readonly Variable[]): string | undefined {
  const { configDirectory, configFilename = "camcops.conf" } = camcopsVariables(variables).settings;
  return configDirectory === undefined ? undefined : `${configDirectory}/${configFilename}`;
}

/** Finds the settings of a stack that is equal to an existing installation. Changes nothing. */
export async function importCamcops(installation: ExistingInstallation): Promise<ImportedSystem> {
  const found = camcopsVariables(installation.variables);
  const remarks = [
    "The database and Flower listen on 127.0.0.1 only, and Flower asks for a password: camcops.mysql.hostAddress and camcops.flower.hostAddress choose another address.",
  ];
  if (isOf2020(installation.variables))
    remarks.push(`An installation of 2020 has Gunicorn serve it. ${gunicornIsGone}.`);
  if (installation.configText === undefined) {
    ownCertificatePaths(found.settings);
    remarks.push(
      "Without camcops.conf its edits are not taken over, and a new session secret logs everybody out: name it by --config.",
    );
    return {
      ...found,
      settings: { ...found.settings },
      remarks,
      differences: [],
      compose: composeProject(found.settings),
    };
  }

  const file = readConfigFile(installation.configText);
  remarks.push(...file.problems.map((problem) => `CamCOPS itself cannot read a part of camcops.conf. ${problem}`));
  const { settings } = found;
  const override = overriding(found);
  const value = (section: string, key: string) => file.sections.get(section)?.get(key) ?? "";

  takeDatabase(value("site", "DB_URL"), found, override, remarks);
  const sessionSecret = value("site", "SESSION_COOKIE_SECRET");
  if (sessionSecret === "") remarks.push("camcops.conf has no SESSION_COOKIE_SECRET: everybody has to log in again.");
  else override(["camcopsSessionSecret"], sessionSecret, "[site] SESSION_COOKIE_SECRET");
  const port = value("server", "PORT");
  if (port !== "") override(["camcops", "internalPort"], /^\d+$/.test(port) ? Number(port) : port, "[server] PORT");
  await takeCertificate(
    value("server", "SSL_CERTIFICATE"),
    value("server", "SSL_PRIVATE_KEY"),
    found,
    override,
    remarks,
    installation.now,
  );
  const concurrency = concurrencyOf(value("export", "CELERY_WORKER_EXTRA_ARGS"));
  if (concurrency !== undefined) {
    override(["camcops", "workers", "concurrency"], concurrency, "[export] CELERY_WORKER_EXTRA_ARGS");
  }

  const keys = importConfig(file, configInput(settings, sessionSecret));
  if (keys.equal > 0) remarks.push(`${keys.equal} keys of camcops.conf are what the stack generates anyway.`);
  const { config, secretConfig } = keys;
  return {
    settings: { ...settings, ...(Object.keys(config).length > 0 && { config }) },
    secrets: {
      ...found.secrets,
      ...(Object.keys(secretConfig).length > 0 && { camcopsSecretConfig: secretConfig }),
    },
    taken: [...found.taken, ...keys.taken],
    left: [...found.left, ...keys.left],
    differences: keys.differences,
    remarks,
    compose: composeProject(settings),
  };
}

/** Sets a setting or secret from a file that goes before the variables. */
type Override = (path: readonly string[], value: unknown, source: string) => void;

function overriding(found: VariableSettings<CamcopsInput>): Override {
  const stack = { camcops: found.settings, ...found.secrets };
  return (path, value, source) => {
    const setting = path.join(".");
    const before = valueAt({ camcops: found.settings, ...found.secrets }, path);
    if (before !== undefined && before !== value) {
      const overridden = found.taken.filter((taken) => taken.setting === setting);
      found.taken = found.taken.filter((taken) => taken.setting !== setting);
      found.left.push(
        ...overridden.map((taken) => ({
          source: taken.source,
          reason: `is overridden by ${source} of camcops.conf, which is what CamCOPS reads`,
        })),
      );
    }
    const [top = "", ...rest] = path;
    if (rest.length === 0) {
      found.secrets[top] = String(value);
    } else {
      const above = rest
        .slice(0, -1)
        .reduce<Record<string, unknown>>(
          (group, key) => (group[key] ??= {}) as Record<string, unknown>,
          stack.camcops as Record<string, unknown>,
        );
      above[rest.at(-1) ?? ""] = value;
    }
    found.taken.push({ source, setting });
  };
}

function takeDatabase(url: string, found: VariableSettings<CamcopsInput>, override: Override, remarks: string[]): void {
  const source = "[site] DB_URL";
  const database = installedDatabase(url);
  if (database === undefined) {
    found.left.push({
      source,
      reason: "is no URL of a MySQL or MariaDB database, mysql+mysqldb://user:password@server:port/database",
    });
    return;
  }
  const mysql = (found.settings.mysql ??= {});
  const isContainer = database.server === "mysql";
  override(["camcops", "mysql", "container"], isContainer, source);
  override(["camcops", "mysql", "databaseName"], database.database, source);
  override(["camcops", "mysql", "userName"], database.userName, source);
  if (database.password !== "") override(["camcopsMysqlUserPassword"], database.password, source);
  if (isContainer) {
    delete mysql.server;
    delete mysql.port;
  } else {
    override(["camcops", "mysql", "server"], database.server, source);
    override(["camcops", "mysql", "port"], database.port, source);
    delete found.secrets["camcopsMysqlRootPassword"];
  }
  const options = new URLSearchParams(database.options);
  options.delete("charset");
  const others = [...options.keys()];
  if (others.length > 0) remarks.push(`DB_URL has options that the stack's does not: ${others.join(", ")}.`);
}

/** The files that the installer makes and names by itself. */
function ownCertificatePaths(settings: CamcopsInput): void {
  const { certificate } = settings;
  if (certificate?.["kind"] !== "files") return;
  certificate["certificate"] ??= `${configFolder}/camcops.crt`;
  certificate["privateKey"] ??= `${configFolder}/camcops.key`;
}

async function takeCertificate(
  certificate: string,
  privateKey: string,
  found: VariableSettings<CamcopsInput>,
  override: Override,
  remarks: string[],
  now: Date | undefined,
): Promise<void> {
  const { settings } = found;
  if (certificate === "" && privateKey === "") {
    override(["camcops", "https"], false, "[server] SSL_CERTIFICATE");
    return;
  }
  override(["camcops", "https"], true, "[server] SSL_CERTIFICATE");
  const isSelfSigned = settings.certificate?.["kind"] !== "files";
  if (isSelfSigned && !(await isUsable(certificate, privateKey, settings.configDirectory, now))) {
    remarks.push(
      `The certificate ${certificate} cannot be used any more, or not be read here: the stack makes a self-signed one.`,
    );
    return;
  }
  if (isSelfSigned) {
    // The files stay as long as they are valid, so that nobody has to trust another certificate.
    const isOfCertificate = ({ setting }: Taken) => setting.startsWith("camcops.certificate.");
    for (const { source } of found.taken.filter(isOfCertificate)) {
      found.left.push({ source, reason: "is for a new self-signed certificate, and the existing one is kept" });
    }
    found.taken = found.taken.filter((taken) => !isOfCertificate(taken));
    remarks.push(
      `The self-signed certificate ${certificate} is kept, but not renewed: before it ends, set camcops.certificate.kind to self-signed.`,
    );
  }
  settings.certificate = {};
  override(["camcops", "certificate", "kind"], "files", "[server] SSL_CERTIFICATE");
  override(["camcops", "certificate", "certificate"], certificate, "[server] SSL_CERTIFICATE");
  override(["camcops", "certificate", "privateKey"], privateKey, "[server] SSL_PRIVATE_KEY");
}

async function isUsable(
  certificate: string,
  privateKey: string,
  configDirectory: string | undefined,
  now: Date | undefined,
): Promise<boolean> {
  if (
    configDirectory === undefined ||
    ![certificate, privateKey].every((path) => path.startsWith(`${configFolder}/`))
  ) {
    return false;
  }
  const file = (key: string, path: string) => ({ key, value: path, path: hostPath(path, configDirectory) });
  const { findings } = await checkCertificate(file("certificate", certificate), file("privateKey", privateKey), now);
  return findings.length === 0;
}

/** What the stack's `camcops.conf` is made from, as far as it is known before a deployment. */
function configInput(settings: CamcopsInput, sessionSecret: string): Omit<ConfigInput, "config" | "secretConfig"> {
  const { certificate, https, mysql = {}, hostPort, internalPort, workers = {} } = settings;
  const files = certificate?.["kind"] === "files";
  const [dnsName] = (certificate?.["dnsNames"] ?? []) as string[];
  const own = files
    ? ownCertificate({ https: true, certificate, configDirectory: settings.configDirectory } as CamcopsSettings)
    : undefined;
  return {
    databaseUrl: databaseUrl({
      server: mysql.server ?? "mysql",
      port: Number(mysql.port ?? 3306),
      database: mysql.databaseName ?? "camcops",
      credentialsFile: "/run/secrets/client.cnf",
    }),
    brokerUrl: "amqp://rabbitmq:5672/",
    sessionSecret,
    port: Number(internalPort ?? 8000),
    certificate:
      https === false
        ? undefined
        : {
            certificateFile: files ? String(certificate["certificate"]) : "/run/secrets/camcops.crt",
            privateKeyFile: files ? String(certificate["privateKey"]) : "/run/secrets/camcops.key",
          },
    external: {
      scheme: https === false ? "http" : "https",
      serverName: own?.serverName ?? dnsName ?? "localhost",
      port: Number(hostPort ?? 443),
    },
    workerConcurrency: Number(workers["concurrency"] ?? 2),
    timeZone: "UTC",
    logLevel: "info",
  };
}

/** Source: `docker-compose.yaml` and `docker-compose-mysql.yaml` in CamCOPS's `server/docker`. */
function composeProject({ name = "camcops", mysql = {} }: CamcopsInput): ComposeProject {
  return {
    name,
    ...(mysql.container !== false && {
      database: {
        server: "MariaDB",
        service: "mysql",
        folder: "/var/lib/mysql",
        volume: "db_data_volume",
        databaseName: mysql.databaseName ?? "camcops",
        userName: "root",
        setting: "camcops.mysql.volume",
        ownVolume: "mysql-data",
        image: "camcops.images.mysql",
      },
    }),
    broker: { service: "rabbitmq", folder: "/var/lib/rabbitmq", volume: "rabbitmq_volume" },
  };
}
