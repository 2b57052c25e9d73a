import assert from "node:assert/strict";
import { initialStatements, passwordFile } from "../../components/postgresql-files.ts";

describe("PostgreSQL's initial statements", () => {
  it("make user and database, and set the user's password and rights", () => {
    const identity = { databaseName: 'shop "1"', userName: "clerk", userPassword: "p'a\\ss\n\"é" };
    const expected = (right: string) =>
      [
        "SET log_min_error_statement TO panic;",
        "SET log_min_messages TO panic;",
        "ALTER ROLE postgres PASSWORD NULL;",
        'CREATE ROLE "clerk";',
        'CREATE DATABASE "shop ""1""";',
        "RESET log_min_messages;",
        `ALTER ROLE "clerk" LOGIN ${right} PASSWORD E'p''a\\\\ss\\n"é';`,
        'ALTER DATABASE "shop ""1""" OWNER TO "clerk";',
        "",
      ].join("\n");
    assert.equal(initialStatements({ ...identity, createsDatabases: false }), expected("NOCREATEDB"));
    assert.equal(initialStatements({ ...identity, createsDatabases: true }), expected("CREATEDB"));
  });
});

describe("PostgreSQL's password file", () => {
  it("escapes what separates its fields", () => {
    assert.equal(passwordFile("cl:erk", "a:b\\c d#é"), "*:*:*:cl\\:erk:a\\:b\\\\c d#é\n");
  });
});
