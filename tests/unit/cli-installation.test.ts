import assert from "node:assert/strict";
import { buffer } from "node:stream/consumers";
import { pack } from "tar-stream";
import { withCredentials } from "../../cli/moving-in/credentials.ts";
import { describeInstallation, dumpAndLoad, lookAtInstallation } from "../../cli/moving-in/installation.ts";
import { siddataImporter } from "../../systems/siddata/import.ts";
import { dockerStub, type Answer, type Routes } from "../docker-stub.ts";

const anonymous = "0123456789abcdef".repeat(4);
const server = { family: "PostgreSQL", version: "15" } as const;
const environment = ["POSTGRES_USER=siddata", "POSTGRES_DB=siddata", "POSTGRES_PASSWORD=from=Compose", "PATH=/bin"];

interface Mount {
  Type: "volume" | "bind";
  Name?: string;
  Source: string;
  Destination: string;
}

const bind: Mount = { Type: "bind", Source: "/srv/siddata/db", Destination: "/var/lib/postgresql" };
const dataVolume: Mount = {
  Type: "volume",
  Name: anonymous,
  Source: `/var/lib/docker/volumes/${anonymous}/_data`,
  Destination: "/var/lib/postgresql/data",
};

async function file(text: string, userId = 999): Promise<Buffer> {
  const archive = pack();
  archive.entry({ name: "PG_VERSION", uid: userId }, text);
  archive.finalize();
  return buffer(archive);
}

/** Docker with one container of a database, made by Docker Compose in /srv/siddata/docker. */
async function dockerWith(container: {
  mounts: Mount[];
  env?: string[] | null;
  service?: string;
  archive?: Answer | Answer[];
}): Promise<Awaited<ReturnType<typeof dockerStub>>> {
  const labels = {
    "com.docker.compose.project": "docker",
    "com.docker.compose.service": container.service ?? "sidb",
    "com.docker.compose.project.working_dir": "/srv/siddata/docker",
  };
  const routes: Routes = {
    "GET /containers/json": { body: [{ Id: "db", Labels: labels }] },
    "GET /containers/db/json": {
      body: {
        Id: "db",
        Name: "/siddata_server_db_1",
        Image: "sha256:1",
        State: { Running: true },
        HostConfig: { RestartPolicy: { Name: "always" } },
        Config: { Labels: labels, Env: container.env === undefined ? environment : container.env },
        Mounts: container.mounts,
      },
    },
    "GET /volumes": { body: { Volumes: [] } },
    "POST /containers/create": { status: 201, body: { Id: "look" } },
    "GET /containers/look/archive": container.archive ?? { body: await file("15\n") },
    "DELETE /containers/look": { status: 204 },
  };
  return dockerStub(routes);
}

const imported = async (text: string) => siddataImporter.read({ variables: siddataImporter.parse(text, {}).variables });

async function look(container: Parameters<typeof dockerWith>[0], text = "COMPOSE_UID=1000\n") {
  const stub = await dockerWith(container);
  try {
    const { compose } = await imported(text);
    return { stub, found: await lookAtInstallation(stub.client, compose, server, "/srv/siddata/settings_prod.env") };
  } finally {
    await stub.close();
  }
}

