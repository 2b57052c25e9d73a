import assert from "node:assert/strict";
import { createServer } from "node:net";
import { once } from "node:events";
import { hostPorts, isHostPort } from "../../cli/moving-in/host-ports.ts";
import { questionsOf, suggestionOf, type Answers } from "../../cli/moving-in/questions.ts";
import { siteOf } from "../../cli/site.ts";
import { settingKey } from "../../settings/path.ts";
import type { SystemName } from "../../settings/systems.ts";
import { dockerStub } from "../docker-stub.ts";

const keys = (system: SystemName, answers: Answers) =>
  questionsOf(system, answers).map(({ path }) => settingKey(path).replace(`${system}.`, ""));

describe("the questions of", () => {
  it("COPED are those of its settings file, in its order, in dev", () => {
    assert.deepEqual(keys("coped", { environment: "dev", coped: {} }), [
      "name",
      "application.folder",
      "application.settingsModule",
      "application.allowedHosts",
      "copedDjangoSecretKey",
      "hostPort",
      "bypass.hostPort",
      "database.databaseName",
      "database.userName",
      "copedPostgresPassword",
      "elasticsearch.container",
      "copedElasticsearchPassword",
      "voila.container",
      "flushDatabase",
      "superuser.username",
      "copedSuperuserPassword",
    ]);
  });

  it("COPED in prod name the images, and nothing of development", () => {
    const asked = keys("coped", { environment: "prod", coped: { elasticsearch: { container: false } } });
    assert.deepEqual(
      asked.filter((key) => key.startsWith("images.")),
      ["images.web", "images.nginx", "images.db", "images.voila"],
    );
    for (const key of ["application.folder", "bypass.hostPort", "flushDatabase", "copedElasticsearchPassword"]) {
      assert.ok(!asked.includes(key), key);
    }
    assert.ok(asked.includes("application.trustedOrigins"));
    const image = `registry.test/web@sha256:${"0".repeat(64)}`;
    const known = keys("coped", { environment: "prod", coped: { images: { web: image } } });
    assert.ok(!known.includes("images.web"), "asks for an image that is fit");
  });

  it("Siddata are those of its documentation, without those of what is left out", () => {
    assert.deepEqual(keys("siddata", { environment: "dev", siddata: { adminer: { container: false } } }), [
      "name",
      "documentedNames",
      "userId",
      "groupId",
      "backend.folder",
      "backend.settingsModule",
      "backend.allowedHosts",
      "siddataSecretKey",
      "backend.hostPort",
      "db.databaseName",
      "db.userName",
      "siddataDatabasePassword",
      "db.hostPort",
      "adminer.container",
      "tfServing.container",
      "tfServing.modelName",
      "tfServing.modelFolder",
      "tfServing.grpc.hostPort",
      "tfServing.rest.hostPort",
      "superuser.username",
      "siddataSuperuserPassword",
    ]);
    assert.ok(keys("siddata", { environment: "prod", siddata: {} }).includes("proxy.hostPort"));
  });

  it("OCS are those of its documentation, and servers are asked for only where they are elsewhere", () => {
    const ocs = { network: { kind: "external" }, influxdb: { container: false } };
    assert.deepEqual(keys("ocs", { environment: "dev", ocs }), [
      "name",
      "siteConfigDirectory",
      "hostname",
      "network",
      "network.name",
      "crossbar.container",
      "crossbar.hostPort",
      "influxdb.container",
      "influxdb.hostPort",
      "influxdb.server",
      "grafana.container",
      "grafana.hostPort",
      "ocsGrafanaPassword",
      "aggregator.container",
      "aggregator.dataDirectory",
      "publisher.container",
      "registry.container",
    ]);
  });

  it("each system suggest what its documentation has", () => {
    const suggestions = (system: SystemName) =>
      Object.fromEntries(
        questionsOf(system, { environment: "dev", [system]: {} }).map((question) => [
          settingKey(question.path).replace(`${system}.`, ""),
          suggestionOf(question),
        ]),
      );
    const [coped, siddata, ocs] = [suggestions("coped"), suggestions("siddata"), suggestions("ocs")];
    assert.deepEqual([coped["hostPort"], coped["bypass.hostPort"], coped["flushDatabase"]], [1337, 8000, false]);
    assert.deepEqual(
      [siddata["backend.hostPort"], siddata["db.hostPort"], siddata["adminer.hostPort"], siddata["db.userName"]],
      [8000, 5432, 8080, "siddata"],
    );
    assert.deepEqual([ocs["crossbar.hostPort"], ocs["influxdb.hostPort"], ocs["grafana.hostPort"]], [8001, 8086, 3000]);
  });
});

describe("a port that a question is about", () => {
  const answers = { environment: "dev", siddata: {} };
  const question = (key: string) => {
    const found = questionsOf("siddata", answers).find(({ path }) => settingKey(path) === key);
    assert.ok(found);
    return found;
  };
  const site = siteOf({ stack: "lab", home: "/nonexistent" });

  it("is one of the host's, unless its service is elsewhere", () => {
    assert.equal(isHostPort(question("siddata.db.hostPort"), answers), true);
    assert.equal(isHostPort(question("siddata.userId"), answers), false);
    const [crossbar] = questionsOf("ocs", { environment: "dev", ocs: {} }).filter(({ path }) =>
      path.includes("hostPort"),
    );
    assert.ok(crossbar);
    assert.equal(isHostPort(crossbar, { ocs: { crossbar: { container: false } } }), false);
  });

  it("is taken by another stack's container, and free where the stack's own has it", async () => {
    const ports = (PublicPort: number) => [{ IP: "127.0.0.1", PrivatePort: 1, PublicPort, Type: "tcp" }];
    const body = [
      { Names: ["/other-db"], Labels: {}, Ports: ports(1) },
      { Names: ["/lab-db"], Labels: { "slipway.stack": "lab" }, Ports: ports(2) },
    ];
    const stub = await dockerStub({ "GET /containers/json": { body } });
    try {
      const { holder } = await hostPorts(site, stub.client);
      assert.equal(await holder(question("siddata.db.hostPort"), 1, answers), "the container other-db listens on it");
      assert.equal(await holder(question("siddata.db.hostPort"), 2, answers), undefined);
    } finally {
      await stub.close();
    }
  });

  it("is taken by a process of the host, and another one is free that no other answer has", async () => {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    try {
      const { holder, free } = await hostPorts(site, undefined);
      const asked = question("siddata.adminer.hostPort");
      assert.match((await holder(asked, port, answers)) ?? "", /^a process of the host listens on it/);
      const other = await free(asked, port, answers);
      assert.equal(await holder(asked, other, answers), undefined);
      const next = await free(asked, port, { environment: "dev", siddata: { db: { hostPort: other } } });
      assert.notEqual(next, other);
    } finally {
      server.close();
    }
  });
});
