import assert from "node:assert/strict";
import { ZodError } from "zod";
import { operationsLabel, serviceOperationsSchema, type ServiceOperations } from "../../components/operations.ts";

const complete: ServiceOperations = {
  version: 1,
  shell: ["bash"],
  database: { shell: ["mariadb"], dump: ["mariadb-dump", "--all"], load: ["mariadb"] },
  actions: { migrate: ["app", "migrate"] },
};

describe("the label with a service's operations", () => {
  it("is JSON that reads back as it was", () => {
    const least: ServiceOperations = { version: 1, shell: ["sh"] };
    for (const operations of [complete, least]) {
      assert.deepEqual(serviceOperationsSchema.parse(JSON.parse(operationsLabel(operations))), operations);
    }
    assert.equal(operationsLabel(least), '{"version":1,"shell":["sh"]}');
  });

  it("is refused with another version, without a command, or with a key that it does not know", () => {
    const database = { shell: ["a"], dump: ["b"], load: ["c"], password: "secret" };
    for (const wrong of [
      { ...complete, version: 2 },
      { version: 1 },
      { version: 1, shell: [] },
      { version: 1, shell: "bash" },
      { ...complete, actions: { migrate: [] } },
      { ...complete, database: { shell: ["a"], dump: ["b"] } },
      { ...complete, database },
      { ...complete, password: "secret" },
    ]) {
      assert.throws(() => operationsLabel(wrong as ServiceOperations), ZodError, JSON.stringify(wrong));
    }
  });
});
