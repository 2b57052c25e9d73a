import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { refuseLostVolumes } from "../../cli/deployment/lost-volumes.ts";
import { dockerStub } from "../docker-stub.ts";

describe("refuseLostVolumes", () => {
  const check = async (dataVolumes: string[], accepted: string[] = []) => {
    const docker = await dockerStub({ "GET /volumes": { body: { Volumes: [{ Name: "camcops-tmp" }] } } });
    try {
      await refuseLostVolumes(docker.client, dataVolumes, accepted, "./slipway up --stack prod");
    } finally {
      await docker.close();
    }
  };

  it("accepts volumes that are there, and a stack without any", async () => {
    await check(["camcops-tmp"]);
    await check([]);
  });

  it("names every volume that is gone, and what to type", async () => {
    await assert.rejects(check(["camcops-mysql-data", "camcops-tmp", "camcops-rabbitmq-data"]), {
      message: [
        "Docker no longer has volumes that hold this stack's data: camcops-mysql-data, camcops-rabbitmq-data.",
        "A deployment would make new, empty ones. Nothing was changed.",
        "To go on, put the data back from a backup into volumes of these names (docker volume create NAME), or, if they",
        "may be lost, type: ./slipway up --stack prod --empty-volume camcops-mysql-data --empty-volume camcops-rabbitmq-data",
      ].join("\n"),
    });
  });

  it("accepts the loss that the user accepted, and no other", async () => {
    await check(["camcops-rabbitmq-data"], ["camcops-rabbitmq-data"]);
    await assert.rejects(check(["camcops-mysql-data"], ["camcops-rabbitmq-data"]), /camcops-mysql-data/);
  });
});
