import assert from "node:assert/strict";
import { recognised } from "../../cli/moving-in/recognised.ts";
import type { SystemName } from "../../settings/systems.ts";
import { parseStack } from "../../settings/parse.ts";
import { valueAt } from "../../settings/path.ts";
import { parseEnvFile } from "../../systems/env-file.ts";
import type { ImportedSystem } from "../../systems/import.ts";
import { importers } from "../../systems/importers.ts";

async function importOf(system: SystemName, text: string): Promise<ImportedSystem> {
  const importer = importers.find((each) => each.system === system)?.importer;
  assert.ok(importer);
  const { variables, problems } = parseEnvFile(text, { HOME: "/home/me" });
  assert.deepEqual(problems, []);
  return importer.read({ variables });
}

const asFile = (values: Record<string, string>) =>
  Object.entries(values)
    .map(([name, value]) => `${name}='${value}'\n`)
    .join("");

/** A variable, and the setting, secret or environment that it becomes with its value, or why it is left. */
type Case = [
  name: string,
  value: string,
  expected: [setting: string, value: unknown] | RegExp,
  others?: Record<string, string>,
];

function tableOf(system: SystemName, cases: readonly Case[]): void {
  for (const [name, value, expected, others = {}] of cases) {
    const aim = expected instanceof RegExp ? "is left with its reason" : `becomes ${expected[0]}`;
    it(`${name}=${value} ${aim} ${Object.keys(others).join(" ")}`.trimEnd(), async () => {
      const { settings, secrets, environment, taken, left } = await importOf(
        system,
        asFile({ ...others, [name]: value }),
      );
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
      assert.deepEqual(valueAt({ [system]: settings, ...secrets, environment }, setting.split(/[.[\]]+/)), wanted);
    });
  }
}

