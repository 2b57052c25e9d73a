/**
 * What CamCOPS 2.4.24 reads from `camcops.conf`, and what that file can hold.
 *
 * Sources: `cc_constants.py`, `cc_config.py`, `cc_exportrecipientinfo.py` and `cc_sms.py` of camcops-server 2.4.24,
 * `configfiles.py` of cardinal-pythonlib 2.0.5, and Python's `configparser`.
 */

/** A value of `camcops.conf`. A list becomes one line an item; an empty text leaves CamCOPS's own default in force. */
export type ConfigValue = string | number | boolean | readonly (string | number)[];

/** Values by section and key, such as `{ site: { LANGUAGE: "da_DK" }, "recipient:archive": { … } }`. */
export type ConfigSections = Readonly<Record<string, Readonly<Record<string, ConfigValue>>>>;

/** One key that CamCOPS knows. */
export interface ConfigKey {
  /** How CamCOPS reads the value. It replaces one that it cannot read by its default, without a word. */
  type: "boolean" | "integer" | "list" | "logLevel" | "text";
  /** Present when the value names files: the container's folders where CamCOPS under Docker expects them. */
  folders?: readonly string[];
  /** A password or a key: it belongs into an encrypted configuration key. */
  secret?: true;
}

/** The user's configuration folder, as the containers see it. */
export const configFolder = "/camcops/cfg";

/** The folder that the containers share and may write to. */
export const temporaryFolder = "/camcops/tmp";

/** The installed packages in the image. */
export const packagesFolder = "/camcops/venv";

/** Where in it `images/camcops` has them: Debian 12's Python is 3.11. */
export const imagePackages = `${packagesFolder}/lib/python3.11/site-packages`;

const boolean: ConfigKey = { type: "boolean" };
const integer: ConfigKey = { type: "integer" };
const list: ConfigKey = { type: "list" };
const logLevel: ConfigKey = { type: "logLevel" };
const text: ConfigKey = { type: "text" };
const secret: ConfigKey = { type: "text", secret: true };
const suppliedFile: ConfigKey = { type: "text", folders: [configFolder, packagesFolder] };
const siteFile: ConfigKey = { type: "text", folders: [configFolder] };
const sharedFile: ConfigKey = { type: "text", folders: [temporaryFolder] };

/** Keys of `[site]`. */
export const siteKeys: Readonly<Record<string, ConfigKey>> = {
  ALLOW_INSECURE_COOKIES: boolean,
  CAMCOPS_LOGO_FILE_ABSOLUTE: suppliedFile,
  CLIENT_API_LOGLEVEL: logLevel,
  CTV_FILENAME_SPEC: text,
  DB_ECHO: boolean,
  DB_URL: secret,
  DISABLE_PASSWORD_AUTOCOMPLETE: boolean,
  EMAIL_FROM: text,
  EMAIL_HOST: text,
  EMAIL_HOST_PASSWORD: secret,
  EMAIL_HOST_PASSWORD_GNU_PASS_LOOKUP: text,
  EMAIL_HOST_USERNAME: text,
  EMAIL_PORT: integer,
  EMAIL_REPLY_TO: text,
  EMAIL_SENDER: text,
  EMAIL_USE_TLS: boolean,
  EXTRA_STRING_FILES: { type: "list", folders: [configFolder, packagesFolder] },
  LANGUAGE: text,
  LOCAL_INSTITUTION_URL: text,
  LOCAL_LOGO_FILE_ABSOLUTE: suppliedFile,
  LOCKOUT_DURATION_INCREMENT_MINUTES: integer,
  LOCKOUT_THRESHOLD: integer,
  MFA_METHODS: list,
  MFA_TIMEOUT_S: integer,
  PASSWORD_CHANGE_FREQUENCY_DAYS: integer,
  PATIENT_SPEC: text,
  PATIENT_SPEC_IF_ANONYMOUS: text,
  PERMIT_IMMEDIATE_DOWNLOADS: boolean,
  REGION_CODE: text,
  RESTRICTED_TASKS: list,
  SESSION_CHECK_USER_IP: boolean,
  SESSION_COOKIE_SECRET: secret,
  SESSION_TIMEOUT_MINUTES: integer,
  SMS_BACKEND: text,
  SNOMED_ICD10_XML_FILENAME: suppliedFile,
  SNOMED_ICD9_XML_FILENAME: suppliedFile,
  SNOMED_TASK_XML_FILENAME: suppliedFile,
  TASK_FILENAME_SPEC: text,
  TRACKER_FILENAME_SPEC: text,
  USER_DOWNLOAD_DIR: sharedFile,
  USER_DOWNLOAD_FILE_LIFETIME_MIN: integer,
  USER_DOWNLOAD_MAX_SPACE_MB: integer,
  WEBVIEW_LOGLEVEL: logLevel,
  WKHTMLTOPDF_FILENAME: text,
};

