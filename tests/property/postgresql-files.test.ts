import assert from "node:assert/strict";
import fc from "fast-check";
import { initialStatements, passwordFile } from "../../components/postgresql-files.ts";

/**
 * Reads the literals and quoted names of one SQL statement, and checks that it ends where its line ends.
 * Source: "Lexical Structure" of the PostgreSQL 15 manual.
 */
function readStatement(line: string): { skeleton: string; strings: string[]; names: string[] } {
  const escapes: Record<string, string> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };
  const [strings, names]: [string[], string[]] = [[], []];
  let skeleton = "";
  for (let at = 0; at < line.length;) {
    const quote = line[at++] ?? "";
    skeleton += quote;
    if (!["'", '"'].includes(quote)) continue;
    const escaped = quote === "'" && skeleton.endsWith("E'");
    let text = "";
    for (;;) {
      const next = line[at++];
      assert.ok(next !== undefined, `a quote is not closed: ${line}`);
      if (next === quote && line[at] === quote) {
        text += quote;
        at++;
      } else if (next === quote) {
        break;
      } else if (next === "\\" && escaped) {
        const letter = line[at++] ?? "";
        assert.doesNotMatch(letter, /[0-7xuU]/, "a number follows a backslash");
        text += escapes[letter] ?? letter;
      } else {
        text += next;
      }
    }
    (quote === "'" ? strings : names).push(text);
    skeleton += quote;
  }
  return { skeleton, strings, names };
}

/** Reads the only line of a password file as libpq does. Source: "The Password File" of the PostgreSQL 15 manual. */
function readPasswordFile(file: string): string[] {
  assert.ok(file.endsWith("\n"));
  const fields = [""];
  for (let at = 0; at < file.length - 1; at++) {
    const character = file[at] ?? "";
    if (character === ":") fields.push("");
    else fields.push(`${fields.pop()}${character === "\\" ? file[++at] : character}`);
  }
  return fields;
}

const text = fc
  .oneof(
    fc.string({ unit: "binary" }),
    fc.string({ unit: fc.constantFrom(...Array.from("ab'\"`\\\\#;:-/*$%_n0xu \n\r\té😀")) }),
  )
  .filter((each) => !each.includes("\0"));
const line = text.filter((each) => !/[\n\r]/.test(each));

describe("PostgreSQL's files", () => {
  it("give the server every name and password as it is, one statement a line", () => {
    fc.assert(
      fc.property(line, line, text, (databaseName, userName, userPassword) => {
        const statements = initialStatements({ databaseName, userName, userPassword, createsDatabases: false });
        const lines = statements.split("\n");
        assert.equal(lines.pop(), "");
        const read = lines.map(readStatement);
        assert.deepEqual(read.map(({ skeleton }) => skeleton).slice(3), [
          'CREATE ROLE "";',
          'CREATE DATABASE "";',
          "RESET log_min_messages;",
          `ALTER ROLE "" LOGIN NOCREATEDB PASSWORD E'';`,
          'ALTER DATABASE "" OWNER TO "";',
        ]);
        assert.deepEqual(read.map(({ names }) => names).slice(3), [
          [userName],
          [databaseName],
          [],
          [userName],
          [databaseName, userName],
        ]);
        assert.deepEqual(
          read.flatMap(({ strings }) => strings),
          [userPassword],
        );
      }),
      { numRuns: 1000 },
    );
  });

  it("give the clients every user name and password", () => {
    fc.assert(
      fc.property(line, line, (user, password) => {
        assert.deepEqual(readPasswordFile(passwordFile(user, password)), ["*", "*", "*", user, password]);
      }),
      { numRuns: 1000 },
    );
  });
});
