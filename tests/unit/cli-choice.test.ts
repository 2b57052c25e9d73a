import assert from "node:assert/strict";
import { choose, chooseOne } from "../../cli/docker/choice.ts";
import type { ServiceOperations } from "../../components/operations.ts";
import { member } from "../member.ts";

const mysql = member({ name: "mysql", container: "c-mysql" });
const workers = [1, 2].map((number) => member({ name: "workers", container: `c-workers-${number}` }));
const members = [mysql, ...workers];
const operations: ServiceOperations = { version: 1, shell: ["sh"] };

describe("services by name", () => {
  const chosen = (...names: string[]) => choose(members, names).map(({ container }) => container);

  it("are those of a service or container, and all where none is named", () => {
    assert.deepEqual(chosen(), ["c-mysql", "c-workers-1", "c-workers-2"]);
    assert.deepEqual(chosen("workers"), ["c-workers-1", "c-workers-2"]);
    assert.deepEqual(chosen("c-workers-2", "mysql"), ["c-mysql", "c-workers-2"]);
  });

  it("that are unknown are refused, with the nearest and with all that there are", () => {
    assert.throws(() => choose(members, ["worker", "mysql", "nginx"]), {
      message: "There is no worker (did you mean workers?), no nginx here. Allowed: mysql, workers",
      exitCode: 2,
    });
  });
});

describe("one service", () => {
  const container = (...args: Parameters<typeof chooseOne>) => chooseOne(...args).container;

  it("is the named one, and of its containers one that runs", () => {
    assert.equal(container(members, "mysql"), "c-mysql");
    assert.equal(container(members, "workers"), "c-workers-1");
    const [first, second] = workers;
    assert.ok(first && second);
    assert.equal(container([{ ...first, state: "exited" }, second], "workers"), "c-workers-2");
    assert.equal(container(members, "c-workers-2"), "c-workers-2");
  });

  it("is the only one, or the system's main one, where none is named", () => {
    assert.equal(container(workers, undefined), "c-workers-1");
    const main = member({ name: "server", container: "c-server", operations: { ...operations, main: true } });
    assert.equal(container([...members, main], undefined), "c-server");
  });

  it("is asked for where that is ambiguous", () => {
    assert.throws(() => chooseOne(members, undefined), {
      message: "Which service is meant? Name one of: mysql, workers",
      exitCode: 2,
    });
    const other = { ...mysql, system: "other", container: "o-mysql" };
    assert.throws(() => chooseOne([mysql, other], "mysql"), {
      message: "Which service is meant? Name one of: c-mysql, o-mysql",
      exitCode: 2,
    });
    assert.equal(container([mysql, other], "o-mysql"), "o-mysql");
    const mains = ["a", "b"].map((system) => ({
      ...mysql,
      system,
      operations: { ...operations, main: true as const },
    }));
    assert.throws(() => chooseOne(mains, undefined), { exitCode: 2 });
  });
});