/** Keys of `[server]`. */
export const serverKeys: Readonly<Record<string, ConfigKey>> = {
  CHERRYPY_LOG_SCREEN: boolean,
  CHERRYPY_ROOT_PATH: text,
  CHERRYPY_SERVER_NAME: text,
  CHERRYPY_THREADS_MAX: integer,
  CHERRYPY_THREADS_START: integer,
  DEBUG_REVERSE_PROXY: boolean,
  DEBUG_SHOW_GUNICORN_OPTIONS: boolean,
  DEBUG_TOOLBAR: boolean,
  EXTERNAL_SCRIPT_NAME: text,
  EXTERNAL_SERVER_NAME: text,
  EXTERNAL_SERVER_PORT: integer,
  EXTERNAL_URL_SCHEME: text,
  GUNICORN_DEBUG_RELOAD: boolean,
  GUNICORN_NUM_WORKERS: integer,
  GUNICORN_TIMEOUT_S: integer,
  HOST: text,
  PORT: integer,
  PROXY_HTTP_HOST: text,
  PROXY_REMOTE_ADDR: text,
  PROXY_REWRITE_PATH_INFO: boolean,
  PROXY_SCRIPT_NAME: text,
  PROXY_SERVER_NAME: text,
  PROXY_SERVER_PORT: integer,
  PROXY_URL_SCHEME: text,
  SHOW_REQUESTS: boolean,
  SHOW_REQUEST_IMMEDIATELY: boolean,
  SHOW_RESPONSE: boolean,
  SHOW_TIMING: boolean,
  SSL_CERTIFICATE: siteFile,
  SSL_PRIVATE_KEY: siteFile,
  STATIC_CACHE_DURATION_S: integer,
  TRUSTED_PROXY_HEADERS: list,
  UNIX_DOMAIN_SOCKET: text,
};

/** Keys of `[export]`. */
const exportKeys: Readonly<Record<string, ConfigKey>> = {
  CELERY_BEAT_EXTRA_ARGS: list,
  CELERY_BEAT_SCHEDULE_DATABASE: sharedFile,
  CELERY_BROKER_URL: text,
  CELERY_EXPORT_TASK_RATE_LIMIT: text,
  CELERY_WORKER_EXTRA_ARGS: list,
  EXPORT_LOCKDIR: sharedFile,
  RECIPIENTS: list,
  SCHEDULE: list,
  SCHEDULE_TIMEZONE: text,
};

/** Keys of `[recipient:<name>]`. */
const recipientKeys: Readonly<Record<string, ConfigKey>> = {
  ALL_GROUPS: boolean,
  DB_ADD_SUMMARIES: boolean,
  DB_ECHO: boolean,
  DB_INCLUDE_BLOBS: boolean,
  DB_PATIENT_ID_PER_ROW: boolean,
  DB_URL: secret,
  EMAIL_BCC: list,
  EMAIL_BODY: text,
  EMAIL_BODY_IS_HTML: boolean,
  EMAIL_CC: list,
  EMAIL_KEEP_MESSAGE: boolean,
  EMAIL_PATIENT_SPEC: text,
  EMAIL_PATIENT_SPEC_IF_ANONYMOUS: text,
  EMAIL_SUBJECT: text,
  EMAIL_TO: list,
  END_DATETIME_UTC: text,
  FHIR_API_URL: text,
  FHIR_APP_ID: text,
  FHIR_APP_SECRET: secret,
  FHIR_CONCURRENT: boolean,
  FHIR_LAUNCH_TOKEN: secret,
  FILE_EXPORT_RIO_METADATA: boolean,
  FILE_FILENAME_SPEC: sharedFile,
  FILE_MAKE_DIRECTORY: boolean,
  FILE_OVERWRITE_FILES: boolean,
  FILE_PATIENT_SPEC: text,
  FILE_PATIENT_SPEC_IF_ANONYMOUS: text,
  FILE_SCRIPT_AFTER_EXPORT: siteFile,
  FINALIZED_ONLY: boolean,
  GROUPS: list,
  HL7_DEBUG_DIVERT_TO_FILE: boolean,
  HL7_DEBUG_TREAT_DIVERTED_AS_SENT: boolean,
  HL7_HOST: text,
  HL7_KEEP_MESSAGE: boolean,
  HL7_KEEP_REPLY: boolean,
  HL7_NETWORK_TIMEOUT_MS: integer,
  HL7_PING_FIRST: boolean,
  HL7_PORT: integer,
  INCLUDE_ANONYMOUS: boolean,
  PRIMARY_IDNUM: integer,
  PUSH: boolean,
  REDCAP_API_KEY: secret,
  REDCAP_API_URL: text,
  REDCAP_FIELDMAP_FILENAME: siteFile,
  REQUIRE_PRIMARY_IDNUM_MANDATORY_IN_POLICY: boolean,
  RIO_DOCUMENT_TYPE: text,
  RIO_IDNUM: integer,
  RIO_UPLOADING_USER: text,
  START_DATETIME_UTC: text,
  TASKS: list,
  TASK_FORMAT: text,
  TRANSMISSION_METHOD: text,
  XML_FIELD_COMMENTS: boolean,
};

