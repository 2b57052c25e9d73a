import assert from "node:assert/strict";
import fc from "fast-check";
import { clientOptions } from "../../components/mysql-files.ts";
import { checkConfig } from "../../settings/camcops/config-check.ts";
import type { ConfigValue } from "../../settings/camcops/config-keys.ts";
import type { ConfigInput } from "../../systems/camcops/config.ts";
import { renderConfig } from "../../systems/camcops/config.ts";
import { databaseUrl } from "../../systems/camcops/database-url.ts";

const input: ConfigInput = {
  databaseUrl: "mysql+mysqldb://mysql:3306/camcops",
  brokerUrl: "amqp://rabbitmq:5672/",
  sessionSecret: "s",
  port: 8000,
  external: { scheme: "https", serverName: "localhost", port: 443 },
  workerConcurrency: 1,
  timeZone: "UTC",
  logLevel: "info",
  config: {},
};

/**
 * Reads a file as `configparser.ConfigParser` of Python 3.11 does, after `codecs.open` has split it into lines.
 * Source: `RawConfigParser._read` and `BasicInterpolation` in Python's `configparser.py`.
 */
function readPythonConfig(text: string): Record<string, Record<string, string>> {
  const read: Record<string, Record<string, string[]>> = {};
  let section: Record<string, string[]> | undefined;
  let lines: string[] | undefined;
  for (const line of text.split(/\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/)) {
    const value = line.trim();
    if (/^[#;]/.test(value)) continue;
    if (value === "") {
      lines?.push("");
      continue;
    }
    if (lines && /^\s/.test(line)) {
      lines.push(value);
      continue;
    }
    const header = /^\[(?<name>.+)\]/.exec(value)?.groups?.["name"];
    if (header !== undefined) {
      assert.ok(!(header in read), `section ${header} twice`);
      section = read[header] = {};
      lines = undefined;
      continue;
    }
    const option = /^(?<name>.*?)\s*[=:]\s*(?<value>.*)$/s.exec(value)?.groups;
    assert.ok(option && section, `neither a section nor an option: ${line}`);
    const name = (option["name"] ?? "").toLowerCase();
    assert.ok(!(name in section), `option ${name} twice`);
    lines = section[name] = [option["value"] ?? ""];
  }
  return Object.fromEntries(
    Object.entries(read).map(([name, options]) => [
      name,
      Object.fromEntries(
        Object.entries(options).map(([key, values]) => [key, interpolate(values.join("\n").trimEnd())]),
      ),
    ]),
  );
}

function interpolate(value: string): string {
  assert.doesNotMatch(value.replaceAll("%%", ""), /%/, `'%' must be followed by '%' in ${value}`);
  return value.replaceAll("%%", "%");
}

/**
 * Reads an option file as MariaDB Connector/C does, on which mysqlclient is built.
 * Source: `_mariadb_read_options_from_file` in `ma_default.c`.
 */
function readOptionFile(text: string): Record<string, string> {
  const unescaped: Record<string, string> = {
    n: "\n",
    t: "\t",
    r: "\r",
    b: "\b",
    s: " ",
    '"': '"',
    "'": "'",
    "\\": "\\",
  };
  const options: Record<string, string> = {};
  let group = "";
  for (const line of text.split("\n").map((each) => each.trim())) {
    if (line === "" || /^[#;]/.test(line)) continue;
    if (line.startsWith("[")) {
      group = line;
      continue;
    }
    assert.equal(group, "[client]");
    const separator = line.indexOf("=");
    const value = line.slice(separator + 1).trim();
    const bare = /^['"]/.test(value) ? value.slice(1).replace(/['"]$/, "") : value;
    options[line.slice(0, separator).trim()] = bare.replace(/\\(.)/gs, (pair, next: string) => unescaped[next] ?? pair);
  }
  return options;
}

/** Reads a URL as SQLAlchemy 2.0 does. Source: `_parse_url` in `sqlalchemy/engine/url.py`. */
function readSqlAlchemyUrl(url: string): Record<string, string | undefined> {
  const pattern =
    /^(?<name>[\w+]+):\/\/(?:(?<user>[^:/]*)(?::(?<password>[^@]*))?@)?(?:(?:\[(?<ipv6>[^/?]+)\]|(?<ipv4>[^/:?]+))?(?::(?<port>[^/?]*))?)?(?:\/(?<database>[^?]*))?(?:\?(?<query>.*))?/;
  const { ipv4, ipv6, query, ...parts } = pattern.exec(url)?.groups ?? {};
  return { ...parts, host: ipv4 ?? ipv6, ...Object.fromEntries(new URLSearchParams(query)) };
}

const word = fc.stringMatching(/^[A-Za-z0-9_$-]{1,20}$/);
const anyText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: fc.constantFrom(...Array.from("ab %#;=:[]\\\"'\n\t@/$é😀{}()")) }),
);
const value: fc.Arbitrary<ConfigValue> = fc.oneof(
  anyText,
  fc.integer(),
  fc.boolean(),
  fc.array(fc.oneof(anyText, fc.integer())),
);

/** What CamCOPS gets of a value: blanks around a line are always dropped. */
function asRead(written: ConfigValue): string {
  const text = Array.isArray(written) ? ["", ...written.map(String)].join("\n") : String(written);
  return text
    .split("\n")
    .map((line) => line.trim())
    .join("\n")
    .trimEnd();
}

describe("camcops.conf", () => {
  it("gives CamCOPS exactly the values that were accepted, and nothing else changes", () => {
    const unchanged = readPythonConfig(renderConfig(input));
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^X[A-Z0-9_]{0,8}$/), value), (values) => {
        const config = { site: values };
        fc.pre(!checkConfig(config).some(({ kind }) => kind === "error"));
        const read = readPythonConfig(renderConfig({ ...input, config }));
        const expected = Object.fromEntries(
          Object.entries(values).map(([key, each]) => [key.toLowerCase(), asRead(each)]),
        );
        assert.deepEqual(read, { ...unchanged, site: { ...unchanged["site"], ...expected } });
      }),
      { numRuns: 500 },
    );
  });

  it("accepts every single line without control characters and without blanks at its ends", () => {
    fc.assert(
      fc.property(anyText, (line) => {
        fc.pre(line === line.trim() && line.isWellFormed() && !/[\p{Cc}\u2028\u2029]/u.test(line));
        const read = readPythonConfig(renderConfig({ ...input, config: { site: { EMAIL_HOST_PASSWORD: line } } }));
        assert.equal(read["site"]?.["email_host_password"], line);
      }),
    );
  });

  it("does not depend on the order of keys and sections", () => {
    const sections = fc.dictionary(
      fc.constantFrom("site", "server", "export", "recipient:a", "recipient:b"),
      fc.dictionary(fc.stringMatching(/^X[A-Z]{0,4}$/), fc.integer()),
    );
    const reversed = <T>(record: Record<string, T>) => Object.fromEntries(Object.entries(record).reverse());
    fc.assert(
      fc.property(sections, (config) => {
        const other = reversed(
          Object.fromEntries(Object.entries(config).map(([name, values]) => [name, reversed(values)])),
        );
        assert.equal(renderConfig({ ...input, config: other }), renderConfig({ ...input, config }));
      }),
    );
  });
});

describe("the database's URL and credentials", () => {
  it("give back the same address, without a % that Alembic would refuse", () => {
    const server = fc.oneof(fc.domain(), fc.ipV4(), fc.ipV6());
    fc.assert(
      fc.property(server, fc.integer({ min: 1, max: 65535 }), word, (host, port, database) => {
        const url = databaseUrl({ server: host, port, database, credentialsFile: "/run/secrets/client.cnf" });
        assert.doesNotMatch(url, /%/);
        assert.deepEqual(readSqlAlchemyUrl(url), {
          name: "mysql+mysqldb",
          user: undefined,
          password: undefined,
          host,
          port: String(port),
          database,
          charset: "utf8mb4",
          read_default_file: "/run/secrets/client.cnf",
        });
        const read = readPythonConfig(renderConfig({ ...input, databaseUrl: url }));
        assert.equal(read["site"]?.["db_url"], url);
      }),
    );
  });

  it("give back every user name and password", () => {
    const withoutNul = anyText.filter((each) => !each.includes("\0"));
    fc.assert(
      fc.property(withoutNul, withoutNul, (user, password) => {
        assert.deepEqual(readOptionFile(clientOptions(user, password)), { user, password });
      }),
      { numRuns: 500 },
    );
  });
});
