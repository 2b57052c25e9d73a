import assert from "node:assert/strict";
import type { Change, Plan, PlannedResource } from "../../cli/deployment/plan.ts";
import { beginsOn } from "../../cli/upgrade/bring.ts";
import { manualTasks, touchedData } from "../../cli/upgrade/touched.ts";
import type { EngineEvent } from "@pulumi/pulumi/automation/index.js";

type Labels = Record<string, string>;

const container = "docker:index/container:Container";
const database = { "slipway.operations": JSON.stringify({ version: 1, shell: ["sh"], database: {} }) };
const folders = { "slipway.operations": JSON.stringify({ version: 1, shell: ["sh"], savedFolders: ["/data"] }) };
const plain = { "slipway.operations": JSON.stringify({ version: 1, shell: ["sh"] }) };

/** A container in a plan: with inputs before and after, as far as its change has them. */
function planned(name: string, change: Change, labels: Labels, more: Partial<PlannedResource> = {}): PlannedResource {
  const inputs = {
    name: `clinic-${name}`,
    labels: Object.entries({ "slipway.system": "clinic", ...labels }).map(([label, value]) => ({ label, value })),
  };
  return {
    urn: `urn:${name}`,
    type: container,
    parent: "",
    change,
    ...(change !== "create" && { oldInputs: inputs, oldId: `id of ${name}` }),
    ...(change !== "delete" && { newInputs: inputs }),
    differences: change === "replace" ? ["image"] : [],
    ...more,
  };
}

const service = (name: string, change: Change, labels: Labels = plain, more: Partial<PlannedResource> = {}) =>
  planned(name, change, { "slipway.service": name, ...labels }, more);
const task = (name: string, change: Change, labels: Labels = {}) =>
  planned(name, change, { "slipway.task": name, ...labels });

function planOf(...resources: PlannedResource[]): Plan {
  return new Map(resources.map((resource) => [resource.urn, resource]));
}

const whats = (...resources: PlannedResource[]) => touchedData(planOf(...resources), new Set()).map(({ what }) => what);

describe("what a plan does to data", () => {
  it("is a task that runs, and a service with data that is replaced or removed", () => {
    const plan = planOf(
      service("mysql", "replace", database),
      service("files", "delete", folders),
      task("migrate", "replace"),
      service("web", "replace"),
    );
    assert.deepEqual(touchedData(plan, new Set()), [
      {
        urn: "urn:mysql",
        container: "clinic-mysql",
        isTask: false,
        isSaved: true,
        isDown: false,
        what: "mysql is replaced",
        id: "id of mysql",
      },
      {
        urn: "urn:files",
        container: "clinic-files",
        isTask: false,
        isSaved: true,
        isDown: false,
        what: "files is removed",
        id: "id of files",
      },
      {
        urn: "urn:migrate",
        container: "clinic-migrate",
        isTask: true,
        isSaved: true,
        isDown: false,
        what: "the task migrate runs",
        id: "id of migrate",
      },
    ]);
  });

  it("is a task that runs for want of its container, beside data that are there", () => {
    assert.deepEqual(whats(service("mysql", "keep", database), task("migrate", "create")), ["the task migrate runs"]);
  });

  it("is nothing where no data can be saved, or where they are made for the first time", () => {
    assert.deepEqual(whats(service("web", "replace"), task("migrate", "create")), []);
    assert.deepEqual(whats(service("mysql", "create", database), task("migrate", "create")), []);
  });

  it("is a task that runs on data of a stack that was taken down, which nothing can save then", () => {
    const kept = {
      urn: "urn:x::slipway:index:Volume$docker:index/volume:Volume::data",
      type: "docker:index/volume:Volume",
      parent: "",
      change: "keep",
      newInputs: { name: "clinic-data" },
      differences: [],
    } satisfies PlannedResource;
    const image = (tag: string) => ({ "slipway.image": `clinic:${tag}` });
    const mounting = (volumeName: string, tag = "1") => {
      const mysql = service("mysql", "create", { ...database, ...image(tag) });
      return { ...mysql, newInputs: { ...mysql.newInputs, volumes: [{ volumeName, containerPath: "/data" }] } };
    };
    const migrate = (tag: string) => task("migrate", "create", image(tag));
    const touched = (...resources: PlannedResource[]) =>
      touchedData(planOf(...resources), new Set(["clinic:1"])).map(({ what, isSaved, isDown }) => [
        what,
        isSaved,
        isDown,
      ]);
    assert.deepEqual(touched(kept, mounting("clinic-data"), migrate("2")), [["the task migrate runs", false, true]]);
    assert.deepEqual(touched(kept, mounting("clinic-data", "2"), migrate("1")), [
      ["mysql is another version", false, true],
    ]);
    assert.deepEqual(touched(kept, mounting("clinic-data"), migrate("1")), []);
    assert.deepEqual(touched({ ...kept, change: "create" }, mounting("clinic-data"), migrate("2")), []);
    assert.deepEqual(touched(kept, mounting("other"), migrate("2")), []);
  });

  it("is nothing when a service with data is only started again or stays as it is", () => {
    assert.deepEqual(whats(service("mysql", "update", database, { differences: ["mustRun"] })), []);
    assert.deepEqual(whats(service("mysql", "keep", database), service("web", "create"), task("migrate", "keep")), []);
    const stopped = service("mysql", "replace", database, { differences: ["mustRun", "ports"] });
    assert.deepEqual(whats({ ...stopped, oldInputs: { ...stopped.oldInputs, ports: [] } }), []);
  });

  it("is something when a service with data is made anew though it is declared as before", () => {
    assert.deepEqual(whats(service("mysql", "replace", database, { differences: [] })), ["mysql is replaced"]);
  });

  it("is nothing that is run by hand", () => {
    const byHand = task("migrate", "replace", { "slipway.standby": "true" });
    assert.deepEqual(whats(service("mysql", "keep", database), byHand), []);
    assert.deepEqual(manualTasks(planOf(byHand, task("superuser", "replace"))), ["migrate"]);
    assert.deepEqual(manualTasks(planOf(task("migrate", "keep", { "slipway.standby": "true" }))), []);
  });

  it("is a task that runs again on what no backup of the stack holds", () => {
    const [external] = touchedData(planOf(service("web", "replace"), task("migrate", "replace")), new Set());
    assert.equal(external?.what, "the task migrate runs");
    assert.equal(external.isSaved, false);
  });

  it("keeps systems apart", () => {
    const other = { "slipway.system": "other" };
    const [external] = touchedData(
      planOf(service("mysql", "keep", database), task("migrate", "replace", other)),
      new Set(),
    );
    assert.equal(external?.isSaved, false);
  });

  it("begins when the engine makes one of the containers, not when it removes one", () => {
    const event = (op: string, urn: string) =>
      ({ sequence: 1, timestamp: 0, resourcePreEvent: { metadata: { op, urn } } }) as unknown as EngineEvent;
    const urns = new Set(["urn:migrate"]);
    assert.equal(beginsOn(event("create-replacement", "urn:migrate"), urns), true);
    assert.equal(beginsOn(event("create", "urn:migrate"), urns), true);
    assert.equal(beginsOn(event("delete-replaced", "urn:migrate"), urns), false);
    assert.equal(beginsOn(event("create", "urn:web"), urns), false);
    assert.equal(beginsOn({ sequence: 1, timestamp: 0 }, urns), false);
  });
});
