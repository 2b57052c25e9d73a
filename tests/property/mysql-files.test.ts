import assert from "node:assert/strict";
import fc from "fast-check";
import { clientOptions, initialStatements } from "../../components/mysql-files.ts";

/**
 * Reads the literals and quoted names of one SQL statement, and checks that it ends where its line ends.
 * Source: "String Literals" and "Schema Object Names" of the MySQL 8.4 reference manual.
 */
function readStatement(line: string): { skeleton: string; strings: string[]; names: string[] } {
  const escapes: Record<string, string> = { "0": "\0", b: "\b", n: "\n", r: "\r", t: "\t", Z: "\x1a" };
  const [strings, names]: [string[], string[]] = [[], []];
  let skeleton = "";
  for (let at = 0; at < line.length;) {
    const quote = line[at++] ?? "";
    skeleton += quote;
    if (!["'", '"', "`"].includes(quote)) continue;
    let text = "";
    for (;;) {
      const next = line[at++];
      assert.ok(next !== undefined, `a quote is not closed: ${line}`);
      if (next === quote && line[at] === quote) {
        text += quote;
        at++;
      } else if (next === quote) {
        break;
      } else if (next === "\\" && quote !== "`") {
        const escaped = line[at++] ?? "";
        // Outside of patterns these two keep their backslash.
        text += "%_".includes(escaped) ? `\\${escaped}` : (escapes[escaped] ?? escaped);
      } else {
        text += next;
      }
    }
    (quote === "`" ? names : strings).push(text);
    skeleton += quote;
  }
  return { skeleton, strings, names };
}

/**
 * Reads an option file as the clients of MySQL and MariaDB do.
 * Source: https://dev.mysql.com/doc/refman/8.4/en/option-files.html, "Option File Syntax"
 */
function readOptions(text: string): Record<string, string> {
  const escapes: Record<string, string> = {
    b: "\b",
    t: "\t",
    n: "\n",
    r: "\r",
    "\\": "\\",
    s: " ",
    '"': '"',
    "'": "'",
  };
  const options: Record<string, string> = {};
  const [group, ...lines] = text.split("\n");
  assert.equal(group, "[client]");
  for (const line of lines.map((each) => each.trim()).filter((each) => each !== "" && !/^[#;]/.test(each))) {
    // A # begins a comment in the middle of a line as well, unless it is between quotes.
    const [, name = "", value = ""] = /^([a-z]+)\s*=\s*((?:"(?:\\.|[^"\\])*"|[^"#])*)(?:#.*)?$/s.exec(line) ?? [];
    assert.notEqual(name, "", `neither an option nor a comment: ${line}`);
    const bare = /^".*"$/s.test(value) ? value.slice(1, -1) : value;
    options[name] = bare.replace(/\\(.)/gs, (pair, escaped: string) => escapes[escaped] ?? pair);
  }
  return options;
}

const text = fc
  .oneof(
    fc.string({ unit: "binary" }),
    fc.string({ unit: fc.constantFrom(...Array.from("ab'\"`\\\\#;-/*%_n0sZ \n\r\t\x1aé😀")) }),
  )
  .filter((each) => !each.includes("\0"));

describe("the database's first statements", () => {
  it("give the server every name and password as it is, one statement a line", () => {
    fc.assert(
      fc.property(text, text, text, text, (databaseName, userName, userPassword, rootPassword) => {
        fc.pre(!/[\n\r]/.test(databaseName));
        const lines = initialStatements({ databaseName, userName, userPassword, rootPassword }).split("\n");
        assert.equal(lines.pop(), "");
        const statements = lines.map(readStatement);
        assert.deepEqual(
          statements.map(({ skeleton }) => skeleton),
          [
            "SET NAMES utf8mb4;",
            "CREATE DATABASE IF NOT EXISTS `` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;",
            "CREATE USER IF NOT EXISTS ''@'' IDENTIFIED BY '';",
            "ALTER USER ''@'' IDENTIFIED BY '';",
            "GRANT ALL PRIVILEGES ON ``.* TO ''@'';",
            "ALTER USER ''@'' IDENTIFIED BY '';",
          ],
        );
        assert.deepEqual(
          statements.map(({ strings }) => strings),
          [
            [],
            [],
            [userName, "%", userPassword],
            [userName, "%", userPassword],
            [userName, "%"],
            ["root", "localhost", rootPassword],
          ],
        );
        const [, [created] = [], , , [granted = ""] = []] = statements.map(({ names }) => names);
        assert.equal(created, databaseName);
        assert.equal(granted.replace(/\\([_%])/g, "$1"), databaseName);
        assert.doesNotMatch(granted, /(?<!\\)[_%]/);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("the clients' option file", () => {
  it("gives back every user name and password", () => {
    fc.assert(
      fc.property(text, text, (user, password) => {
        assert.deepEqual(readOptions(clientOptions(user, password)), { user, password });
      }),
      { numRuns: 1000 },
    );
  });
});