/** Keys of `[sms_backend:kapow]`. */
const kapowKeys: Readonly<Record<string, ConfigKey>> = { USERNAME: text, PASSWORD: secret };

/** Keys of `[sms_backend:twilio]`. */
const twilioKeys: Readonly<Record<string, ConfigKey>> = {
  FROM_PHONE_NUMBER: text,
  SID: text,
  TOKEN: secret,
};

/** The keys that the deployment writes itself, each with what decides its value. */
export const reservedKeys: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  site: {
    DB_URL: "the settings under mysql",
    SESSION_COOKIE_SECRET: "the secret camcopsSessionSecret, or else one that is generated once and kept",
    USER_DOWNLOAD_DIR: "the volume that server and workers share",
  },
  server: {
    CHERRYPY_ROOT_PATH: "the address that the health check and the URL outputs use",
    HOST: "the container's network",
    PORT: "the setting internalPort",
    SSL_CERTIFICATE: "the settings https and certificate",
    SSL_PRIVATE_KEY: "the settings https and certificate",
    UNIX_DOMAIN_SOCKET: "the published port, which a socket would replace",
  },
  export: {
    CELERY_BEAT_SCHEDULE_DATABASE: "the volume that scheduler and workers share",
    CELERY_BROKER_URL: "the message broker of the deployment",
    EXPORT_LOCKDIR: "the volume that scheduler and workers share",
  },
};

/** Why Gunicorn, which served CamCOPS in 2020, does not here. */
export const gunicornIsGone =
  "CherryPy serves here, with threads (CHERRYPY_THREADS_MAX): CamCOPS 2.4.24 still has the command serve_gunicorn, but " +
  "its processes share connections to the database, and requests fail";

/** Keys that CamCOPS reads for Gunicorn alone. */
export const gunicornKeys: readonly string[] = [
  "DEBUG_SHOW_GUNICORN_OPTIONS",
  "GUNICORN_DEBUG_RELOAD",
  "GUNICORN_NUM_WORKERS",
  "GUNICORN_TIMEOUT_S",
];

/** The names of sections, for messages. */
export const sectionNames = [
  "site",
  "server",
  "export",
  "recipient:<name>",
  "sms_backend:kapow",
  "sms_backend:twilio",
] as const;

/**
 * The keys that CamCOPS knows in a section.
 *
 * @returns undefined for a section that CamCOPS does not know.
 */
export function keysOf(section: string): Readonly<Record<string, ConfigKey>> | undefined {
  switch (section) {
    case "site":
      return siteKeys;
    case "server":
      return serverKeys;
    case "export":
      return exportKeys;
    case "sms_backend:kapow":
      return kapowKeys;
    case "sms_backend:twilio":
      return twilioKeys;
    default:
      return /^recipient:[A-Za-z0-9_]{1,191}$/.test(section) ? recipientKeys : undefined;
  }
}

/** The items of a list as CamCOPS reads them: one a line, without blanks around it, empty lines left out. */
export function listItems(value: ConfigValue): string[] {
  const items = isList(value) ? value.map(String) : String(value).split("\n");
  return items.map((item) => item.trim()).filter((item) => item !== "");
}

/** Whether a value was written as a list (`Array.isArray` does not narrow read-only ones). */
export function isList(value: ConfigValue): value is readonly (string | number)[] {
  return Array.isArray(value);
}
