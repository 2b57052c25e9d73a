import assert from "node:assert/strict";
import { mkdtempSync, mkdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Environment } from "../../settings/environment.ts";
import { parseStack } from "../../settings/parse.ts";
import { SettingsError } from "../../settings/problems.ts";
import { siddataSettings } from "../../settings/siddata/settings.ts";
import { siddataSystem } from "../../settings/siddata/system.ts";
import { readStackFile } from "../../settings/stack-file.ts";

/** The keys and messages of what is wrong with a stack of Siddata. */
function problems(environment: Environment, siddata: Record<string, unknown>): [key: string, message: string][] {
  const digest = `sha256:${"0".repeat(64)}`;
  const names = ["backend", "db", "proxy", "tfServing"];
  const images =
    environment === "dev"
      ? {}
      : Object.fromEntries(names.map((name) => [name, `registry.test/${name.toLowerCase()}@${digest}`]));
  const config = { "slipway:environment": environment, "slipway:siddata": { images, ...siddata } };
  try {
    parseStack(readStackFile("unit", JSON.stringify({ config })));
    return [];
  } catch (error) {
    if (error instanceof SettingsError) return error.problems.map(({ key, message }) => [key, message]);
    throw error;
  }
}

const needs = (siddata: Record<string, unknown>, environment: Environment) =>
  siddataSystem.needs(siddataSettings.parse(siddata), environment);

describe("Siddata's settings", () => {
  it("are right by default, and with nothing but images in production", () => {
    assert.deepEqual(problems("dev", {}), []);
    assert.deepEqual(problems("prod", {}), []);
  });

  it("give each published service of dev a port of its own, those that are left out aside", () => {
    const clash = { backend: { hostPort: 8501 } };
    assert.deepEqual(problems("dev", clash), [
      [
        "siddata.tfServing.rest.hostPort",
        "must differ from siddata.backend.hostPort: a port of the host serves one service only",
      ],
    ]);
    assert.deepEqual(problems("dev", { ...clash, tfServing: { container: false } }), []);
    assert.deepEqual(problems("prod", clash), []);
  });

  it("refuse to replace in dev without downtime what starts anew by itself there", () => {
    const backend = { withoutDowntime: true };
    assert.deepEqual(problems("dev", { backend }), [
      [
        "siddata.backend.withoutDowntime",
        "must not be true in dev, where Django's own server runs and starts anew when the code changes",
      ],
    ]);
    assert.deepEqual(problems("prod", { backend }), []);
  });

  it("refuse variables that are decided elsewhere, and a folder of code outside of dev", () => {
    assert.deepEqual(problems("dev", { backend: { environment: { DEBUG: "true", OWN: "x" } } }), [
      ["siddata.backend.environment.DEBUG", "must not be set here: it is decided by the stack's environment"],
    ]);
    assert.deepEqual(
      problems("prod", { backend: { folder: "/home/me/siddata" } }).map(([key]) => key),
      ["siddata.backend.folder"],
    );
  });

  it("refuse the database's superuser as the backend's user", () => {
    for (const userName of ["postgres", "pg_monitor"]) {
      assert.deepEqual(
        problems("dev", { db: { userName } }).map(([key]) => key),
        ["siddata.db.userName"],
      );
    }
  });

  it("take an earlier installation's volume, which Docker has to have, and a folder only within one", () => {
    assert.deepEqual(needs({}, "dev").volumes, []);
    assert.deepEqual(needs({ db: { volume: "old_db" } }, "prod").volumes, [
      { key: "siddata.db.volume", name: "old_db" },
    ]);
    assert.deepEqual(problems("dev", { db: { volume: "old_db", volumeFolder: "pgdata" } }), []);
    assert.deepEqual(problems("dev", { db: { volumeFolder: "pgdata" } }), [
      ["siddata.db.volumeFolder", "must not be set without siddata.db.volume, whose folder it is"],
    ]);
  });

  it("ask for the ports that the environment publishes", () => {
    const ports = (environment: Environment, siddata = {}) =>
      needs(siddata, environment).publications.map(({ portKey, address, port }) => `${portKey} ${address}:${port}`);
    assert.deepEqual(ports("dev"), [
      "siddata.backend.hostPort 127.0.0.1:8000",
      "siddata.db.hostPort 127.0.0.1:5432",
      "siddata.adminer.hostPort 127.0.0.1:8080",
      "siddata.tfServing.grpc.hostPort 127.0.0.1:8500",
      "siddata.tfServing.rest.hostPort 127.0.0.1:8501",
    ]);
    assert.deepEqual(ports("prod"), ["siddata.proxy.hostPort 0.0.0.0:80"]);
  });

  it("warn of what others can reach", () => {
    assert.deepEqual(needs({}, "dev").warnings, []);
    assert.match(needs({ backend: { hostAddress: "0.0.0.0" } }, "dev").warnings.join(), /Django shows code/);
    assert.match(needs({}, "prod").warnings.join(), /passwords travel unencrypted/);
    assert.deepEqual(needs({ proxy: { hostAddress: "127.0.0.1" } }, "prod").warnings, []);
  });

  it("name images of a registry only for TF Serving, with what leaves it out", () => {
    assert.deepEqual(siddataSystem.images({}, "dev")["tfServing"], {
      pull: "docker.io/tensorflow/serving:2.18.0",
      leftOutBy: "siddata.tfServing.container",
    });
    assert.deepEqual(Object.keys(siddataSystem.images({ tfServing: { container: false } }, "prod")).sort(), [
      "backend",
      "db",
      "proxy",
    ]);
  });

  it("ask for a Dockerfile in the application's folder, and for the model's folder", async () => {
    const folder = mkdtempSync(join(tmpdir(), "siddata-"));
    try {
      const settings = { backend: { folder }, tfServing: { modelName: "topics", modelFolder: folder } };
      const { findings } = await needs(settings, "dev").checkFiles();
      assert.deepEqual(
        findings.map(({ key, message }) => [key, message]),
        [
          ["siddata.backend.folder", "must be a folder of the host that holds Dockerfile"],
          ["siddata.tfServing.modelFolder", "must be a folder of the host that holds topics"],
        ],
      );
      mkdirSync(join(folder, "topics"));
      mkdirSync(join(folder, "Dockerfile"));
      assert.deepEqual((await needs(settings, "dev").checkFiles()).findings, []);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