describe("a variable of COPED", () => {
  const worked = /worked out by the deployment/;
  tableOf("coped", [
    [
      "ALLOWED_HOSTS",
      "a.example.org,b.example.org",
      ["coped.application.allowedHosts", ["a.example.org", "b.example.org"]],
    ],
    ["COMPOSE_PROJECT_NAME", "energy", ["coped.name", "energy"]],
    ["COUCHDB_DB", "data", /CouchDB, which is no part/],
    ["COUCHDB_HOST", "couch", /CouchDB/],
    ["COUCHDB_PASSWORD", "p", /CouchDB/],
    ["COUCHDB_PORT", "5984", /CouchDB/],
    ["COUCHDB_USER", "u", /CouchDB/],
    ["DATABASE_URL", "postgres://clerk:p%40ss@db:5432/coped", /may be a secret/],
    ["DEBUG", "1", /decided by the stack's environment/],
    ["DEFAULT_FROM_EMAIL", "a@example.org", ["coped.application.environment.DEFAULT_FROM_EMAIL", "a@example.org"]],
    [
      "DJANGO_ALLOWED_HOSTS",
      "localhost 127.0.0.1 [::1]",
      ["coped.application.allowedHosts", ["localhost", "127.0.0.1"]],
    ],
    ["DJANGO_ALLOWED_HOSTS", "*", /names no host/],
    ["DJANGO_SECRET_KEY", "k$y(&", ["copedDjangoSecretKey", "k$y(&"]],
    ["DJANGO_SETTINGS_MODULE", "core.settings", ["coped.application.settingsModule", "core.settings"]],
    ["DJANGO_STATIC_ROOT", "/usr/share/django/static", worked],
    ["DOCKER_CONTAINER_NAME_PREFIX", "coped", /begin with coped\.name/],
    ["EMAIL_HOST_PASS", "p", /may be a secret/],
    ["ELASTICSEARCH_PASSWORD", "e", ["copedElasticsearchPassword", "e"]],
    ["ELASTICSEARCH_USER", "elastic", /as ever/],
    ["ELASTIC_PORT", "9200", worked],
    ["ENVIRONMENT", "DEVELOPMENT", ["environment", "dev"]],
    ["ENVIRONMENT", "PRODUCTION", ["environment", "prod"]],
    ["ENVIRONMENT", "TEST", /DEVELOPMENT or PRODUCTION; --environment/],
    ["ES_JAVA_OPTS", "-Xms1g -Xmx1g", ["coped.services.elasticsearch.memory", 2048]],
    ["ES_JAVA_OPTS", "-Xmx256m", /too small a heap/],
    ["ES_JAVA_OPTS", "-XX:+UseG1GC", /holds no -Xmx/],
    ["HCAPTCHA_SECRET", "s", /may be a secret/],
    ["HCAPTCHA_SITEKEY", "k", ["coped.application.environment.HCAPTCHA_SITEKEY", "k"]],
    ["KIBANA_ROOT", "/analysis", /Kibana/],
    ["MAILJET_API_KEY", "k", /may be a secret/],
    ["MAILJET_SECRET_KEY", "k", /may be a secret/],
    ["MB_DB_DBNAME", "metabase", /Metabase/],
    ["METABASE_SUPERUSER_PASSWORD", "p", /Metabase/],
    ["NGINX_DASHBOARDS_ROOT", "/dashboards/", /\/voila\//],
    ["NGINX_HOST_PORT", "8080", ["coped.hostPort", 8080]],
    ["NGINX_STATIC_LOCATION", "/app/static/", worked],
    ["POSTGRES_DB", "coped_development", ["coped.database.databaseName", "coped_development"]],
    ["POSTGRES_HOST", "db", worked],
    ["POSTGRES_PASSWORD", "p@:$x", ["copedPostgresPassword", "p@:$x"]],
    ["POSTGRES_PORT", "5432", worked],
    ["POSTGRES_RESOURCE_TABLE", "t", /task runner/],
    ["POSTGRES_USER", "clerk", ["coped.database.userName", "clerk"]],
    ["POSTGRES_USER", "postgres", /the server's own/],
    ["RECAPTCHA_PRIVATE_KEY", "k", /may be a secret/],
    ["RECAPTCHA_PUBLIC_KEY", "k", ["coped.application.environment.RECAPTCHA_PUBLIC_KEY", "k"]],
    ["RECAPTCHA_PUBLIC_KEY", "", /empty/],
    ["REDIS_PASSWORD", "p", /Redis/],
    ["SENTRY_DSN", "https://key@sentry.example.org/1", /may be a secret/],
    [
      "SITE_URL",
      "https://www.example.org:8443/@me",
      ["coped.application.environment.SITE_URL", "https://www.example.org:8443/@me"],
    ],
    ["SQL_HOST", "db", worked],
    ["VOILA_NOTEBOOK_DIR", "/usr/share/voila", /coped\.voila\.notebooks/],
    ["SUPPORT_EMAIL", "a@example.org", ["coped.application.environment.SUPPORT_EMAIL", "a@example.org"]],
    ["lower.case", "x", /capital letters/],
  ]);
});

describe("a variable of Siddata", () => {
  tableOf("siddata", [
    [
      "ALLOWED_HOSTS",
      "siddata.example.org, localhost",
      ["siddata.backend.allowedHosts", ["siddata.example.org", "localhost"]],
    ],
    ["COMPOSE_GID", "1001", ["siddata.groupId", 1001]],
    ["COMPOSE_GID", "0", /root's/],
    ["COMPOSE_PROJECT_NAME", "siddata_server", ["siddata.name", "siddata_server"]],
    ["COMPOSE_UID", "1001", ["siddata.userId", 1001]],
    ["DEBUG", "1", /environment/],
    ["DJANGO_SETTINGS_MODULE", "settings.production", ["siddata.backend.settingsModule", "settings.production"]],
    ["MODEL_NAME", "rm_professions", ["siddata.tfServing.modelName", "rm_professions"]],
    ["PGDATA", "/var/lib/postgresql/data/pgdata", /looked up in the database's container/],
    ["POSTGRES_DB", "sid", ["siddata.db.databaseName", "sid"]],
    ["POSTGRES_DB", "postgres", /the server's own/],
    ["POSTGRES_HOST", "sidb", /worked out/],
    ["POSTGRES_PASSWORD", "siddata", ["siddataDatabasePassword", "siddata"]],
    ["POSTGRES_PORT", "5433", /worked out/],
    ["POSTGRES_USER", "clerk", ["siddata.db.userName", "clerk"]],
    ["RUNNING_IN_DOCKER", "1", /POSTGRES_HOST/],
    ["SECRET_KEY", "k", ["siddataSecretKey", "k"]],
    ["SIDDATA_ALLOWED_HOSTS", "localhost", ["siddata.backend.allowedHosts", ["localhost"]]],
    ["SIDDATA_DEBUG", "1", /environment/],
    ["LANGUAGE_CODE", "de", ["siddata.backend.environment.LANGUAGE_CODE", "de"]],
    ["EMAIL_HOST_PASSWORD", "p", /siddata\.backend\.environment can be read/],
  ]);
});

describe("a variable of OCS", () => {
  tableOf("ocs", [
    ["COMPOSE_PROJECT_NAME", "site", ["ocs.name", "site"]],
    ["CROSSBAR_TIMEOUT", "10", /always so/],
    ["INFLUXDB_HTTP_LOG_ENABLED", "false", /always so/],
    ["INFLUXDB_V2_BUCKET", "b", /InfluxDB 2/],
    ["INFLUXDB_V2_ORG", "o", /InfluxDB 2/],
    ["INFLUXDB_V2_TOKEN", "t", /InfluxDB 2/],
    ["INFLUXDB_V2_URL", "http://x:8086", /InfluxDB 2/],
    ["INSTANCE_ID", "LSA99ZZ", ["ocs.agents[0].instanceId", "LSA99ZZ"]],
    ["INSTANCE_ID", "aggregator", ["ocs.aggregator.instanceId", "aggregator"]],
    ["INSTANCE_ID", "influxagent", ["ocs.publisher.instanceId", "influxagent"]],
    ["INSTANCE_ID", "registry", ["ocs.registry.instanceId", "registry"]],
    ["LOGLEVEL", "DEBUG", ["ocs.logLevel", "debug"]],
    ["OCS_ADDRESS_ROOT", "observatory", ["ocs.crossbar.addressRoot", "observatory"]],
    ["OCS_CONFIG_DIR", "/etc/ocs-site-configs/", ["ocs.siteConfigDirectory", "/etc/ocs-site-configs"]],
    ["OCS_CROSSBAR_PORT", "8002", ["ocs.crossbar.hostPort", 8002]],
    ["OCS_CROSSBAR_PORT", "8002", /not what Crossbar reads while OCS_PORT is set/, { OCS_PORT: "8001" }],
    ["OCS_CROSSBAR_REALM", "lab", ["ocs.crossbar.realm", "lab"]],
    ["OCS_CROSSBAR_REALM", "lab", /while OCS_REALM is set/, { OCS_REALM: "other" }],
    ["OCS_PORT", "8003", ["ocs.crossbar.hostPort", 8003]],
    ["OCS_REALM", "lab", ["ocs.crossbar.realm", "lab"]],
    ["PYTHONUNBUFFERED", "1", /always so/],
    ["SITE_HTTP", "http://10.10.10.2:8001/call", /worked out/, { SITE_HUB: "ws://10.10.10.2:8001/ws" }],
    ["SITE_HTTP", "http://10.10.10.3:8001/call", /another server or port/, { SITE_HUB: "ws://10.10.10.2:8001/ws" }],
    ["SITE_HTTP", "http://10.10.10.2:8001/call", /needs SITE_HUB/],
    ["SITE_HUB", "ws://10.10.10.2:8001/ws", ["ocs.crossbar.server", "10.10.10.2"]],
    ["SITE_HUB", "ws://127.0.0.1:8002/ws", ["ocs.crossbar.hostPort", 8002]],
    ["SITE_HUB", "ws://crossbar:8001/ws", ["ocs.crossbar.hostPort", 8001]],
    ["SITE_HUB", "10.10.10.2", /no address such as ws:/],
    ["MAX_POINTS", "1000", /no variable that OCS's documentation gives a meaning/],
    ["OCS_CONFIG_DIR", "", /empty/],
  ]);
});

describe("a settings file of another system", () => {
  it("of COPED becomes a valid stack of its environment", async () => {
    const { settings, secrets, environment, compose } = await importOf(
      "coped",
      [
        "ENVIRONMENT=DEVELOPMENT  # or PRODUCTION",
        "DJANGO_SECRET_KEY=key",
        'DJANGO_ALLOWED_HOSTS="localhost 127.0.0.1 [::1]"',
        "  # add your hosts here",
        "POSTGRES_USER=clerk",
        "POSTGRES_PASSWORD=password # the user's",
        "POSTGRES_DB=coped_development",
        "ELASTICSEARCH_PASSWORD=elastic's",
      ].join("\n"),
    );
    assert.deepEqual(settings, {
      application: { allowedHosts: ["localhost", "127.0.0.1"] },
      database: { userName: "clerk", databaseName: "coped_development" },
    });
    assert.deepEqual(secrets, {
      copedDjangoSecretKey: "key",
      copedPostgresPassword: "password",
      copedElasticsearchPassword: "elastic's",
    });
    parseStack({
      stack: "x",
      values: { environment, coped: settings, ...secrets },
      encrypted: new Set(Object.keys(secrets)),
    });
    assert.deepEqual(
      [compose.name, compose.database?.volume, compose.database?.databaseName, compose.database?.userName],
      [undefined, "postgresql_volume", "coped_development", "clerk"],
    );
  });

  it("of OCS becomes a valid stack, with an agent and a Crossbar elsewhere", async () => {
    const { settings, remarks, compose } = await importOf(
      "ocs",
      [
        "export OCS_CONFIG_DIR=${HOME}/ocs-site-configs",
        "INSTANCE_ID=LSA99ZZ",
        "SITE_HUB=ws://10.10.10.2:8002/ws",
        "SITE_HTTP=http://10.10.10.2:8002/call",
      ].join("\n"),
    );
    assert.deepEqual(settings, {
      siteConfigDirectory: "/home/me/ocs-site-configs",
      agents: [{ instanceId: "LSA99ZZ" }],
      crossbar: { server: "10.10.10.2", container: false, hostPort: 8002 },
    });
    parseStack({ stack: "x", values: { environment: "dev", ocs: settings }, encrypted: new Set() });
    assert.ok(remarks.some((remark) => remark.includes("Crossbar is on 10.10.10.2")));
    assert.deepEqual(compose, {});
  });

  it("is known by the variables that no other system has", () => {
    const system = (text: string) => recognised(text, ".env", undefined).system;
    assert.equal(system("export CAMCOPS_DOCKER_CAMCOPS_HOST_PORT=443"), "camcops");
    assert.equal(system("POSTGRES_DB=x\nELASTICSEARCH_PASSWORD=y"), "coped");
    assert.equal(system("ALLOWED_HOSTS=x\nCOMPOSE_UID=1000"), "siddata");
    assert.equal(system("COMPOSE_PROJECT_NAME=x\nOCS_CONFIG_DIR=/x"), "ocs");
    assert.equal(recognised("ALLOWED_HOSTS=x", ".env", "siddata").system, "siddata");
  });

  it("that may be of several systems, or of none, is refused with what to type", () => {
    const problem = (text: string, wanted?: string) => {
      try {
        recognised(text, "/srv/.env", wanted);
      } catch (error) {
        return (error as Error).message;
      }
      return "";
    };
    assert.match(
      problem("ALLOWED_HOSTS=x"),
      /^\/srv\/\.env may be of COPED or Siddata.*--system coped or --system siddata$/,
    );
    assert.match(problem("COMPOSE_UID=1\nOCS_CONFIG_DIR=/x"), /--system ocs or --system siddata$/);
    assert.match(
      problem("X=1"),
      /sets no variable of a system.*COPED: ELASTICSEARCH_PASSWORD.*--system camcops\|coped/,
    );
    assert.match(problem("X=1", "nextcloud"), /There is no system "nextcloud"\. --system takes one of: camcops, coped/);
  });
});
