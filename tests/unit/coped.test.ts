import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { nginxConfig } from "../../components/nginx-config.ts";
import { copedSettings } from "../../settings/coped/settings.ts";
import { copedSystem } from "../../settings/coped/system.ts";
import type { Environment } from "../../settings/environment.ts";
import type { StackInput } from "../../settings/explain.ts";
import { parseStack } from "../../settings/parse.ts";
import { SettingsError } from "../../settings/problems.ts";
import { Coped, type CopedSecrets } from "../../systems/coped/coped.ts";
import type { Recorded } from "../mocks.ts";
import { described, differences, isMadeAfter, named, recordOnHost } from "../recorded.ts";
import { findSecrets } from "../secret-search.ts";

const images = { web: "web:1", nginx: "nginx:1", db: "postgres:1", elasticsearch: "elasticsearch:1", voila: "voila:1" };

let coped: Coped | undefined;

/** Deploys COPED with pulled images, so that no test depends on the content of `images/`. */
function recordCoped(
  environment: Environment,
  own: Record<string, unknown> = {},
  secrets: () => CopedSecrets = () => ({}),
) {
  return recordOnHost((host, options) => {
    const settings = copedSettings.parse({ images, ...own });
    coped = new Coped("coped", { host, environment, settings, secrets: secrets() }, options);
  });
}

/** The containers of services and tasks. */
function containers(recorded: Recorded[]): Recorded[] {
  return recorded.filter(
    ({ type, name }) => type === "docker:index/container:Container" && name.endsWith("-container"),
  );
}

/** By network: the containers on it, and by what names. */
function members(recorded: Recorded[]): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const { inputs } of containers(recorded)) {
    for (const { name } of inputs["networksAdvanced"] as { name: string }[]) {
      (found[name] ??= []).push(String(inputs["name"]));
    }
  }
  return Object.fromEntries(Object.entries(found).map(([network, names]) => [network, names.sort()]));
}

function published(recorded: Recorded[]): Record<string, unknown> {
  return Object.fromEntries(
    containers(recorded).flatMap(({ inputs }) => {
      const ports = (inputs["ports"] ?? []) as unknown[];
      return ports.length === 0 ? [] : [[String(inputs["name"]), ports]];
    }),
  );
}

function nginxFile(recorded: Recorded[]): string | undefined {
  const { uploads } = named(recorded, "coped-nginx-files-carrier").inputs as {
    uploads: { secret: { content: string }[] };
  };
  return uploads.secret[0]?.content;
}

const taskNames = (recorded: Recorded[], isManual: boolean) =>
  containers(recorded)
    .filter(({ inputs }) => inputs["restart"] === "no" && (inputs["start"] === false) === isManual)
    .map(({ inputs }) => String(inputs["name"]))
    .sort();

