import assert from "node:assert/strict";
import { checkConfig } from "../../settings/camcops/config-check.ts";
import type { ConfigSections } from "../../settings/camcops/config-keys.ts";
import { keysOf, reservedKeys, serverKeys } from "../../settings/camcops/config-keys.ts";
import type { ConfigInput } from "../../systems/camcops/config.ts";
import { renderConfig, schedulerArguments, workerArguments } from "../../systems/camcops/config.ts";
import { databaseUrl } from "../../systems/camcops/database-url.ts";

const plain: ConfigInput = {
  databaseUrl: databaseUrl({
    server: "mysql",
    port: 3306,
    database: "camcops",
    credentialsFile: "/run/secrets/client.cnf",
  }),
  brokerUrl: "amqp://rabbitmq:5672/",
  sessionSecret: "Zm9vYmFy",
  port: 8000,
  certificate: { certificateFile: "/run/secrets/tls.crt", privateKeyFile: "/run/secrets/tls.key" },
  external: { scheme: "https", serverName: "localhost", port: 8443 },
  workerConcurrency: 2,
  timeZone: "UTC",
  logLevel: "info",
  config: {},
};

describe("renderConfig", () => {
  it("writes a complete file from the settings alone", () => {
    assert.equal(
      renderConfig(plain),
      `# The configuration of CamCOPS, written by Slipway from the stack's settings. Edits of this file are overwritten.

# Database, sessions and what users see
[site]
DB_URL = mysql+mysqldb://mysql:3306/camcops?charset=utf8mb4&read_default_file=/run/secrets/client.cnf
DB_ECHO = false
LOCAL_INSTITUTION_URL = https://camcops.readthedocs.io/
EXTRA_STRING_FILES =
    /camcops/venv/lib/python3.*/site-packages/camcops_server/extra_strings/*.xml
LANGUAGE = en_GB
REGION_CODE = GB
MFA_METHODS =
    no_mfa
MFA_TIMEOUT_S = 600
SESSION_COOKIE_SECRET = Zm9vYmFy
SESSION_TIMEOUT_MINUTES = 30
SESSION_CHECK_USER_IP = true
PASSWORD_CHANGE_FREQUENCY_DAYS = 0
LOCKOUT_THRESHOLD = 10
LOCKOUT_DURATION_INCREMENT_MINUTES = 10
DISABLE_PASSWORD_AUTOCOMPLETE = true
PATIENT_SPEC_IF_ANONYMOUS = anonymous
PATIENT_SPEC = {surname}_{forename}_{allidnums}
TASK_FILENAME_SPEC = CamCOPS_{patient}_{created}_{tasktype}-{serverpk}.{filetype}
TRACKER_FILENAME_SPEC = CamCOPS_{patient}_{now}_tracker.{filetype}
CTV_FILENAME_SPEC = CamCOPS_{patient}_{now}_clinicaltextview.{filetype}
EMAIL_PORT = 587
EMAIL_USE_TLS = true
SMS_BACKEND = console
PERMIT_IMMEDIATE_DOWNLOADS = false
USER_DOWNLOAD_DIR = /camcops/tmp/user_downloads
USER_DOWNLOAD_FILE_LIFETIME_MIN = 60
USER_DOWNLOAD_MAX_SPACE_MB = 100
WEBVIEW_LOGLEVEL = info
CLIENT_API_LOGLEVEL = info
ALLOW_INSECURE_COOKIES = false

# Web server
[server]
HOST = 0.0.0.0
PORT = 8000
SSL_CERTIFICATE = /run/secrets/tls.crt
SSL_PRIVATE_KEY = /run/secrets/tls.key
STATIC_CACHE_DURATION_S = 86400
DEBUG_REVERSE_PROXY = false
DEBUG_TOOLBAR = false
SHOW_REQUESTS = false
SHOW_REQUEST_IMMEDIATELY = false
SHOW_RESPONSE = false
SHOW_TIMING = false
PROXY_REWRITE_PATH_INFO = false
TRUSTED_PROXY_HEADERS =
EXTERNAL_URL_SCHEME = https
EXTERNAL_SERVER_NAME = localhost
EXTERNAL_SERVER_PORT = 8443
CHERRYPY_SERVER_NAME = localhost
CHERRYPY_THREADS_START = 10
CHERRYPY_THREADS_MAX = 100
CHERRYPY_LOG_SCREEN = true
CHERRYPY_ROOT_PATH = /

# Background tasks and exports
[export]
CELERY_BROKER_URL = amqp://rabbitmq:5672/
CELERY_BEAT_SCHEDULE_DATABASE = /camcops/tmp/lock/camcops_celerybeat_schedule
CELERY_WORKER_EXTRA_ARGS =
    --concurrency=2
    --max-tasks-per-child=1000
CELERY_EXPORT_TASK_RATE_LIMIT = 100/m
EXPORT_LOCKDIR = /camcops/tmp/lock
RECIPIENTS =
SCHEDULE_TIMEZONE = UTC
SCHEDULE =
`,
    );
  });

  const rich: ConfigInput = {
    ...plain,
    databaseUrl: databaseUrl({
      server: "2001:db8::1",
      port: 43306,
      database: "camcops_live",
      credentialsFile: "/run/secrets/client.cnf",
    }),
    certificate: undefined,
    port: 8080,
    external: { scheme: "https", serverName: "camcops.example.org", port: 443 },
    workerConcurrency: 8,
    timeZone: "Europe/London",
    logLevel: "debug",
    config: {
      "sms_backend:kapow": { USERNAME: "clinic" },
      "recipient:ward": {
        TRANSMISSION_METHOD: "email",
        PUSH: true,
        GROUPS: ["ward_1", "ward_2"],
        EMAIL_TO: "Ward <ward@example.org>",
        EMAIL_SUBJECT: "100% done: {tasktype}",
        EMAIL_BODY: "Dear colleague,\n\n    {patient}\n\nYours\n",
      },
      "recipient:archive": { TRANSMISSION_METHOD: "database", ALL_GROUPS: true },
      export: {
        SCHEDULE: ["0 1 * * * archive"],
        RECIPIENTS: ["ward", "archive"],
        CELERY_WORKER_EXTRA_ARGS: "--max-tasks-per-child=50\n--prefetch-multiplier=1",
        CELERY_BEAT_EXTRA_ARGS: ["--max-interval=60"],
      },
      server: {
        TRUSTED_PROXY_HEADERS: ["HTTP_X_FORWARDED_FOR"],
        EXTERNAL_URL_SCHEME: "https",
        CHERRYPY_THREADS_MAX: 40,
      },
      site: {
        ZZ_FROM_A_LATER_VERSION: "yes",
        EMAIL_HOST: "smtp.example.org",
        LANGUAGE: "da_DK",
        EXTRA_STRING_FILES: [
          "/camcops/venv/lib/python3.*/site-packages/camcops_server/extra_strings/*.xml",
          "/camcops/cfg/extra_strings/*.xml",
        ],
        LOCAL_INSTITUTION_URL: "",
      },
    },
    secretConfig: {
      site: { EMAIL_HOST_PASSWORD: "100%$æ#;" },
      "recipient:archive": { DB_URL: "mysql+mysqldb://u:p%40q@archive/camcops" },
      "sms_backend:kapow": { PASSWORD: "= [x]" },
    },
  };

  it("puts the user's keys in their places and further ones after them", () => {
    assert.equal(
      renderConfig(rich),
      `# The configuration of CamCOPS, written by Slipway from the stack's settings. Edits of this file are overwritten.

# Database, sessions and what users see
[site]
DB_URL = mysql+mysqldb://[2001:db8::1]:43306/camcops_live?charset=utf8mb4&read_default_file=/run/secrets/client.cnf
DB_ECHO = false
LOCAL_INSTITUTION_URL =
EXTRA_STRING_FILES =
    /camcops/venv/lib/python3.*/site-packages/camcops_server/extra_strings/*.xml
    /camcops/cfg/extra_strings/*.xml
LANGUAGE = da_DK
REGION_CODE = GB
MFA_METHODS =
    no_mfa
MFA_TIMEOUT_S = 600
SESSION_COOKIE_SECRET = Zm9vYmFy
SESSION_TIMEOUT_MINUTES = 30
SESSION_CHECK_USER_IP = true
PASSWORD_CHANGE_FREQUENCY_DAYS = 0
LOCKOUT_THRESHOLD = 10
LOCKOUT_DURATION_INCREMENT_MINUTES = 10
DISABLE_PASSWORD_AUTOCOMPLETE = true
PATIENT_SPEC_IF_ANONYMOUS = anonymous
PATIENT_SPEC = {surname}_{forename}_{allidnums}
TASK_FILENAME_SPEC = CamCOPS_{patient}_{created}_{tasktype}-{serverpk}.{filetype}
TRACKER_FILENAME_SPEC = CamCOPS_{patient}_{now}_tracker.{filetype}
CTV_FILENAME_SPEC = CamCOPS_{patient}_{now}_clinicaltextview.{filetype}
EMAIL_PORT = 587
EMAIL_USE_TLS = true
SMS_BACKEND = console
PERMIT_IMMEDIATE_DOWNLOADS = false
USER_DOWNLOAD_DIR = /camcops/tmp/user_downloads
USER_DOWNLOAD_FILE_LIFETIME_MIN = 60
USER_DOWNLOAD_MAX_SPACE_MB = 100
WEBVIEW_LOGLEVEL = debug
CLIENT_API_LOGLEVEL = debug
ALLOW_INSECURE_COOKIES = false
EMAIL_HOST = smtp.example.org
EMAIL_HOST_PASSWORD = 100%%$æ#;
ZZ_FROM_A_LATER_VERSION = yes

# Web server
[server]
HOST = 0.0.0.0
PORT = 8080
SSL_CERTIFICATE =
SSL_PRIVATE_KEY =
STATIC_CACHE_DURATION_S = 86400
DEBUG_REVERSE_PROXY = false
DEBUG_TOOLBAR = false
SHOW_REQUESTS = false
SHOW_REQUEST_IMMEDIATELY = false
SHOW_RESPONSE = false
SHOW_TIMING = false
PROXY_REWRITE_PATH_INFO = false
TRUSTED_PROXY_HEADERS =
    HTTP_X_FORWARDED_FOR
EXTERNAL_URL_SCHEME = https
EXTERNAL_SERVER_NAME = camcops.example.org
EXTERNAL_SERVER_PORT = 443
CHERRYPY_SERVER_NAME = localhost
CHERRYPY_THREADS_START = 10
CHERRYPY_THREADS_MAX = 40
CHERRYPY_LOG_SCREEN = true
CHERRYPY_ROOT_PATH = /

# Background tasks and exports
[export]
CELERY_BROKER_URL = amqp://rabbitmq:5672/
CELERY_BEAT_SCHEDULE_DATABASE = /camcops/tmp/lock/camcops_celerybeat_schedule
CELERY_WORKER_EXTRA_ARGS =
    --concurrency=8
    --max-tasks-per-child=50
    --prefetch-multiplier=1
CELERY_EXPORT_TASK_RATE_LIMIT = 100/m
EXPORT_LOCKDIR = /camcops/tmp/lock
RECIPIENTS =
    ward
    archive
SCHEDULE_TIMEZONE = Europe/London
SCHEDULE =
    0 1 * * * archive
CELERY_BEAT_EXTRA_ARGS =
    --max-interval=60

# Export recipient
[recipient:archive]
ALL_GROUPS = true
DB_URL = mysql+mysqldb://u:p%%40q@archive/camcops
TRANSMISSION_METHOD = database

# Export recipient
[recipient:ward]
EMAIL_BODY = Dear colleague,

    {patient}

    Yours
EMAIL_SUBJECT = 100%% done: {tasktype}
EMAIL_TO = Ward <ward@example.org>
GROUPS =
    ward_1
    ward_2
PUSH = true
TRANSMISSION_METHOD = email

# Text messages
[sms_backend:kapow]
PASSWORD = = [x]
USERNAME = clinic
`,
    );
  });

  it("gives workers and scheduler the arguments that the file holds", () => {
    assert.deepEqual(workerArguments(rich), ["--concurrency=8", "--max-tasks-per-child=50", "--prefetch-multiplier=1"]);
    assert.deepEqual(schedulerArguments(rich), ["--max-interval=60"]);
    assert.deepEqual(schedulerArguments(plain), []);
  });

  it("names every key that it cannot write, and shows no value", () => {
    const config = { site: { LANGUAGE: "tom\rato" }, export: { EXPORT_LOCKDIR: "/carrot" } };
    const secretConfig = { site: { EMAIL_HOST_PASSWORD: " potato" } };
    assert.throws(
      () => renderConfig({ ...plain, config, secretConfig }),
      (error: Error) => {
        assert.match(
          error.message,
          /\[site\] LANGUAGE: .*\n.*\[site\] EMAIL_HOST_PASSWORD: .*\n.*\[export\] EXPORT_LOCKDIR: /,
        );
        assert.doesNotMatch(error.message, /tomato|potato|carrot/);
        return true;
      },
    );
  });
});

