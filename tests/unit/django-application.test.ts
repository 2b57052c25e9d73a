import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import { DjangoApplication, type DjangoApplicationArgs } from "../../components/django-application.ts";
import type { Host } from "../../components/host.ts";
import { Image } from "../../components/image.ts";
import { Network } from "../../components/network.ts";
import { SocketVolume } from "../../components/socket-volume.ts";
import { Volume } from "../../components/volume.ts";
import { hardened, labels, ownerLabels } from "../hardened.ts";
import type { Recorded } from "../mocks.ts";
import { stateId } from "../provider-outputs.ts";
import { described, isMadeAfter, named, recordOnHost } from "../recorded.ts";
import { findSecrets } from "../secret-search.ts";

const secrets = { database: "p@ss of db", key: "k3y of django", superuser: "p@ss of the chief", mail: "p@ss of mail" };

const script = readFileSync(new URL("../../components/django-superuser.py", import.meta.url), "utf8");
const takeOverScript = readFileSync(new URL("../../components/django-take-over.py", import.meta.url), "utf8");

type Own = (host: Host, options: pulumi.ComponentResourceOptions) => Partial<DjangoApplicationArgs>;

async function recordApplication(own: Own = () => ({})) {
  return recordOnHost((host, options) => {
    new DjangoApplication(
      "app",
      {
        host,
        system: "shop",
        service: "web",
        prefix: "shop",
        image: new Image("image", { host, source: { pull: "app:1" } }, options),
        userId: 1234,
        groupId: 1235,
        memory: 256,
        networks: [new Network("net", { host, system: "shop", networkName: "shop_net", kind: "internal" }, options)],
        database: {
          server: "db",
          port: 5432,
          name: "wares",
          userName: "clerk",
          password: pulumi.secret(secrets.database),
        },
        secretKey: pulumi.secret(secrets.key),
        allowedHosts: ["shop.test", "127.0.0.1"],
        healthPath: "/health",
        isDeveloped: false,
        migrates: false,
        superuser: { username: "chief", password: pulumi.secret(secrets.superuser) },
        ...own(host, options),
      },
      options,
    );
  });
}

const envs = [
  "TZ=UTC",
  "DJANGO_SECRET_KEY_FILE=/run/secrets/django-secret-key",
  "POSTGRES_PASSWORD_FILE=/run/secrets/postgres-password",
  "POSTGRES_HOST=db",
  "POSTGRES_PORT=5432",
  "POSTGRES_DB=wares",
  "POSTGRES_USER=clerk",
  "ALLOWED_HOSTS=shop.test,127.0.0.1",
  "CSRF_TRUSTED_ORIGINS=",
  "DEBUG=false",
  "DJANGO_STATIC_ROOT=/srv/static",
];

/** The containers that run a process of the application, by their names. */
function processes(recorded: Recorded[]): string[] {
  return recorded
    .filter(({ type, name }) => type === "docker:index/container:Container" && name.endsWith("-container"))
    .map(({ inputs }) => String(inputs["name"]));
}

const commandOf = (recorded: Recorded[], name: string) => named(recorded, name).inputs["command"];