describe("Coped in production", () => {
  let recorded: Recorded[];

  before(async () => {
    recorded = await recordCoped("prod");
  });

  it("has data services on an internal network, the application between, and nginx alone on the edge", () => {
    const kinds = recorded
      .filter(({ type }) => type === "docker:index/network:Network")
      .map(({ inputs }) => [inputs["name"], inputs["internal"]]);
    assert.deepEqual(kinds, [
      ["coped-app", true],
      ["coped-data", true],
      ["coped-edge", false],
    ]);
    const tasks = ["coped-collectstatic", "coped-migrate", "coped-superuser"];
    assert.deepEqual(members(recorded), {
      "coped-app": [...tasks, "coped-nginx", "coped-voila", "coped-web"].sort(),
      "coped-data": [...tasks, "coped-db", "coped-elasticsearch", "coped-web"].sort(),
      "coped-edge": ["coped-nginx"],
    });
    assert.deepEqual(published(recorded), { "coped-nginx": [{ ip: "127.0.0.1", external: 1337, internal: 8080 }] });
  });

  it("runs its image's own command, from volumes alone", () => {
    const { inputs } = named(recorded, "coped-web-service-container");
    assert.equal(inputs["command"], undefined);
    for (const { name, inputs: each } of containers(recorded)) {
      for (const mount of each["volumes"] as object[]) assert.ok("volumeName" in mount, name);
    }
    const variables = inputs["envs"] as string[];
    for (const variable of [
      "DEBUG=false",
      "WEB_CONCURRENCY=2",
      "POSTGRES_HOST=db",
      "ELASTICSEARCH_URL=http://elasticsearch:9200",
      "ELASTICSEARCH_USER=elastic",
      "ELASTICSEARCH_PASSWORD_FILE=/run/secrets/elasticsearch-password",
    ]) {
      assert.ok(variables.includes(variable), variable);
    }
  });

  it("migrates nothing by itself, and collects static files into a volume that nginx reads", () => {
    assert.deepEqual(taskNames(recorded, true), ["coped-migrate", "coped-superuser"]);
    assert.deepEqual(taskNames(recorded, false), ["coped-collectstatic"]);
    assert.deepEqual((named(recorded, "coped-nginx-service-container").inputs["volumes"] as unknown[])[0], {
      containerPath: "/srv/static",
      readOnly: true,
      volumeName: "coped-static",
    });
    assert.equal(
      nginxFile(recorded),
      nginxConfig([
        { path: "/", to: { upstream: "http://web:8000" } },
        { path: "/static/", to: { folder: "/srv/static" } },
        { path: "/voila/", to: { upstream: "http://voila:8866" }, webSockets: true },
      ]),
    );
  });

  it("has nginx, as the application's user, find it by a socket where it is replaced without downtime", async () => {
    const overlapping = await recordCoped("prod", { application: { withoutDowntime: true } });
    const { removed, added } = differences(recorded, overlapping);
    assert.deepEqual(removed, []);
    assert.deepEqual(added, [
      "coped-sockets",
      "coped-sockets-volume",
      "coped-web-service-revision",
      "coped-web-web-files-revision",
    ]);
    assert.equal(named(overlapping, "coped-nginx-service-container").inputs["user"], "1000:1000");
    assert.match(nginxFile(overlapping) ?? "", /set \$upstream http:\/\/unix:\/run\/sockets\/current;/);
  });

  it("ends kernels that are idle or slow", () => {
    assert.deepEqual(named(recorded, "coped-voila-container").inputs["command"], [
      "voila",
      "--no-browser",
      "--Voila.ip=0.0.0.0",
      "--port=8866",
      "--base_url=/voila/",
      "--MappingKernelManager.cull_interval=60",
      "--MappingKernelManager.cull_idle_timeout=600",
      "--MappingKernelManager.cull_busy=True",
      "--MappingKernelManager.cull_connected=True",
      "/notebooks",
    ]);
  });

  it("waits for the database before it runs the application, and not for the rest", () => {
    assert.ok(isMadeAfter(recorded, "coped-web-service-container", "coped-db-service-healthy"));
    assert.ok(!isMadeAfter(recorded, "coped-web-service-container", "coped-elasticsearch-service-healthy"));
  });

  it("says where it is", () => {
    assert.deepEqual(coped?.summary, {
      name: "coped",
      title: "COPED",
      url: "http://localhost:1337",
      probe: { address: "127.0.0.1", port: 1337, path: "/health_check/?format=json" },
      superuser: "admin",
      passwordOutput: "copedSuperuserPassword",
      passwordIsInitial: true,
    });
  });

  it("runs nothing as root, and limits everything", () => {
    for (const { name, inputs } of containers(recorded)) {
      assert.match(String(inputs["user"]), /^[1-9]\d*:\d+$/, name);
      assert.ok(Number(inputs["memory"]) > 0, name);
      assert.equal(inputs["readOnly"], true, name);
    }
  });
});