describe("checkConfig", () => {
  const kinds = (config: ConfigSections) =>
    checkConfig(config).map(({ kind, section, key }) => [kind, section, ...(key === undefined ? [] : [key])].join(" "));

  it("accepts values of every type that CamCOPS reads", () => {
    const site = {
      LANGUAGE: "en_GB",
      SESSION_TIMEOUT_MINUTES: 30,
      MFA_TIMEOUT_S: "600",
      EMAIL_USE_TLS: "Yes",
      DB_ECHO: true,
      WEBVIEW_LOGLEVEL: "WARNING",
      MFA_METHODS: ["totp", "no_mfa"],
      RESTRICTED_TASKS: "phq9: group_1\ngad7: group_2\n",
      EMAIL_HOST_PASSWORD: "",
      LOCAL_LOGO_FILE_ABSOLUTE: "/camcops/cfg/logo.png",
      SNOMED_ICD9_XML_FILENAME: "",
      EMAIL_FROM: "# not a comment",
    };
    assert.deepEqual(checkConfig({ site, "recipient:a_1": { PUSH: false }, export: { RECIPIENTS: "a_1" } }), []);
  });

  it("rejects a section that CamCOPS does not know", () => {
    assert.deepEqual(kinds({ sites: {}, DEFAULT: { A: 1 }, "recipient:a-b": {}, "sms_backend:pigeon": {} }), [
      "error sites",
      "error DEFAULT",
      "error recipient:a-b",
      "error sms_backend:pigeon",
      "warning recipient:a-b",
    ]);
  });

  it("rejects every reserved key, and says what decides it", () => {
    for (const [section, keys] of Object.entries(reservedKeys)) {
      for (const [key, decidedBy] of Object.entries(keys)) {
        assert.ok(keysOf(section)?.[key], `${section} ${key} is a key of CamCOPS`);
        const [problem, ...more] = checkConfig({ [section]: { [key]: "" } });
        assert.deepEqual(more, []);
        assert.equal(problem?.kind, "error");
        assert.ok(problem.message.includes(decidedBy));
      }
    }
  });

  it("rejects keys that are not in capital letters: configparser would see them twice", () => {
    assert.deepEqual(kinds({ site: { language: "da_DK", "A = B\n[x]": 1, "": 1 } }), [
      "error site language",
      "error site A = B\n[x]",
      "error site ",
    ]);
  });

  it("rejects values of another type than CamCOPS reads", () => {
    const site = {
      EMAIL_PORT: "smtp",
      MFA_TIMEOUT_S: 0.5,
      DB_ECHO: "maybe",
      WEBVIEW_LOGLEVEL: "loud",
      LANGUAGE: ["da_DK"],
    };
    assert.deepEqual(
      kinds({ site }),
      Object.keys(site).map((key) => `error site ${key}`),
    );
  });

  it("rejects files outside the folders that the containers see", () => {
    const site = {
      LOCAL_LOGO_FILE_ABSOLUTE: "/home/me/logo.png",
      SNOMED_TASK_XML_FILENAME: "/camcops/cfg/../../etc/shadow",
      EXTRA_STRING_FILES: ["/camcops/cfg/a.xml", "b.xml"],
      CAMCOPS_LOGO_FILE_ABSOLUTE: "/camcops/cfgs/logo.png",
    };
    assert.deepEqual(
      kinds({ site }),
      Object.keys(site).map((key) => `error site ${key}`),
    );
    assert.deepEqual(
      kinds({
        "recipient:a": { FILE_FILENAME_SPEC: "/srv/{serverpk}.pdf", FILE_SCRIPT_AFTER_EXPORT: "/usr/bin/true" },
        export: { RECIPIENTS: "a" },
      }),
      ["error recipient:a FILE_FILENAME_SPEC", "error recipient:a FILE_SCRIPT_AFTER_EXPORT"],
    );
    assert.match(
      checkConfig({ site })[0]?.message ?? "",
      /a path under \/camcops\/cfg \(.*\) or \/camcops\/venv \(.*\)/,
    );
  });

  it("marks passwords and keys", () => {
    assert.deepEqual(kinds({ site: { EMAIL_HOST_PASSWORD: "x" }, "sms_backend:twilio": { SID: "a", TOKEN: "b" } }), [
      "secret site EMAIL_HOST_PASSWORD",
      "secret sms_backend:twilio TOKEN",
    ]);
  });

  it("warns of keys without effect", () => {
    assert.deepEqual(kinds({ site: { LANGUGE: "da_DK" }, "recipient:a": { EMAIL_TIMEOUT: 3 } }), [
      "warning site LANGUGE",
      "warning recipient:a EMAIL_TIMEOUT",
      "warning recipient:a",
    ]);
    const gunicorn = Object.keys(serverKeys).filter((key) => key.includes("GUNICORN"));
    assert.equal(gunicorn.length, 4);
    for (const key of gunicorn) {
      const [problem, ...more] = checkConfig({ server: { [key]: 1 } });
      assert.deepEqual([problem?.kind, more], ["warning", []], key);
      assert.match(problem?.message ?? "", /^Has no effect: CherryPy serves here.* serve_gunicorn, but/);
    }
  });

  it("rejects a list of recipients that holds one without a section", () => {
    assert.deepEqual(kinds({ export: { RECIPIENTS: ["a", "b"] }, "recipient:a": {} }), ["error export RECIPIENTS"]);
  });

  it("rejects what the file's format cannot hold", () => {
    for (const value of [
      " a",
      "a\t",
      "a\rb",
      "a\u2028b",
      "a\u0085b",
      "a\n# b",
      "a\n ; b",
      "\ud800",
      ["# a"],
      ["a", " "],
      ["a\nb"],
    ]) {
      assert.deepEqual(kinds({ "recipient:a": { X: value }, export: { RECIPIENTS: "a" } }), [
        "error recipient:a X",
        "warning recipient:a X",
      ]);
    }
  });
});
