import assert from "node:assert/strict";
import { findSecrets } from "../secret-search.ts";

const secret = `p@ss/w:rd%'"$\\ é`;

function pathsOf(value: unknown): string[] {
  return findSecrets(value, ["other", secret]).map(({ path }) => path.join("."));
}

describe("the search for secrets", () => {
  it("finds a text in each of its forms, wherever it stands", () => {
    const base64 = (text: string) => Buffer.from(text).toString("base64");
    assert.deepEqual(
      pathsOf({
        plain: `a ${secret} b`,
        json: JSON.stringify({ password: secret }),
        sql: `IDENTIFIED BY 'p@ss/w:rd%''"$\\\\ é'`,
        conf: `password = p@ss/w:rd%%'"$\\ é`,
        url: `https://x:${encodeURIComponent(secret)}@y/`,
        form: String(new URLSearchParams({ password: `${secret}!` })).replace("%27", "'"),
        base64: base64(secret),
        list: [base64(`x${secret}y`), base64(`xx${secret}yy`), base64(`user:${secret}`)],
        url64: Buffer.from(`user:${secret}`).toString("base64url"),
        key: { [secret]: 1 },
      }),
      ["plain", "json", "sql", "conf", "url", "form", "base64", "list.0", "list.1", "list.2", "url64", "key"],
    );
  });

  it("leaves out what is marked as secret, and what only resembles one", () => {
    assert.deepEqual(pathsOf({ a: { secret: secret }, b: "p@ss", c: null, d: 1 }), []);
  });
});
