import { checkConfig } from "../../settings/camcops/config-check.ts";
import { isList, listItems, packagesFolder, temporaryFolder } from "../../settings/camcops/config-keys.ts";
import type { ConfigSections, ConfigValue } from "../../settings/camcops/config-keys.ts";

/** The folder of the scheduler's files and of the exports' locks, in the containers. It must exist before CamCOPS starts. */
export const lockFolder = `${temporaryFolder}/lock`;

/** The folder of the files that users asked to download, in the containers. */
const downloadFolder = `${temporaryFolder}/user_downloads`;

/** What `camcops.conf` is made from. */
export interface ConfigInput {
  /** From `databaseUrl`. */
  databaseUrl: string;
  /** CamCOPS under Docker expects `amqp://rabbitmq:5672/`. */
  brokerUrl: string;
  /** Signs the session cookies: another one logs everybody out. */
  sessionSecret: string;
  /** The port on which the server listens in its container. */
  port: number;
  /** Paths in the container. Without them the server speaks plain HTTP. */
  certificate?: { certificateFile: string; privateKeyFile: string } | undefined;
  /** Whether nginx stands in front, says itself where requests come from, and is the only one to reach the server. */
  behindProxy?: boolean | undefined;
  /** The address that users type, for links in what background tasks write. */
  external: { scheme: "https" | "http"; serverName: string; port: number };
  /** Processes of one worker container. */
  workerConcurrency: number;
  /** For the schedule of exports, such as `Europe/London`. */
  timeZone: string;
  /** `debug`, `info`, `warn`, `error` or `critical`. */
  logLevel: string;
  /** Keys that the user adds or overrides. */
  config: ConfigSections;
  /** The same from encrypted configuration, without `export`; overrides `config`. */
  secretConfig?: ConfigSections | undefined;
}

/** What the stack's own nginx says of a request. */
const proxyHeaders = ["HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO"];

type Values = Record<string, ConfigValue>;

/**
 * The text of `camcops.conf` for CamCOPS 2.4.24. The same input gives the same text, whatever the order of its keys.
 *
 * Left to CamCOPS's defaults: the Gunicorn options (CherryPy serves), logos (they ship with the package), and what is
 * empty by default. No header of a reverse proxy is trusted, but those of the stack's own: any client could otherwise
 * pretend to come from another address.
 *
 * @throws Error naming every section and key that cannot be written. It shows no value.
 */
export function renderConfig(input: ConfigInput): string {
  const sections = userSections(input);
  const errors = checkConfig(sections).filter(({ kind }) => kind === "error");
  if (errors.length > 0) {
    const lines = errors.map(
      ({ section, key, message }) => `  [${section}] ${key === undefined ? "" : `${key}: `}${message}`,
    );
    throw new Error(`These keys of camcops.conf cannot be written:\n${lines.join("\n")}`);
  }
  const { site = {}, server = {}, export: exports = {}, ...others } = sections;
  return `${[
    "# The configuration of CamCOPS, written by Slipway from the stack's settings. Edits of this file are overwritten.",
    renderSection("Database, sessions and what users see", "site", siteDefaults(input), site),
    renderSection("Web server", "server", serverDefaults(input), server),
    renderSection("Background tasks and exports", "export", exportDefaults(input), {
      ...exports,
      CELERY_WORKER_EXTRA_ARGS: workerArguments(input),
    }),
    ...Object.keys(others)
      .sort()
      .map((section) => renderSection(otherHeading(section), section, {}, others[section] ?? {})),
  ].join("\n\n")}\n`;
}

/**
 * The worker's arguments as `camcops_server launch_workers` takes them from `camcops.conf`, for those who start Celery
 * themselves.
 *
 * CamCOPS's example limits a child to 100 MB of memory, less than it has after its start: it would end after each task.
 */
export function workerArguments({
  config,
  workerConcurrency,
}: Pick<ConfigInput, "config" | "workerConcurrency">): string[] {
  const extra = config["export"]?.["CELERY_WORKER_EXTRA_ARGS"] ?? ["--max-tasks-per-child=1000"];
  return [`--concurrency=${String(workerConcurrency)}`, ...listItems(extra)];
}

/** The scheduler's arguments as `camcops_server launch_scheduler` takes them from `camcops.conf`. */
export function schedulerArguments({ config }: Pick<ConfigInput, "config">): string[] {
  return listItems(config["export"]?.["CELERY_BEAT_EXTRA_ARGS"] ?? []);
}

function userSections({ config, secretConfig = {} }: Pick<ConfigInput, "config" | "secretConfig">): ConfigSections {
  const names = new Set([...Object.keys(config), ...Object.keys(secretConfig)]);
  return Object.fromEntries([...names].map((name) => [name, { ...config[name], ...secretConfig[name] }]));
}

