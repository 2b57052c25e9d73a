import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { newVolumes, refuseFoundVolumes } from "../../cli/deployment/found-volumes.ts";
import type { Change, Plan } from "../../cli/deployment/plan.ts";
import { dockerStub } from "../docker-stub.ts";

const data = "urn:pulumi:s::slipway::slipway:index:Volume$docker:index/volume:Volume::";
const files = "urn:pulumi:s::slipway::slipway:index:FileVolume$docker:index/volume:Volume::";

function planOf(...volumes: [urn: string, change: Change, name: string][]): Plan {
  return new Map(
    volumes.map(([urn, change, name]) => [
      urn + name,
      { urn: urn + name, type: "docker:index/volume:Volume", parent: "", change, newInputs: { name }, differences: [] },
    ]),
  );
}

describe("volumes that are there already", () => {
  const plan = planOf([data, "create", "camcops-mysql-data"], [data, "keep", "camcops-tmp"], [files, "create", "f"]);
  const check = async (own: string[]) => {
    const docker = await dockerStub({
      "GET /volumes": { body: { Volumes: ["camcops-mysql-data", "camcops-tmp", "f"].map((Name) => ({ Name })) } },
    });
    try {
      await refuseFoundVolumes(docker.client, plan, own, "./slipway up --stack prod");
    } finally {
      await docker.close();
    }
  };

  it("matter where a plan makes a volume for data of their name", () => {
    assert.deepEqual(newVolumes(plan), ["camcops-mysql-data"]);
  });

  it("are refused by name, with what to type", async () => {
    await assert.rejects(check([]), {
      message: [
        "Docker already has a volume that this stack would make: camcops-mysql-data.",
        "They may hold the data of another installation. Nothing was changed.",
        "Give this stack's system another name (name in the stack file), or, if these data are to be this",
        "stack's own from now on, type: ./slipway up --stack prod --use-volume camcops-mysql-data",
      ].join("\n"),
    });
  });

  it("are taken when the stack made them before, or the user says so", async () => {
    await check(["camcops-mysql-data"]);
  });
});