describe("an existing installation with PostgreSQL", () => {
  it("leads to its anonymous volume, which is looked into without a server, and named", async () => {
    const { stub, found } = await look({ mounts: [bind, dataVolume] });
    assert.equal(found.project.name, "docker");
    assert.deepEqual(found.database, {
      volume: anonymous,
      folder: "",
      data: { family: "PostgreSQL", version: "15", userId: 999 },
    });
    assert.equal(found.refusal, undefined);
    const withoutVariables = await look({ mounts: [bind, dataVolume], env: null });
    assert.equal(withoutVariables.found.database?.data.family, "PostgreSQL");
    const lines = describeInstallation(found).join("\n");
    assert.match(lines, new RegExp(`The volume ${anonymous} holds data of PostgreSQL 15 → siddata\\.db\\.volume`));
    assert.match(lines, /Docker made it for siddata_server_db_1 alone\. Caution: docker rm --volumes/);
    assert.ok(!lines.includes("from=Compose"), "shows a password");
    assert.ok(!stub.requests.some((request) => request.includes("/start")), "something was started");
    const [created] = stub.bodies
      .filter((body) => body.length > 0)
      .map((body) => JSON.parse(body.toString()) as object);
    assert.deepEqual(created, {
      Image: "sha256:1",
      Cmd: ["true"],
      Entrypoint: [],
      NetworkDisabled: true,
      HostConfig: { Binds: [`${anonymous}:/data:ro`] },
    });
  });

  it("is found by another name of its service, with its data in a folder that PGDATA names", async () => {
    const env = [...environment, "PGDATA=/var/lib/postgresql/data/pgdata"];
    const { stub, found } = await look({ mounts: [bind, dataVolume], service: "db", env });
    assert.deepEqual([found.database?.volume, found.database?.folder], [anonymous, "pgdata"]);
    assert.equal(found.project.database?.service, "db");
    assert.ok(stub.requests.includes("GET /containers/look/archive?path=/data/pgdata/PG_VERSION"));
  });

  it("says whose its files are, and that Alpine sorts otherwise", async () => {
    const { found } = await look({ mounts: [dataVolume], archive: { body: await file("15\n", 70) } });
    const lines = describeInstallation(found).join("\n");
    assert.match(lines, /belong to user 70, and the server runs as 999: the take-over asks/);
    assert.match(lines, /REINDEX DATABASE/);
  });

  it("of another major version is refused, with what to type instead", async () => {
    const { found } = await look({ mounts: [dataVolume], archive: { body: await file("13\n") } });
    assert.equal(found.refusal, `The volume ${anonymous} holds data of PostgreSQL 13, which PostgreSQL 15 cannot open`);
    assert.deepEqual(describeInstallation(found).slice(1), [`${found.refusal}.`]);
    assert.ok(found.project.database);
    assert.equal(
      dumpAndLoad(found, found.project.database, { up: "./slipway up", dbshell: "./slipway dbshell" }),
      [
        "Dump the data with the old server, deploy the stack with an empty database of its own, and load the dump:",
        "  (umask 077; docker exec siddata_server_db_1 pg_dump --username='siddata' --no-owner --no-privileges --clean --if-exists 'siddata' > dump.sql)",
        "  docker stop siddata_server_db_1",
        "  ./slipway up",
        "  ./slipway dbshell < dump.sql",
      ].join("\n"),
    );
  });

  it("whose data are in a folder of the host, or are the superuser's, is refused", async () => {
    const { found: onHost } = await look({ mounts: [{ ...bind, Destination: "/var/lib/postgresql/data" }] });
    assert.match(onHost.refusal ?? "", /in the folder \/srv\/siddata\/db of the host/);
    assert.equal(onHost.database, undefined);
    const { found: superusers } = await look({ mounts: [dataVolume], env: ["POSTGRES_PASSWORD=x"] });
    assert.match(superusers.refusal ?? "", /data of postgres, which is the server's own/);
  });

  it("without data is said to have none, with what names them", async () => {
    const { found } = await look({ mounts: [], archive: { status: 404, body: {} } });
    assert.match(
      describeInstallation(found)[1] ?? "",
      /begins with an empty one\. If Docker has it.*siddata\.db\.volume/,
    );
  });
});

describe("what the database's container was told", () => {
  it("goes before the settings file, and defaults are left out", async () => {
    const text = "POSTGRES_PASSWORD=from-file\nPOSTGRES_USER=clerk\n";
    const { found } = await look({ mounts: [dataVolume] }, text);
    const { settings, secrets, taken, left, remarks } = withCredentials("siddata", await imported(text), found);
    assert.deepEqual(settings, { db: { userName: "siddata" } });
    assert.deepEqual(secrets, { siddataDatabasePassword: "from=Compose" });
    assert.deepEqual(
      taken.map(({ source, setting }) => [source, setting]),
      [
        ["POSTGRES_USER of the container siddata_server_db_1", "siddata.db.userName"],
        ["POSTGRES_PASSWORD of the container siddata_server_db_1", "siddataDatabasePassword"],
      ],
    );
    assert.deepEqual(left.map(({ source }) => source).sort(), ["POSTGRES_PASSWORD", "POSTGRES_USER"]);
    assert.ok(!JSON.stringify({ taken, left, remarks }).includes("from="), "shows a password");
  });

  it("leaves a password that nobody knows to the stack, and says so", async () => {
    const env = ["POSTGRES_USER=siddata", "POSTGRES_PASSWORD_FILE=/run/secrets/p"];
    const { found } = await look({ mounts: [dataVolume], env });
    const { secrets, remarks } = withCredentials("siddata", await imported("COMPOSE_UID=1000\n"), found);
    assert.deepEqual(secrets, {});
    assert.ok(remarks.some((remark) => remark.includes("set siddataDatabasePassword before you take over")));
  });
});