function siteDefaults(input: ConfigInput): Values {
  return {
    DB_URL: input.databaseUrl,
    DB_ECHO: false,
    LOCAL_INSTITUTION_URL: "https://camcops.readthedocs.io/",
    EXTRA_STRING_FILES: [`${packagesFolder}/lib/python3.*/site-packages/camcops_server/extra_strings/*.xml`],
    LANGUAGE: "en_GB",
    REGION_CODE: "GB",
    MFA_METHODS: ["no_mfa"],
    MFA_TIMEOUT_S: 600,
    SESSION_COOKIE_SECRET: input.sessionSecret,
    SESSION_TIMEOUT_MINUTES: 30,
    SESSION_CHECK_USER_IP: true,
    PASSWORD_CHANGE_FREQUENCY_DAYS: 0,
    LOCKOUT_THRESHOLD: 10,
    LOCKOUT_DURATION_INCREMENT_MINUTES: 10,
    DISABLE_PASSWORD_AUTOCOMPLETE: true,
    PATIENT_SPEC_IF_ANONYMOUS: "anonymous",
    PATIENT_SPEC: "{surname}_{forename}_{allidnums}",
    TASK_FILENAME_SPEC: "CamCOPS_{patient}_{created}_{tasktype}-{serverpk}.{filetype}",
    TRACKER_FILENAME_SPEC: "CamCOPS_{patient}_{now}_tracker.{filetype}",
    CTV_FILENAME_SPEC: "CamCOPS_{patient}_{now}_clinicaltextview.{filetype}",
    EMAIL_PORT: 587,
    EMAIL_USE_TLS: true,
    SMS_BACKEND: "console",
    PERMIT_IMMEDIATE_DOWNLOADS: false,
    USER_DOWNLOAD_DIR: downloadFolder,
    USER_DOWNLOAD_FILE_LIFETIME_MIN: 60,
    USER_DOWNLOAD_MAX_SPACE_MB: 100,
    WEBVIEW_LOGLEVEL: input.logLevel,
    CLIENT_API_LOGLEVEL: input.logLevel,
    ALLOW_INSECURE_COOKIES: false,
  };
}

function serverDefaults(input: ConfigInput): Values {
  return {
    HOST: "0.0.0.0",
    PORT: input.port,
    SSL_CERTIFICATE: input.certificate?.certificateFile ?? "",
    SSL_PRIVATE_KEY: input.certificate?.privateKeyFile ?? "",
    STATIC_CACHE_DURATION_S: 86400,
    DEBUG_REVERSE_PROXY: false,
    DEBUG_TOOLBAR: false,
    SHOW_REQUESTS: false,
    SHOW_REQUEST_IMMEDIATELY: false,
    SHOW_RESPONSE: false,
    SHOW_TIMING: false,
    PROXY_REWRITE_PATH_INFO: false,
    TRUSTED_PROXY_HEADERS: input.behindProxy === true ? proxyHeaders : [],
    EXTERNAL_URL_SCHEME: input.external.scheme,
    EXTERNAL_SERVER_NAME: input.external.serverName,
    EXTERNAL_SERVER_PORT: input.external.port,
    CHERRYPY_SERVER_NAME: "localhost",
    CHERRYPY_THREADS_START: 10,
    CHERRYPY_THREADS_MAX: 100,
    CHERRYPY_LOG_SCREEN: true,
    CHERRYPY_ROOT_PATH: "/",
  };
}

function exportDefaults(input: ConfigInput): Values {
  return {
    CELERY_BROKER_URL: input.brokerUrl,
    CELERY_BEAT_SCHEDULE_DATABASE: `${lockFolder}/camcops_celerybeat_schedule`,
    CELERY_WORKER_EXTRA_ARGS: [],
    CELERY_EXPORT_TASK_RATE_LIMIT: "100/m",
    EXPORT_LOCKDIR: lockFolder,
    RECIPIENTS: [],
    SCHEDULE_TIMEZONE: input.timeZone,
    SCHEDULE: [],
  };
}

function otherHeading(section: string): string {
  return section.startsWith("recipient:") ? "Export recipient" : "Text messages";
}

/** The defaults keep their order, with the user's values in their places; the user's further keys follow by name. */
function renderSection(heading: string, name: string, defaults: Values, user: Readonly<Values>): string {
  const values = { ...defaults, ...Object.fromEntries(Object.entries(user).sort(([a], [b]) => (a < b ? -1 : 1))) };
  const entries = Object.entries(values).map(([key, value]) => renderEntry(key, value));
  return [`# ${heading}`, `[${name}]`, ...entries].join("\n");
}

/** One key, as Python's `configparser` reads it: further lines are indented, and `%` is doubled. */
function renderEntry(key: string, value: ConfigValue): string {
  const text = isList(value) ? ["", ...value].join("\n") : String(value);
  const [first = "", ...more] = text.trimEnd().replaceAll("%", "%%").split("\n");
  return [`${key} = ${first.trim()}`, ...more.map((line) => `    ${line.trim()}`)]
    .map((line) => line.trimEnd())
    .join("\n");
}