describe("DjangoApplication", () => {
  it("runs its image's own command, with settings in variables and secrets in files", async () => {
    const recorded = await recordApplication();
    const own = {
      "slipway.service": "web",
      "slipway.operations": JSON.stringify({
        version: 1,
        main: true,
        shell: ["bash"],
        actions: {
          "superuser-create": ["python", "-c", script, "create", "/dev/stdin"],
          "superuser-password": ["python", "-c", script, "password", "/dev/stdin"],
        },
      }),
      "slipway.files": named(recorded, "app-web-files-carrier").id,
    };
    assert.deepEqual(named(recorded, "app-service-container").inputs, {
      ...hardened({ name: "shop-web", reference: "app:1", user: 1234, own }),
      user: "1234:1235",
      tmpfs: { "/tmp": "uid=1234,gid=1235" },
      envs,
      volumes: [
        {
          containerPath: "/run/secrets",
          readOnly: true,
          volumeName: named(recorded, "app-web-files-volume").inputs["name"],
        },
      ],
      networksAdvanced: [{ name: "shop_net", aliases: ["web"] }],
      ports: [],
      memory: 256,
      restart: "unless-stopped",
      healthcheck: {
        tests: [
          "CMD",
          "python",
          "-c",
          "import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=4)",
          "http://127.0.0.1:8000/health",
        ],
        interval: "5s",
        timeout: "5s",
        retries: 3,
        startPeriod: "2m0s",
      },
    });
  });

  it("leaves the migration and the superuser to be made by hand, where it does not migrate", async () => {
    const recorded = await recordApplication();
    assert.deepEqual(processes(recorded), ["shop-migrate", "shop-web", "shop-superuser"]);
    for (const [task, command] of [
      ["migrate", ["python", "manage.py", "migrate", "--no-input"]],
      ["superuser", ["python", "-c", script, "ensure", "/run/superuser/password", "chief"]],
    ] as const) {
      const { inputs, options } = named(recorded, `app-${task}-container`);
      assert.deepEqual([inputs["command"], inputs["start"], inputs["attach"]], [command, false, undefined], task);
      assert.deepEqual(options.hooks, ["beforeCreate"], task);
    }
  });

  it("migrates before it makes the superuser, and both before it runs, where it migrates", async () => {
    const recorded = await recordApplication(() => ({ migrates: true }));
    for (const task of ["migrate", "superuser"]) {
      const { inputs, options } = named(recorded, `app-${task}-container`);
      assert.deepEqual([inputs["start"], inputs["attach"]], [undefined, true], task);
      assert.deepEqual(options.hooks, ["afterCreate", "beforeCreate"], task);
    }
    assert.ok(isMadeAfter(recorded, "app-superuser-container", "app-migrate-container"));
    assert.ok(isMadeAfter(recorded, "app-service-container", "app-superuser-container"));
  });

  it("makes the superuser anew whenever it has emptied the tables", async () => {
    const recorded = await recordApplication(() => ({ migrates: true, flushesDatabase: true }));
    assert.deepEqual(commandOf(recorded, "app-flush-container"), ["python", "manage.py", "flush", "--no-input"]);
    assert.ok(isMadeAfter(recorded, "app-flush-container", "app-migrate-container"));
    const { envs: variables } = named(recorded, "app-superuser-container").inputs as { envs: string[] };
    assert.ok(variables.includes(`FLUSHED_BY=${named(recorded, "app-flush-container").id}`));
  });

  it("collects static files into a volume before it runs", async () => {
    const recorded = await recordApplication((_, options) => ({
      staticFiles: new Volume("static", { volumeName: "shop_static" }, options),
    }));
    const { inputs } = named(recorded, "app-collectstatic-container");
    assert.deepEqual(inputs["command"], ["python", "manage.py", "collectstatic", "--no-input"]);
    assert.deepEqual((inputs["volumes"] as unknown[])[0], {
      containerPath: "/srv/static",
      readOnly: false,
      volumeName: "shop_static",
    });
    assert.ok(isMadeAfter(recorded, "app-service-container", "app-collectstatic-container"));
    const { volumes } = named(recorded, "app-service-container").inputs as { volumes: unknown[] };
    assert.equal(volumes.length, 1);
  });

  it("runs in development the code of a folder of the host under Django's own server, at a port of its own", async () => {
    const recorded = await recordApplication((host, options) => ({
      isDeveloped: true,
      code: { folder: "/home/me/app", target: "/code" },
      published: {
        network: new Network("edge", { host, system: "shop", networkName: "shop_edge", kind: "edge" }, options),
        address: "127.0.0.1",
        hostPort: 8000,
      },
    }));
    const { inputs } = named(recorded, "app-service-container");
    assert.deepEqual(inputs["command"], ["python", "manage.py", "runserver", "0.0.0.0:8000"]);
    assert.deepEqual((inputs["volumes"] as unknown[])[0], {
      containerPath: "/code",
      readOnly: false,
      hostPath: "/home/me/app",
    });
    assert.deepEqual(inputs["networksAdvanced"], [
      { name: "shop_net", aliases: ["web"] },
      { name: "shop_edge", aliases: ["web"] },
    ]);
    assert.deepEqual(inputs["ports"], [{ ip: "127.0.0.1", external: 8000, internal: 8000 }]);
    assert.ok((inputs["envs"] as string[]).includes("DEBUG=true"));
    assert.deepEqual(named(recorded, "app-migrate-container").inputs["networksAdvanced"], [
      { name: "shop_net", aliases: [] },
    ]);
  });

  it("is replaced beside its former container where there is a folder for sockets, and its tasks know nothing of it", async () => {
    const recorded = await recordApplication((_, options) => ({
      sockets: new SocketVolume("sockets", { volumeName: "shop_sockets", userId: 1234, groupId: 1235 }, options),
    }));
    const { inputs, options } = named(recorded, "app-service-container");
    assert.equal(inputs["name"], `shop-web-${stateId}`);
    assert.equal(options.deleteBeforeReplace, undefined);
    assert.deepEqual(inputs["envs"], [...envs, "DJANGO_SOCKET_FOLDER=/run/sockets", `SERVICE_INSTANCE=${stateId}`]);
    assert.deepEqual((inputs["volumes"] as unknown[])[0], {
      containerPath: "/run/sockets",
      readOnly: false,
      volumeName: "shop_sockets",
    });
    assert.deepEqual((inputs["healthcheck"] as { tests: string[] }).tests, [
      ...["CMD", "python", "-c", takeOverScript, "http://127.0.0.1:8000/health"],
    ]);
    assert.equal(named(recorded, "app-web-files-carrier").inputs["name"], `shop-web-files-${stateId}`);
    assert.deepEqual(named(recorded, "app-migrate-container").inputs["envs"], envs);
  });

  it("hands on further variables and secrets, and its limits", async () => {
    const recorded = await recordApplication(() => ({
      environment: { EMAIL_HOST: "mail.test" },
      secrets: { EMAIL_PASSWORD: pulumi.secret(secrets.mail) },
      settingsModule: "shop.settings",
      trustedOrigins: ["https://shop.test"],
      restart: "no",
      logs: { maxSize: 1, maxFiles: 2 },
      timeZone: "Europe/London",
    }));
    const { inputs } = named(recorded, "app-service-container");
    const variables = inputs["envs"] as string[];
    for (const variable of [
      "TZ=Europe/London",
      "EMAIL_HOST=mail.test",
      "EMAIL_PASSWORD_FILE=/run/secrets/email-password",
      "DJANGO_SETTINGS_MODULE=shop.settings",
      "CSRF_TRUSTED_ORIGINS=https://shop.test",
    ]) {
      assert.ok(variables.includes(variable), variable);
    }
    assert.equal(inputs["restart"], "no");
    assert.deepEqual(inputs["logOpts"], { "max-size": "1m", "max-file": "2" });
    assert.deepEqual(
      named(recorded, "app-migrate-container").inputs["labels"],
      labels({
        ...ownerLabels("shop"),
        "slipway.image": "app:1",
        "slipway.task": "migrate",
        "slipway.standby": "true",
        "slipway.files": named(recorded, "app-web-files-carrier").id,
      }),
    );
  });

  it("shows its secrets nowhere in plain text, and the superuser's to that task alone", async () => {
    const recorded = await recordApplication(() => ({ secrets: { EMAIL_PASSWORD: pulumi.secret(secrets.mail) } }));
    const files = (name: string) => {
      const { uploads } = named(recorded, name).inputs as { uploads: { secret: { file: string; content: string }[] } };
      return Object.fromEntries(uploads.secret.map(({ file, content }) => [file, content]));
    };
    assert.deepEqual(files("app-web-files-carrier"), {
      "/files/django-secret-key": secrets.key,
      "/files/postgres-password": secrets.database,
      "/files/email-password": secrets.mail,
    });
    assert.deepEqual(files("app-superuser-files-carrier"), { "/files/password": secrets.superuser });
    const others = described(recorded).map((resource) => ({
      ...resource,
      inputs: { ...resource.inputs, uploads: [] },
    }));
    assert.deepEqual(findSecrets(others, Object.values(secrets)), []);
  });
});
