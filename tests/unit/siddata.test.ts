import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import * as pulumi from "@pulumi/pulumi";
import type { Environment } from "../../settings/environment.ts";
import { siddataSettings } from "../../settings/siddata/settings.ts";
import { Siddata, type SiddataSecrets } from "../../systems/siddata/siddata.ts";
import { hardened, hardenedOptions } from "../hardened.ts";
import type { Recorded } from "../mocks.ts";
import { generatedPassword } from "../provider-outputs.ts";
import { described, differences, isMadeAfter, named, recordOnHost } from "../recorded.ts";
import { findSecrets } from "../secret-search.ts";

const images = {
  backend: "backend:1",
  db: "postgres:15",
  adminer: "adminer:4",
  proxy: "nginx:1",
  tfServing: "serving:2",
};
const template = fileURLToPath(new URL("../../templates/django", import.meta.url));

interface Deployment {
  environment?: Environment;
  settings?: Record<string, unknown>;
  secrets?: () => SiddataSecrets;
  preview?: boolean;
  inspect?: (siddata: Siddata) => unknown;
}

/** Deploys Siddata with pulled images, so that no test depends on the content of `images/`. */
async function recordSiddata({ environment = "dev", settings = {}, secrets, preview, inspect }: Deployment = {}) {
  return recordOnHost(
    (host, options) => {
      const parsed = siddataSettings.parse({ images, ...settings });
      const siddata = new Siddata(
        "siddata",
        { host, environment, settings: parsed, secrets: secrets?.() ?? {} },
        options,
      );
      inspect?.(siddata);
    },
    { preview: preview ?? false },
  );
}

const containerType = "docker:index/container:Container";

/** The containers of services and tasks: name in Docker, by the service's or task's name. */
function containers(recorded: Recorded[]): Record<string, Recorded> {
  const entries = recorded.flatMap((resource) => {
    if (resource.type !== containerType || !resource.name.endsWith("-container")) return [];
    const { labels } = resource.inputs as { labels: { label: string; value: string }[] };
    const own = labels.find(({ label }) => label === "slipway.service" || label === "slipway.task");
    return own === undefined ? [] : [[own.value, resource] as const];
  });
  return Object.fromEntries(entries);
}

const inputsOf = (recorded: Recorded[], member: string) => containers(recorded)[member]?.inputs ?? {};

function publications(recorded: Recorded[]): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(containers(recorded)).flatMap(([member, { inputs }]) => {
      const ports = (inputs["ports"] ?? []) as { ip: string; external: number; internal: number }[];
      if (ports.length === 0) return [];
      return [[member, ports.map(({ ip, external, internal }) => `${ip}:${external}:${internal}`)]];
    }),
  );
}

const networksOf = (recorded: Recorded[], member: string) =>
  (inputsOf(recorded, member)["networksAdvanced"] as { name: string }[]).map(({ name }) => name);