describe("Coped in development", () => {
  it("migrates, empties the tables where it is told to, and makes the superuser", async () => {
    assert.deepEqual(taskNames(await recordCoped("dev"), false), ["coped-migrate", "coped-superuser"]);
    const flushing = await recordCoped("dev", { flushDatabase: true });
    assert.deepEqual(taskNames(flushing, false), ["coped-flush", "coped-migrate", "coped-superuser"]);
  });

  it("runs the code of the user's folder, past nginx too, on an edge network of its own", async () => {
    const recorded = await recordCoped("dev", {
      application: { folder: "/home/me/coped" },
      bypass: { hostPort: 8001 },
      voila: { notebooks: "/home/me/notebooks" },
    });
    const { inputs } = named(recorded, "coped-web-service-container");
    assert.deepEqual(inputs["command"], ["python", "manage.py", "runserver", "0.0.0.0:8000"]);
    assert.deepEqual((inputs["volumes"] as unknown[])[0], {
      containerPath: "/app",
      readOnly: false,
      hostPath: "/home/me/coped",
    });
    assert.deepEqual((named(recorded, "coped-voila-container").inputs["volumes"] as unknown[])[0], {
      containerPath: "/notebooks",
      readOnly: true,
      hostPath: "/home/me/notebooks",
    });
    const networks = members(recorded);
    assert.deepEqual(networks["coped-bypass"], ["coped-web"]);
    assert.deepEqual(networks["coped-edge"], ["coped-nginx"]);
    assert.deepEqual(published(recorded), {
      "coped-nginx": [{ ip: "127.0.0.1", external: 1337, internal: 8080 }],
      "coped-web": [{ ip: "127.0.0.1", external: 8001, internal: 8000 }],
    });
  });

  it("mounts no code over an image from elsewhere", async () => {
    const recorded = await recordCoped("dev");
    for (const mount of named(recorded, "coped-web-service-container").inputs["volumes"] as object[]) {
      assert.ok("volumeName" in mount);
    }
  });

  it("mounts an earlier installation's volume by its name, and owns none for the database then", async () => {
    const recorded = await recordCoped("dev", { database: { volume: "old", volumeFolder: "pgdata" } });
    assert.ok(!recorded.some(({ name }) => name === "coped-db-data-volume"));
    const { volumes, envs } = named(recorded, "coped-db-service-container").inputs as {
      volumes: unknown[];
      envs: string[];
    };
    assert.deepEqual(volumes[0], { volumeName: "old", containerPath: "/var/lib/postgresql/data", readOnly: false });
    assert.ok(envs.includes("PGDATA=/var/lib/postgresql/data/pgdata"));
  });

  it("leaves out what is not wanted, and tells the application of no search engine", async () => {
    const recorded = await recordCoped("dev", { elasticsearch: { container: false }, voila: { container: false } });
    const names = containers(recorded).map(({ inputs }) => inputs["name"]);
    assert.deepEqual(names.sort(), ["coped-db", "coped-migrate", "coped-nginx", "coped-superuser", "coped-web"]);
    const variables = (named(recorded, "coped-web-service-container").inputs["envs"] as string[]).join("\n");
    assert.doesNotMatch(variables, /ELASTICSEARCH/);
    assert.doesNotMatch(nginxFile(recorded) ?? "", /voila/);
  });

  it("takes the secrets that the user chose, and shows none in plain text", async () => {
    const chosen = {
      superuserPassword: "p@ss 1",
      djangoSecretKey: "k3y 2",
      postgresPassword: "p@ss 3",
      elasticsearchPassword: "p@ss 4",
    };
    const recorded = await recordCoped("dev", {}, () =>
      Object.fromEntries(Object.entries(chosen).map(([name, value]) => [name, pulumi.secret(value)])),
    );
    const secret = JSON.stringify(
      recorded.map(({ inputs }) => inputs["uploads"]).filter((uploads) => uploads !== undefined),
    );
    for (const value of Object.values(chosen)) assert.ok(secret.includes(value), value);
    const others = described(recorded).map(({ inputs, ...resource }) => ({
      ...resource,
      inputs: { ...inputs, uploads: [] },
    }));
    assert.deepEqual(findSecrets(others, Object.values(chosen)), []);
  });
});

