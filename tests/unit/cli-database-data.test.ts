import assert from "node:assert/strict";
import versions from "../../images/versions.json" with { type: "json" };
import { refusal, serverOf, type DatabaseData, type DatabaseServer } from "../../cli/moving-in/database-data.ts";

describe("the server that a stack's image is", () => {
  const cases: [image: string | undefined, server: DatabaseServer][] = [
    [undefined, { family: "MariaDB", version: versions.mariadb }],
    ["docker.io/library/mariadb:11.4.8", { family: "MariaDB", version: "11.4" }],
    [
      `registry.example.org:5000/slipway/mariadb:10.11@sha256:${"0".repeat(64)}`,
      { family: "MariaDB", version: "10.11" },
    ],
    ["docker.io/library/mysql:8.0.43-debian", { family: "MySQL", version: "8.0" }],
    ["percona:5.7.44", { family: "MySQL", version: "5.7" }],
    [`docker.io/library/mysql@sha256:${"0".repeat(64)}`, { family: "MySQL" }],
    ["registry.example.org/our-database:3", { version: "3" }],
  ];
  for (const [image, server] of cases) {
    it(`${image ?? "of no name"} is ${server.family ?? "unknown"} ${server.version ?? ""}`.trimEnd(), () => {
      assert.deepEqual(serverOf(image, "MariaDB"), server);
    });
  }

  const postgresql: [image: string | undefined, server: DatabaseServer][] = [
    [undefined, { family: "PostgreSQL", version: versions.postgresql }],
    ["docker.io/library/postgres:13.4-bullseye", { family: "PostgreSQL", version: "13.4" }],
    ["postgis/postgis:15-3.4", { family: "PostgreSQL", version: "15" }],
  ];
  for (const [image, server] of postgresql) {
    it(`${image ?? "of no name"} is PostgreSQL ${server.version ?? ""} where that is expected`, () => {
      assert.deepEqual(serverOf(image, "PostgreSQL"), server);
    });
  }
});

describe("data of a database", () => {
  const data = (family: DatabaseData["family"], version?: string): DatabaseData => ({
    family,
    userId: 999,
    ...(version !== undefined && { version }),
  });
  const refused: [DatabaseData, DatabaseServer, RegExp][] = [
    [data("MySQL", "5.7"), { family: "MariaDB", version: "10.11" }, /MySQL 5\.7, which MariaDB 10\.11 cannot open/],
    [data("MariaDB", "10.6"), { family: "MySQL", version: "8.0" }, /MariaDB 10\.6, which MySQL 8\.0 cannot open/],
    [data("MariaDB", "11.4"), { family: "MariaDB", version: "10.11" }, /older MariaDB 10\.11 must not open/],
    [data("MySQL", "8.0"), { family: "MySQL", version: "5.7" }, /older MySQL 5\.7 must not open/],
    [
      data("PostgreSQL", "13"),
      { family: "PostgreSQL", version: "15" },
      /PostgreSQL 13, which PostgreSQL 15 cannot open/,
    ],
    [data("PostgreSQL", "16"), { family: "PostgreSQL", version: "15.4" }, /PostgreSQL 16, which PostgreSQL 15 cannot/],
    [
      data("MariaDB", "10.6"),
      { family: "PostgreSQL", version: "15" },
      /MariaDB 10\.6, which PostgreSQL 15 cannot open/,
    ],
  ];
  for (const [found, server, reason] of refused) {
    it(`of ${found.family} ${found.version ?? ""} are refused to ${server.family ?? ""} ${server.version ?? ""}`, () => {
      assert.match(refusal(found, server) ?? "", reason);
    });
  }

  const allowed: [DatabaseData, DatabaseServer][] = [
    [data("MariaDB", "10.11"), { family: "MariaDB", version: "10.11" }],
    [data("MariaDB", "10.6"), { family: "MariaDB", version: "10.11" }],
    [data("MariaDB", "10.11"), { family: "MariaDB", version: "11" }],
    [data("MariaDB"), { family: "MariaDB", version: "10.11" }],
    [data("MySQL", "5.7"), { family: "MySQL", version: "8.0" }],
    [data("MySQL", "5.7"), { family: "MySQL" }],
    [data("PostgreSQL", "15"), { family: "PostgreSQL", version: "15" }],
    [data("PostgreSQL", "13"), { family: "PostgreSQL", version: "13.4" }],
    [data("PostgreSQL", "13"), {}],
  ];
  for (const [found, server] of allowed) {
    it(`of ${found.family} ${found.version ?? "?"} may be opened by ${server.family ?? ""} ${server.version ?? "?"}`, () => {
      assert.equal(refusal(found, server), undefined);
    });
  }
});