describe("Siddata in dev", () => {
  let recorded: Recorded[];
  let siddata: Siddata | undefined;

  before(async () => {
    recorded = await recordSiddata({ inspect: (made) => (siddata = made) });
  });

  it("runs these services and tasks, each published service on the loopback address", () => {
    assert.deepEqual(Object.keys(containers(recorded)).sort(), [
      "adminer",
      "backend",
      "db",
      "migrate",
      "superuser",
      "tf_serving",
    ]);
    assert.deepEqual(publications(recorded), {
      adminer: ["127.0.0.1:8080:8080"],
      backend: ["127.0.0.1:8000:8000"],
      db: ["127.0.0.1:5432:5432"],
      tf_serving: ["127.0.0.1:8500:8500", "127.0.0.1:8501:8501"],
    });
  });

  it("keeps database and models on internal networks, which only those join who need them", () => {
    assert.deepEqual(
      Object.fromEntries(Object.keys(containers(recorded)).map((member) => [member, networksOf(recorded, member)])),
      {
        adminer: ["siddata-database", "siddata-adminer-edge"],
        backend: ["siddata-database", "siddata-models", "siddata-backend-edge"],
        db: ["siddata-database", "siddata-db-edge"],
        migrate: ["siddata-database", "siddata-models"],
        superuser: ["siddata-database", "siddata-models"],
        tf_serving: ["siddata-models", "siddata-tf-serving-edge"],
      },
    );
    const networks = recorded.filter(({ type }) => type === "docker:index/network:Network");
    const internal = networks.filter(({ inputs }) => inputs["internal"] === true).map(({ inputs }) => inputs["name"]);
    assert.deepEqual(internal.sort(), ["siddata-database", "siddata-models"]);
  });

  it("runs the code of a folder of the host, and migrates by itself", async () => {
    const folder = "/home/me/siddata";
    const own = await recordSiddata({
      settings: { userId: 1234, backend: { folder, settingsModule: "own.settings" } },
    });
    const { command, volumes, envs, user } = inputsOf(own, "backend") as {
      command: string[];
      volumes: unknown[];
      envs: string[];
      user: string;
    };
    assert.deepEqual(command, ["python", "manage.py", "runserver", "0.0.0.0:8000"]);
    assert.deepEqual(volumes[0], { hostPath: folder, containerPath: "/app", readOnly: false });
    assert.equal(user, "1234:1234");
    for (const variable of ["DEBUG=true", "DJANGO_SETTINGS_MODULE=own.settings", "ALLOWED_HOSTS=localhost,127.0.0.1"]) {
      assert.ok(envs.includes(variable), variable);
    }
    assert.equal(inputsOf(own, "migrate")["attach"], true);
    assert.ok(isMadeAfter(own, "siddata-backend-service-container", "siddata-db-service-healthy"));
  });

  it("builds and runs the template where no application is named", async () => {
    const others = { ...images, backend: undefined };
    const own = await recordSiddata({ settings: { images: others } });
    assert.match(String(named(own, "siddata-backend-image-image").inputs["name"]), /^slipway\/siddata-backend:local-/);
    const { volumes } = inputsOf(own, "backend") as { volumes: { hostPath?: string }[] };
    assert.equal(volumes[0]?.hostPath, template);
  });

  it("has Adminer, whose address is a form that lacks the password only", () => {
    const { inputs, options } = named(recorded, "siddata-adminer-container");
    const own = { "slipway.service": "adminer", "slipway.operations": JSON.stringify({ version: 1, shell: ["bash"] }) };
    assert.deepEqual(inputs, {
      ...hardened({ name: "siddata-adminer", reference: "adminer:4", user: 1000, own, system: "siddata" }),
      networksAdvanced: [
        { name: "siddata-database", aliases: [] },
        { name: "siddata-adminer-edge", aliases: [] },
      ],
      ports: [{ ip: "127.0.0.1", external: 8080, internal: 8080 }],
      memory: 256,
      restart: "unless-stopped",
      stopSignal: "SIGINT",
      healthcheck: {
        tests: ["CMD", "php", "-r", 'exit(@file_get_contents("http://127.0.0.1:8080/") === false ? 1 : 0);'],
        interval: "5s",
        timeout: "5s",
        retries: 3,
        startPeriod: "1m0s",
      },
    });
    assert.deepEqual(options, {
      ...hardenedOptions,
      hooks: ["beforeCreate"],
      dependsOn: [
        "host-state",
        "siddata-adminer-edge-network-network",
        "siddata-adminer-image-image",
        "siddata-database-network-network",
      ],
    });
    assert.equal(siddata?.adminerUrl, "http://127.0.0.1:8080/?pgsql=db&username=siddata&db=siddata");
  });

  it("has TF Serving, which serves the models of a volume or of a folder", async () => {
    const { inputs } = named(recorded, "siddata-tf-serving-container");
    const own = {
      "slipway.service": "tf_serving",
      "slipway.operations": JSON.stringify({ version: 1, shell: ["bash"] }),
    };
    assert.deepEqual(inputs, {
      ...hardened({ name: "siddata-tf_serving", reference: "serving:2", user: 1000, own, system: "siddata" }),
      envs: ["TZ=UTC", "MODEL_NAME=siddata"],
      volumes: [{ volumeName: "siddata-models", containerPath: "/models", readOnly: true }],
      networksAdvanced: [
        { name: "siddata-models", aliases: ["tf_serving"] },
        { name: "siddata-tf-serving-edge", aliases: [] },
      ],
      ports: [
        { ip: "127.0.0.1", external: 8500, internal: 8500 },
        { ip: "127.0.0.1", external: 8501, internal: 8501 },
      ],
      memory: 2048,
      restart: "unless-stopped",
      healthcheck: {
        tests: [
          "CMD",
          "bash",
          "-c",
          "exec 3<>/dev/tcp/127.0.0.1/8501; printf 'GET /v1/models/%s HTTP/1.0\\r\\n\\r\\n' \"$MODEL_NAME\" >&3; " +
            "grep --quiet AVAILABLE <&3",
        ],
        interval: "5s",
        timeout: "5s",
        retries: 3,
        startPeriod: "4m0s",
      },
    });
    const chosen = { tfServing: { modelName: "topics", modelFolder: "/srv/models" } };
    const changed = inputsOf(await recordSiddata({ settings: chosen }), "tf_serving");
    assert.deepEqual(changed["envs"], ["TZ=UTC", "MODEL_NAME=topics"]);
    assert.deepEqual(changed["volumes"], [{ hostPath: "/srv/models", containerPath: "/models", readOnly: true }]);
  });

  it("takes its image of TF Serving from a registry, by exact tag", async () => {
    const others = { ...images, tfServing: undefined };
    const { inputs } = named(await recordSiddata({ settings: { images: others } }), "siddata-tfServing-image-image");
    assert.deepEqual(inputs, { name: "docker.io/tensorflow/serving:2.18.0", keepLocally: true });
  });

  it("does without what is left out", async () => {
    const without = await recordSiddata({
      settings: { adminer: { container: false }, tfServing: { container: false } },
    });
    const { removed, added } = differences(recorded, without);
    assert.deepEqual(added, []);
    assert.ok(removed.every((name) => /^siddata-(adminer|tf-serving|tfServing|models)/.test(name)));
    assert.deepEqual(Object.keys(containers(without)).sort(), ["backend", "db", "migrate", "superuser"]);
  });

  it("mounts an earlier installation's volume by its name, and owns none for the database then", async () => {
    const own = await recordSiddata({ settings: { db: { volume: "old", volumeFolder: "pgdata" } } });
    const { removed, added } = differences(recorded, own);
    assert.deepEqual([removed, added], [["siddata-db-data-volume"], []]);
    const { volumes, envs } = inputsOf(own, "db") as { volumes: unknown[]; envs: string[] };
    assert.deepEqual(volumes[0], { volumeName: "old", containerPath: "/var/lib/postgresql/data", readOnly: false });
    assert.ok(envs.includes("PGDATA=/var/lib/postgresql/data/pgdata"));
  });

  it("keeps the documented names of containers when it is told to, and the data with it", async () => {
    const renamed = await recordSiddata({ settings: { documentedNames: true } });
    const names = Object.fromEntries(
      Object.entries(containers(renamed)).map(([member, { inputs }]) => [member, inputs["name"]]),
    );
    assert.deepEqual(names, {
      adminer: "docker_pgres_adminer_1",
      backend: "siddata_server_backend_1",
      db: "siddata_server_db_1",
      migrate: "siddata-migrate",
      superuser: "siddata-superuser",
      tf_serving: "siddata_tfserving_1",
    });
    const data = (all: Recorded[]) => described(all).filter(({ options }) => options.protect === true);
    assert.deepEqual(data(renamed), data(recorded));
  });

  it("says where it is reached", () => {
    assert.deepEqual(siddata?.summary, {
      name: "siddata",
      title: "Siddata",
      url: "http://localhost:8000",
      probe: { address: "127.0.0.1", port: 8000, path: "/health_check/?format=json" },
      superuser: "admin",
      passwordOutput: "siddataSuperuserPassword",
      passwordIsInitial: true,
    });
  });

  it("shows no secret in plain text anywhere", async () => {
    const chosen = {
      databasePassword: "the database's",
      secretKey: "the key of Django",
      superuserPassword: "the first's",
    };
    const secrets = () => ({
      databasePassword: pulumi.secret(chosen.databasePassword),
      secretKey: pulumi.secret(chosen.secretKey),
      superuserPassword: pulumi.secret(chosen.superuserPassword),
    });
    const given = await recordSiddata({ secrets });
    const made = ["database-password", "secret-key", "superuser-password"].map((each) =>
      generatedPassword(`siddata-${each}-password`),
    );
    assert.deepEqual(findSecrets(described(recorded), made), []);
    assert.deepEqual(findSecrets(described(given), [...Object.values(chosen), ...made]), []);
    // The search does find them where they are, once the marks are gone.
    const unmarked = JSON.parse(JSON.stringify(described(given)).replaceAll('"secret":', '"plain":')) as unknown;
    const found = new Set(findSecrets(unmarked, Object.values(chosen)).map(({ secret }) => secret));
    assert.deepEqual([...found].sort(), Object.values(chosen).sort());
  });

  it("declares the same resources in the preview of a first deployment, in which nothing is known yet", async () => {
    const preview = await recordSiddata({ preview: true });
    assert.deepEqual(
      preview.map(({ name }) => name),
      recorded.map(({ name }) => name),
    );
  });
});

