import assert from "node:assert/strict";
import { postgresqlSettings } from "../../settings/postgresql.ts";

describe("PostgreSQL's settings", () => {
  const { databaseName, userName } = postgresqlSettings("shop");

  it("have one name as the default of both", () => {
    assert.deepEqual([databaseName.parse(undefined), userName.parse(undefined)], ["shop", "shop"]);
  });

  it("take names that the server takes, and no others", () => {
    for (const name of ["shop", "Shop_2", "a".repeat(63)]) {
      assert.deepEqual([databaseName.safeParse(name).success, userName.safeParse(name).success], [true, true], name);
    }
    assert.equal(userName.safeParse("first.last-name").success, true);
    for (const name of ["", "a".repeat(64), "shop=x", "shop x", "postgres"]) {
      assert.deepEqual([databaseName.safeParse(name).success, userName.safeParse(name).success], [false, false], name);
    }
    for (const name of ["template0", "template1"]) assert.equal(databaseName.safeParse(name).success, false, name);
    for (const name of ["pg_monitor", "-shop", ".shop"]) assert.equal(userName.safeParse(name).success, false, name);
  });
});

describe("the folder of a database's volume", () => {
  const { volumeFolder } = postgresqlSettings("shop");

  it("is within the volume", () => {
    for (const folder of ["pgdata", "data/15/main", "a.b_c-d"]) assert.equal(volumeFolder.parse(folder), folder);
    for (const folder of ["", ".", "..", "/x", "a/../b", "a//b", "a/", ".hidden", "a b"]) {
      assert.equal(volumeFolder.safeParse(folder).success, false, folder);
    }
  });
});