describe("COPED's settings", () => {
  const problems = (environment: string, own: Record<string, unknown>) => {
    const input: StackInput = { stack: "site", values: { environment, coped: own }, encrypted: new Set() };
    try {
      parseStack(input);
      return [];
    } catch (error) {
      if (error instanceof SettingsError) return error.problems.map(({ key, message }) => `${key}: ${message}`);
      throw error;
    }
  };
  const digest = (name: string) => `registry.test/${name}@sha256:${"1".repeat(64)}`;
  const pinned = { images: Object.fromEntries(Object.keys(images).map((name) => [name, digest(name)])) };

  it("ask for all images elsewhere than in dev, but not for those of services that are left out", () => {
    assert.deepEqual(problems("dev", {}), []);
    assert.deepEqual(problems("prod", pinned), []);
    const missing = problems("staging", { voila: { container: false } }).map((text) => text.split(":")[0]);
    assert.deepEqual(missing, [
      "coped.images.web",
      "coped.images.nginx",
      "coped.images.db",
      "coped.images.elasticsearch",
    ]);
  });

  it("refuse elsewhere what is for development", () => {
    const development = {
      flushDatabase: true,
      bypass: {},
      application: { folder: "/home/me/coped" },
      voila: { notebooks: "/home/me/notebooks" },
    };
    assert.deepEqual(problems("dev", development), []);
    for (const environment of ["staging", "prod"]) {
      assert.deepEqual(problems(environment, { ...pinned, ...development }), [
        `coped.flushDatabase: must be false in ${environment}, where data are to be kept`,
        `coped.bypass: must not be set in ${environment}, where the application is reached through nginx alone`,
        `coped.application.folder: must not be set in ${environment}, where the application runs from its image (coped.images.web) alone`,
        `coped.voila.notebooks: must not be set in ${environment}, where notebooks come with the image (coped.images.voila)`,
      ]);
    }
  });

  it("refuse ports that meet, variables that are decided elsewhere, and too little memory", () => {
    const clashing = {
      hostPort: 8000,
      bypass: {},
      application: { environment: { DEBUG: "true", EMAIL_HOST: "mail.test" }, withoutDowntime: true },
      services: { elasticsearch: { memory: 512 } },
    };
    assert.deepEqual(problems("dev", clashing), [
      "coped.bypass.hostPort: must differ from coped.hostPort: a port of the host serves one service only",
      "coped.application.environment.DEBUG: must not be set here: it is decided by the stack's environment",
      "coped.services.elasticsearch.memory: must be at least 1024 MiB, half of which is Elasticsearch's heap",
      "coped.application.withoutDowntime: must not be true in dev, where Django's own server runs and starts anew when the code changes",
    ]);
    assert.deepEqual(
      problems("dev", { ...clashing, hostPort: 1, application: {}, elasticsearch: { container: false } }),
      [],
    );
  });

  it("warn of passwords that travel unencrypted, and of emptied tables", () => {
    const warnings = (own: Record<string, unknown>) => copedSystem.needs(copedSettings.parse(own)).warnings;
    assert.deepEqual(warnings({}), []);
    assert.match(
      warnings({ hostAddress: "0.0.0.0" }).join(),
      /^coped\.hostAddress: 0\.0\.0\.0 is reachable from elsewhere/,
    );
    assert.match(warnings({ flushDatabase: true }).join(), /^coped\.flushDatabase: is true/);
  });

  it("are checked against the folders of the host", async () => {
    const folder = await mkdtemp(join(tmpdir(), "coped-settings-"));
    try {
      const check = async (own: Record<string, unknown>) => {
        const { findings } = await copedSystem.needs(copedSettings.parse(own)).checkFiles();
        return findings.map(({ key, message }) => `${key}: ${message}`);
      };
      const own = { application: { folder }, voila: { notebooks: join(folder, "notebooks") } };
      assert.deepEqual(await check(own), [
        "coped.application.folder: must be a folder of the host that holds Dockerfile",
        "coped.voila.notebooks: must be an existing folder of the host",
      ]);
      await writeFile(join(folder, "Dockerfile"), "FROM base\n");
      await mkdir(join(folder, "notebooks"));
      assert.deepEqual(await check(own), []);
      assert.deepEqual(await check({}), []);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