describe("Siddata in production", () => {
  let recorded: Recorded[];
  let siddata: Siddata;
  const settings = { backend: { allowedHosts: [".siddata.example.org"] } };

  before(async () => {
    recorded = await recordSiddata({ environment: "prod", settings, inspect: (made) => (siddata = made) });
  });

  it("publishes nginx and nothing else, and has no Adminer", () => {
    assert.deepEqual(publications(recorded), { proxy: ["0.0.0.0:80:8080"] });
    assert.deepEqual(Object.keys(containers(recorded)).sort(), [
      "backend",
      "collectstatic",
      "db",
      "migrate",
      "proxy",
      "superuser",
      "tf_serving",
    ]);
    assert.equal(siddata.adminerUrl, undefined);
    assert.deepEqual(networksOf(recorded, "db"), ["siddata-database"]);
    assert.deepEqual(networksOf(recorded, "tf_serving"), ["siddata-models"]);
    assert.deepEqual(networksOf(recorded, "proxy"), ["siddata-web", "siddata-proxy-edge"]);
  });

  it("runs the image's own code and command, without debugging", () => {
    const { command, envs, volumes } = inputsOf(recorded, "backend") as {
      command?: string[];
      envs: string[];
      volumes: { hostPath?: string }[];
    };
    assert.equal(command, undefined);
    assert.ok(envs.includes("DEBUG=false"));
    assert.ok(envs.includes("ALLOWED_HOSTS=.siddata.example.org,127.0.0.1"));
    assert.deepEqual(
      volumes.filter(({ hostPath }) => hostPath !== undefined),
      [],
    );
  });

  it("leaves migration and superuser to those who run them by hand, unless told otherwise", async () => {
    for (const task of ["migrate", "superuser"]) assert.equal(inputsOf(recorded, task)["start"], false, task);
    const told = { ...settings, backend: { ...settings.backend, migrate: true } };
    const migrating = await recordSiddata({ environment: "prod", settings: told });
    for (const task of ["migrate", "superuser"]) assert.equal(inputsOf(migrating, task)["attach"], true, task);
  });

  it("has nginx, as the backend's user, find the backend by a socket where it is replaced without downtime", async () => {
    const backend = { ...settings.backend, withoutDowntime: true };
    const overlapping = await recordSiddata({ environment: "prod", settings: { ...settings, backend } });
    const { removed, added } = differences(recorded, overlapping);
    assert.deepEqual(removed, []);
    assert.deepEqual(added, [
      "siddata-backend-backend-files-revision",
      "siddata-backend-service-revision",
      "siddata-sockets",
      "siddata-sockets-volume",
    ]);
    const { user, volumes } = inputsOf(overlapping, "proxy") as { user: string; volumes: { volumeName: string }[] };
    assert.equal(user, "1000:1000");
    assert.deepEqual(
      volumes.map(({ volumeName }) => volumeName),
      ["siddata-sockets", "siddata-static", named(overlapping, "siddata-proxy-files-volume").inputs["name"]],
    );
    const { uploads } = named(overlapping, "siddata-proxy-files-carrier").inputs as {
      uploads: { secret: { content: string }[] };
    };
    assert.match(uploads.secret[0]?.content ?? "", /set \$upstream http:\/\/unix:\/run\/sockets\/current;/);
  });

  it("keeps folders of the application in volumes of their own", async () => {
    const told = { ...settings, backend: { ...settings.backend, dataFolders: ["/srv/media"] } };
    const keeping = await recordSiddata({ environment: "prod", settings: told });
    const { added } = differences(recorded, keeping);
    assert.deepEqual(added, ["siddata-srv-media", "siddata-srv-media-volume"]);
    const { volumes, labels } = inputsOf(keeping, "backend") as {
      volumes: { containerPath: string }[];
      labels: { label: string; value: string }[];
    };
    assert.deepEqual(volumes[0], { volumeName: "siddata-srv-media", containerPath: "/srv/media", readOnly: false });
    const { value = "{}" } = labels.find(({ label }) => label === "slipway.operations") ?? {};
    assert.deepEqual((JSON.parse(value) as { savedFolders: unknown }).savedFolders, ["/srv/media"]);
  });

  it("says where it is reached", () => {
    assert.equal(siddata.summary.url, "http://siddata.example.org");
    assert.deepEqual(siddata.summary.probe, { address: "127.0.0.1", port: 80, path: "/health_check/?format=json" });
  });
});
