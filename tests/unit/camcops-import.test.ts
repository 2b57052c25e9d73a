import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseStack } from "../../settings/parse.ts";
import { configFileOf, importCamcops } from "../../systems/camcops/import.ts";
import { installedDatabase } from "../../systems/camcops/installed-database.ts";
import { camcopsVariables } from "../../systems/camcops/variables.ts";
import { parseVariables } from "../../systems/variables-file.ts";
import { issue } from "../certificates.ts";

/** The example settings file as CamCOPS's administrator's manual prints it. */
const example = `
        export CAMCOPS_DOCKER_CAMCOPS_CONFIG_FILENAME="camcops.conf"
        export CAMCOPS_DOCKER_CAMCOPS_HOST_PORT="443"
        export CAMCOPS_DOCKER_CAMCOPS_INTERNAL_PORT="8000"
        export CAMCOPS_DOCKER_CONFIG_HOST_DIR="\${HOME}/camcops_config"
        export CAMCOPS_DOCKER_FLOWER_HOST_PORT="5556"
        export CAMCOPS_DOCKER_INSTALL_USER_ID="1000"
        export CAMCOPS_DOCKER_MYSQL_DATABASE_NAME="camcops"
        export CAMCOPS_DOCKER_MYSQL_HOST_PORT="43306"
        export CAMCOPS_DOCKER_MYSQL_USER_NAME="camcops"
        export CAMCOPS_INSTALLER_CREATE_MYSQL_CONTAINER="1"
        export CAMCOPS_INSTALLER_CREATE_SELF_SIGNED_CERTIFICATE="1"
        export CAMCOPS_INSTALLER_MYSQL_PORT="3306"
        export CAMCOPS_INSTALLER_MYSQL_SERVER="mysql"
        export CAMCOPS_INSTALLER_SUPERUSER_USERNAME="admin"
        export CAMCOPS_INSTALLER_USE_HTTPS="1"
        export CAMCOPS_INSTALLER_X509_COUNTRY_NAME="GB"
        export CAMCOPS_INSTALLER_X509_DNS_NAME="localhost"
        export CAMCOPS_INSTALLER_X509_LOCALITY_NAME="Cambridge"
        export CAMCOPS_INSTALLER_X509_ORGANIZATION_NAME="University of Cambridge"
        export CAMCOPS_INSTALLER_X509_STATE_OR_PROVINCE_NAME="Cambridgeshire"
`;

const read = (text: string) => parseVariables(text, { HOME: "/home/me" });
const variablesOf = (values: Record<string, string>) =>
  Object.entries(values).map(([name, value], index) => ({ name, value, line: index + 1 }));

describe("a settings file of an existing installation", () => {
  const cases: Record<string, [text: string, values: Record<string, string>]> = {
    "with and without export": ["export A=1\nB=2\n", { A: "1", B: "2" }],
    "with quotes of either kind": [`A="a b" B='c "d" $E'`, { A: "a b", B: 'c "d" $E' }],
    "with quotes within a word": [`A=a" b "c'$d'`, { A: "a b c$d" }],
    "with backslashes": [`A=a\\ b B="\\$x \\\\ \\n \\""`, { A: "a b", B: '$x \\ \\n "' }],
    "with comments": ["# A=0\nA=1 # B=2\nC=a#b\nD='#'\n", { A: "1", C: "a#b", D: "#" }],
    "with continued lines": [`export A="one\\\ntwo" \\\n  B=thr\\\nee`, { A: "onetwo", B: "three" }],
    "with a value over two lines": ["A='one\ntwo'", { A: "one\ntwo" }],
    "with the home folder": [
      'A="${HOME}/a" B=$HOME/b C=~/c D="~/d" E=~',
      { A: "/home/me/a", B: "/home/me/b", C: "/home/me/c", D: "~/d", E: "/home/me" },
    ],
    "with variables of its own": [
      "A=/x; B=${A}/y\nHOME=/root\nC=$HOME",
      { A: "/x", B: "/x/y", HOME: "/root", C: "/root" },
    ],
    "with a variable that is set twice": ["A=1\nB=2\nA=3", { B: "2", A: "3" }],
    "with Windows' line ends and a byte order mark": ["\uFEFFA=1\r\nexport B='x'\r\n", { A: "1", B: "x" }],
    "that exports later": ["A=1\nexport A\n", { A: "1" }],
    "with a dollar that means itself": ['A="5$" B="a$ b"', { A: "5$", B: "a$ b" }],
    "with nothing": ["", {}],
  };
  for (const [which, [text, values]] of Object.entries(cases)) {
    it(`is read ${which}`, () => {
      const { variables, problems } = read(text);
      assert.deepEqual(Object.fromEntries(variables.map(({ name, value }) => [name, value])), values);
      assert.deepEqual(problems, []);
    });
  }

  it("is not executed: what only a shell could evaluate is named with its line", () => {
    const { variables, problems } = read(
      ["A=$(whoami)", "B=`id`", "echo hello", "C=${D:-x}", "D=$MISSING", "E=1 & rm -rf x", "F=ok", "G='open"].join(
        "\n",
      ),
    );
    assert.deepEqual(
      variables.map(({ name }) => name),
      ["E", "F"],
    );
    assert.deepEqual(
      problems.map(({ line, name }) => [line, name]),
      [
        [1, "A"],
        [2, "B"],
        [3, undefined],
        [4, "C"],
        [5, "D"],
        [6, undefined],
        [8, "G"],
      ],
    );
    assert.match(problems[4]?.message ?? "", /refers to MISSING, which nothing above sets/);
  });
});

describe("the settings file that CamCOPS's manual prints", () => {
  it("becomes a stack with exactly its values", async () => {
    const { variables, problems } = read(example);
    assert.deepEqual(problems, []);
    const { settings, secrets, left } = await importCamcops({ variables });
    assert.deepEqual(settings, {
      configFilename: "camcops.conf",
      hostPort: 443,
      internalPort: 8000,
      configDirectory: "/home/me/camcops_config",
      flower: { hostPort: 5556 },
      userId: 1000,
      mysql: { databaseName: "camcops", hostPort: 43306, userName: "camcops", container: true },
      certificate: {
        kind: "self-signed",
        country: "GB",
        dnsNames: ["localhost"],
        locality: "Cambridge",
        organization: "University of Cambridge",
        stateOrProvince: "Cambridgeshire",
      },
      superuser: { username: "admin" },
      https: true,
    });
    assert.deepEqual(secrets, {});
    assert.deepEqual(
      left.map(({ source }) => source),
      ["CAMCOPS_INSTALLER_MYSQL_PORT", "CAMCOPS_INSTALLER_MYSQL_SERVER"],
    );
    const stack = parseStack({
      stack: "x",
      values: { environment: "dev", camcops: settings },
      encrypted: new Set(),
    });
    assert.equal(stack.camcops?.hostPort, 443);
    assert.equal(configFileOf(variables), "/home/me/camcops_config/camcops.conf");
  });
});

describe("a variable of CamCOPS", () => {
  const external = { CAMCOPS_INSTALLER_CREATE_MYSQL_CONTAINER: "0" };
  const ownCertificate = { CAMCOPS_INSTALLER_CREATE_SELF_SIGNED_CERTIFICATE: "0" };
  const cases: [name: string, value: string, expected: [setting: string, value: unknown] | RegExp, others?: object][] =
    [
      ["CAMCOPS_DOCKER_CAMCOPS_CONFIG_FILENAME", "my.conf", ["camcops.configFilename", "my.conf"]],
      ["CAMCOPS_DOCKER_CAMCOPS_HOST_PORT", "8443", ["camcops.hostPort", 8443]],
      ["CAMCOPS_DOCKER_CAMCOPS_INTERNAL_PORT", "8001", ["camcops.internalPort", 8001]],
      ["CAMCOPS_DOCKER_CONFIG_HOST_DIR", "/etc/camcops//", ["camcops.configDirectory", "/etc/camcops"]],
      [
        "CAMCOPS_DOCKER_CONFIG_HOST_DIR",
        "/host_mnt/c/Users/me/x/",
        ["camcops.configDirectory", "/host_mnt/c/Users/me/x"],
      ],
      ["CAMCOPS_DOCKER_FLOWER_HOST_PORT", "5557", ["camcops.flower.hostPort", 5557]],
      ["CAMCOPS_DOCKER_IMAGE_TAG", "camcops_server:2.4.23", /the stack has its own/],
      ["CAMCOPS_DOCKER_INSTALL_USER_ID", "1001", ["camcops.userId", 1001]],
      ["CAMCOPS_DOCKER_INSTALL_USER_ID", "0", /root/],
      ["CAMCOPS_DOCKER_MYSQL_DATABASE_NAME", "db", ["camcops.mysql.databaseName", "db"]],
      ["CAMCOPS_DOCKER_MYSQL_HOST_PORT", "43306", ["camcops.mysql.hostPort", 43306]],
      ["CAMCOPS_DOCKER_MYSQL_ROOT_PASSWORD", "r@:t", ["camcopsMysqlRootPassword", "r@:t"]],
      ["CAMCOPS_DOCKER_MYSQL_ROOT_PASSWORD", "r@:t", /runs elsewhere/, external],
      ["CAMCOPS_DOCKER_MYSQL_USER_NAME", "me", ["camcops.mysql.userName", "me"]],
      ["CAMCOPS_DOCKER_MYSQL_USER_PASSWORD", "p%", ["camcopsMysqlUserPassword", "p%"]],
      ["CAMCOPS_INSTALLER_CREATE_MYSQL_CONTAINER", "1", ["camcops.mysql.container", true]],
      ["CAMCOPS_INSTALLER_CREATE_MYSQL_CONTAINER", "0", ["camcops.mysql.container", false]],
      ["CAMCOPS_INSTALLER_CREATE_SELF_SIGNED_CERTIFICATE", "1", ["camcops.certificate.kind", "self-signed"]],
      ["CAMCOPS_INSTALLER_CREATE_SELF_SIGNED_CERTIFICATE", "0", ["camcops.certificate.kind", "files"]],
      ["CAMCOPS_INSTALLER_MYSQL_PORT", "3307", ["camcops.mysql.port", 3307], external],
      ["CAMCOPS_INSTALLER_MYSQL_PORT", "3306", /runs in a container/],
      ["CAMCOPS_INSTALLER_MYSQL_SERVER", "db.example.org", ["camcops.mysql.server", "db.example.org"], external],
      ["CAMCOPS_INSTALLER_MYSQL_SERVER", "mysql", /runs in a container/],
      [
        "CAMCOPS_INSTALLER_SSL_CERTIFICATE",
        "/x/a.crt",
        ["camcops.certificate.certificate", "/x/a.crt"],
        ownCertificate,
      ],
      ["CAMCOPS_INSTALLER_SSL_CERTIFICATE", "/x/a.crt", /self-signed/],
      ["CAMCOPS_INSTALLER_SSL_PRIVATE_KEY", "/x/a.key", ["camcops.certificate.privateKey", "/x/a.key"], ownCertificate],
      ["CAMCOPS_INSTALLER_SSL_PRIVATE_KEY", "/x/a.key", /self-signed/],
      ["CAMCOPS_INSTALLER_SUPERUSER_PASSWORD", "secret", ["camcopsSuperuserPassword", "secret"]],
      ["CAMCOPS_INSTALLER_SUPERUSER_USERNAME", "chief", ["camcops.superuser.username", "chief"]],
      ["CAMCOPS_INSTALLER_USE_HTTPS", "1", ["camcops.https", true]],
      ["CAMCOPS_INSTALLER_USE_HTTPS", "0", ["camcops.https", false]],
      ["CAMCOPS_INSTALLER_X509_COUNTRY_NAME", "DK", ["camcops.certificate.country", "DK"]],
      ["CAMCOPS_INSTALLER_X509_COUNTRY_NAME", "DK", /one of its own/, ownCertificate],
      [
        "CAMCOPS_INSTALLER_X509_DNS_NAME",
        "CamCOPS.example.com",
        ["camcops.certificate.dnsNames", ["camcops.example.com"]],
      ],
      ["CAMCOPS_INSTALLER_X509_LOCALITY_NAME", "Ely", ["camcops.certificate.locality", "Ely"]],
      ["CAMCOPS_INSTALLER_X509_ORGANIZATION_NAME", "NHS", ["camcops.certificate.organization", "NHS"]],
      ["CAMCOPS_INSTALLER_X509_STATE_OR_PROVINCE_NAME", "Kent", ["camcops.certificate.stateOrProvince", "Kent"]],
      ["COMPOSE_PROJECT_NAME", "clinic", ["camcops.name", "clinic"]],
      // 2020
      ["CAMCOPS_DOCKER_CONFIG_DIR", "/etc/camcops/", ["camcops.configDirectory", "/etc/camcops"]],
      ["CAMCOPS_DOCKER_CONFIG_FILENAME", "my.conf", ["camcops.configFilename", "my.conf"]],
      ["CAMCOPS_DOCKER_HTTPS_HOST_PORT", "8443", ["camcops.hostPort", 8443]],
      ["CAMCOPS_DOCKER_HTTPS_HOST_PORT", "8443", /renamed/, { CAMCOPS_DOCKER_CAMCOPS_HOST_PORT: "443" }],
      ["CAMCOPS_DOCKER_MYSQL_CAMCOPS_DATABASE_NAME", "db", ["camcops.mysql.databaseName", "db"]],
      ["CAMCOPS_DOCKER_MYSQL_CAMCOPS_USER_PASSWORD", "p", ["camcopsMysqlUserPassword", "p"]],
      ["CAMCOPS_DOCKER_MYSQL_CAMCOPS_USER_NAME", "me", ["camcops.mysql.userName", "me"]],
      // neither
      ["CAMCOPS_DOCKER_CAMCOPS_HOSTPORT", "1", /no variable that CamCOPS's documentation knows/],
      ["CAMCOPS_DOCKER_MYSQL_USER_PASSWORD", "", /empty/],
    ];
  for (const [name, value, expected, others = {}] of cases) {
    const aim = expected instanceof RegExp ? "is left with its reason" : `becomes ${expected[0]}`;
    it(`${name}=${value} ${aim} ${Object.keys(others).join(" ")}`.trimEnd(), () => {
      const { settings, secrets, taken, left } = camcopsVariables(variablesOf({ ...others, [name]: value }));
      if (expected instanceof RegExp) {
        assert.match(left.find(({ source }) => source === name)?.reason ?? "", expected);
        assert.ok(!taken.some(({ source }) => source === name));
        return;
      }
      const [setting, wanted] = expected;
      assert.deepEqual(
        taken.filter(({ source }) => source === name),
        [{ source: name, setting }],
      );
      const found = setting
        .split(".")
        .reduce<unknown>((group, key) => (group as Record<string, unknown>)[key], { camcops: settings, ...secrets });
      assert.deepEqual(found, wanted);
    });
  }
});

describe("the database's URL of an existing camcops.conf", () => {
  const cases: [url: string, user: string, password: string, server?: string, port?: number][] = [
    ["mysql+mysqldb://camcops:secret@mysql:3306/camcops?charset=utf8", "camcops", "secret"],
    ["mysql+mysqldb://camcops:p%40ss%2Fw%3Ard%25@mysql/camcops", "camcops", "p@ss/w:rd%"],
    ["mysql+mysqldb://camcops:p@ss@mysql:3306/camcops", "camcops", "p@ss"],
    ["mysql+mysqldb://camcops:100%@mysql:3306/camcops", "camcops", "100%"],
    ["mysql+mysqldb://camcops:a+b@mysql:3306/camcops", "camcops", "a+b"],
    ["mysql+mysqldb://camcops:%C3%A9@mysql:3306/camcops", "camcops", "é"],
    ["mysql://me@mysql/camcops", "me", ""],
    ["mysql+mysqldb://u:p@[fd00::1]:3307/camcops?charset=utf8", "u", "p", "fd00::1", 3307],
    ["mysql+mysqldb://u:p@mysql:3306/camcops?ssl_ca=/a@b", "u", "p"],
  ];
  for (const [url, userName, password, server = "mysql", port = 3306] of cases) {
    it(`${url} is read`, () => {
      const { options, ...found } = installedDatabase(url) ?? { options: "" };
      assert.deepEqual(found, { server, port, database: "camcops", userName, password });
      assert.equal(options, url.split("?")[1] ?? "");
    });
  }

  for (const url of ["", "sqlite:////x.db", "postgresql://u:p@h/camcops", "mysql+mysqldb://mysql:3306"]) {
    it(`${url || "nothing"} is no database to take over`, () => {
      assert.equal(installedDatabase(url), undefined);
    });
  }
});

describe("an existing camcops.conf", () => {
  const folder = mkdtempSync(join(tmpdir(), "slipway-import-test-"));
  const { certificate, privateKey } = issue("camcops.example.com", new Date("2020-01-01"), new Date("2050-01-01"));
  writeFileSync(join(folder, "camcops.crt"), certificate);
  writeFileSync(join(folder, "camcops.key"), privateKey);

  const variables = read(example.replace("${HOME}/camcops_config", folder)).variables;
  const configText = [
    "# made by hand",
    "[site]",
    "DB_URL = mysql+mysqldb://camcops:p%%40ss@mysql:3306/camcops?charset=utf8",
    "SESSION_COOKIE_SECRET = c29tZXRoaW5n==",
    "language = da_DK",
    "EMAIL_HOST = smtp.example.org",
    "EMAIL_HOST_PASSWORD = m%%il",
    "SESSION_TIMEOUT_MINUTES = 30",
    "EXTRA_STRING_FILES =",
    "    /camcops/venv/lib/python3.6/site-packages/camcops_server/extra_strings/*.xml",
    "    /camcops/cfg/extra_strings/*.xml",
    "",
    "LOCAL_LOGO_FILE_ABSOLUTE = /camcops/venv/lib/python3.10/site-packages/camcops_server/static/logo_local.png",
    "USER_DOWNLOAD_DIR = /camcops/tmp/downloads",
    "SITE_OWN_KEY = kept",
    "[server]",
    "HOST = 0.0.0.0",
    "PORT = 8765",
    "SSL_CERTIFICATE = /camcops/cfg/camcops.crt",
    "SSL_PRIVATE_KEY = /camcops/cfg/camcops.key",
    "SHOW_REQUESTS = yes",
    "TRUSTED_PROXY_HEADERS =",
    "    X-Forwarded-For",
    "[export]",
    "CELERY_BROKER_URL = amqp://rabbitmq:5672/",
    "CELERY_WORKER_EXTRA_ARGS =",
    "    --concurrency=3",
    "    --max-memory-per-child=100000",
    "RECIPIENTS =",
    "    archive",
    "[recipient:archive]",
    "DB_URL = mysql+mysqldb://a:b@c/d",
    "FILE_FILENAME_SPEC = /camcops/tmp/{tasktype}-%(task_format)s",
    "TASK_FORMAT = pdf",
    "[extras]",
    "X = 1",
  ].join("\n");

  it("becomes settings and secrets, with every key accounted for", async () => {
    const { settings, secrets, left, differences, remarks } = await importCamcops({ variables, configText });
    assert.deepEqual(secrets, {
      camcopsMysqlUserPassword: "p@ss",
      camcopsSessionSecret: "c29tZXRoaW5n==",
      camcopsSecretConfig: {
        site: { EMAIL_HOST_PASSWORD: "m%il" },
        "recipient:archive": { DB_URL: "mysql+mysqldb://a:b@c/d" },
      },
    });
    assert.equal(settings["internalPort"], 8765);
    assert.deepEqual(settings["workers"], { concurrency: 3 });
    assert.deepEqual(settings["certificate"], {
      kind: "files",
      certificate: "/camcops/cfg/camcops.crt",
      privateKey: "/camcops/cfg/camcops.key",
    });
    assert.deepEqual(settings["config"], {
      site: {
        LANGUAGE: "da_DK",
        EMAIL_HOST: "smtp.example.org",
        EXTRA_STRING_FILES: [
          "/camcops/venv/lib/python3.*/site-packages/camcops_server/extra_strings/*.xml",
          "/camcops/cfg/extra_strings/*.xml",
        ],
        LOCAL_LOGO_FILE_ABSOLUTE: "/camcops/venv/lib/python3.11/site-packages/camcops_server/static/logo_local.png",
        SITE_OWN_KEY: "kept",
      },
      server: { SHOW_REQUESTS: true, TRUSTED_PROXY_HEADERS: ["X-Forwarded-For"] },
      export: { CELERY_WORKER_EXTRA_ARGS: ["--max-memory-per-child=100000"], RECIPIENTS: ["archive"] },
      "recipient:archive": { FILE_FILENAME_SPEC: "/camcops/tmp/{tasktype}-pdf", TASK_FORMAT: "pdf" },
    });
    const leftNames = left.map(({ source }) => source);
    assert.ok(leftNames.includes("[extras]"));
    for (const name of ["COUNTRY_NAME", "DNS_NAME", "LOCALITY_NAME"]) {
      assert.ok(leftNames.includes(`CAMCOPS_INSTALLER_X509_${name}`), name);
    }
    assert.ok(remarks.some((remark) => remark.includes("camcops.crt is kept")));
    const byName = new Map(differences.map((difference) => [difference.source, difference]));
    assert.deepEqual(byName.get("[site] USER_DOWNLOAD_DIR"), {
      source: "[site] USER_DOWNLOAD_DIR",
      before: "/camcops/tmp/downloads",
      after: "/camcops/tmp/user_downloads",
      reason: "is decided by the volume that server and workers share",
    });
    assert.equal(
      byName.get("[site] DB_URL")?.before,
      "mysql+mysqldb://camcops:(hidden)@mysql:3306/camcops?charset=utf8",
    );
    assert.equal(byName.get("[site] MFA_METHODS")?.before, undefined);
    assert.match(byName.get("[site] EXTRA_STRING_FILES")?.reason ?? "", /a file of the image/);
    for (const same of [
      "[site] LANGUAGE",
      "[site] SESSION_COOKIE_SECRET",
      "[server] HOST",
      "[site] EMAIL_HOST_PASSWORD",
    ]) {
      assert.ok(!byName.has(same), same);
    }
    assert.ok(!JSON.stringify({ left, differences, remarks }).includes("p@ss"), "a secret is shown");
  });

  it("of a CamCOPS that Gunicorn served is told that CherryPy serves here, and why", async () => {
    const keys = ["GUNICORN_NUM_WORKERS = 16", "GUNICORN_TIMEOUT_S = 30", "GUNICORN_DEBUG_RELOAD = false"];
    const withGunicorn = configText.replace(
      "[server]",
      ["[server]", ...keys, "DEBUG_SHOW_GUNICORN_OPTIONS = no"].join("\n"),
    );
    const { settings, left, remarks } = await importCamcops({ variables, configText: withGunicorn });
    const about = left.filter(({ source }) => source.includes("GUNICORN"));
    assert.deepEqual(
      about.map(({ source }) => source).sort(),
      ["DEBUG_SHOW_GUNICORN_OPTIONS", "GUNICORN_DEBUG_RELOAD", "GUNICORN_NUM_WORKERS", "GUNICORN_TIMEOUT_S"].map(
        (key) => `[server] ${key}`,
      ),
    );
    for (const { reason } of about)
      assert.match(reason, /CherryPy serves here.*serve_gunicorn, but its processes share/);
    assert.ok(!JSON.stringify(settings).includes("GUNICORN"));
    assert.ok(
      !remarks.some((remark) => remark.includes("Gunicorn")),
      "today's generation does not have Gunicorn serve it",
    );
  });

  for (const [name, value] of [
    ["CAMCOPS_DOCKER_CONFIG_DIR", "/etc/camcops"],
    ["CAMCOPS_DOCKER_CONFIG_FILENAME", "my.conf"],
    ["CAMCOPS_DOCKER_HTTPS_HOST_PORT", "8443"],
    ["CAMCOPS_DOCKER_MYSQL_CAMCOPS_USER_NAME", "me"],
  ] as const) {
    it(`of 2020, which ${name} tells, had Gunicorn serve it: it is said that CherryPy does here`, async () => {
      const { remarks } = await importCamcops({ variables: variablesOf({ [name]: value }) });
      assert.equal(remarks.filter((remark) => remark.includes("Gunicorn serve it. CherryPy serves here")).length, 1);
    });
  }

  it("gives a stack whose settings are valid", async () => {
    const { settings, secrets } = await importCamcops({ variables, configText });
    parseStack({
      stack: "x",
      values: { environment: "dev", camcops: settings, ...secrets },
      encrypted: new Set(Object.keys(secrets)),
    });
  });

  it("goes before the variables, which are named where it overrides them", async () => {
    const { settings, left } = await importCamcops({
      variables,
      configText: configText.replace("@mysql:3306/camcops?", "@db.example.org:3307/other?"),
    });
    assert.deepEqual(settings["mysql"], {
      container: false,
      databaseName: "other",
      userName: "camcops",
      hostPort: 43306,
      server: "db.example.org",
      port: 3307,
    });
    assert.match(
      left.find(({ source }) => source === "CAMCOPS_DOCKER_MYSQL_DATABASE_NAME")?.reason ?? "",
      /overridden by \[site\] DB_URL/,
    );
  });

  it("has its self-signed certificate made anew once it has ended", async () => {
    const { settings, remarks } = await importCamcops({ variables, configText, now: new Date("2099-01-01") });
    assert.equal((settings["certificate"] as { kind: string }).kind, "self-signed");
    assert.ok(remarks.some((remark) => remark.includes("cannot be used any more")));
  });

  it("without certificates means plain HTTP", async () => {
    const plain = configText.replaceAll(/^SSL_.*$/gm, "");
    assert.equal((await importCamcops({ variables, configText: plain })).settings["https"], false);
  });
});
