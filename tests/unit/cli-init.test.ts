import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exitCode, type Failure } from "../../cli/failure.ts";
import { init } from "../../cli/init.ts";

describe("init refuses", () => {
  let home: string;

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), "slipway-init-"));
  });

  afterEach(() => {
    rmSync(home, { recursive: true });
  });

  const refused = async (more: { answers?: string; set?: string[] }): Promise<string> => {
    let message = "";
    const options = { stack: "lab", home, yes: true, overwrite: false, set: [], ...more };
    await assert.rejects(init("camcops", options), (error: Failure) => {
      message = error.message;
      return error.exitCode === exitCode.usage;
    });
    assert.ok(!existsSync(join(home, "stacks")));
    return message;
  };

  for (const [what, value, reason] of [
    ["closes no quotation mark", '"hidden', /: Missing closing "quote at line \d+, column \d+$/],
    ["begins with @", "@hidden", /: Plain value cannot start with reserved character @ at line 1, column \d+$/],
    ["begins with *", "*hidden", /: Unresolved alias$/],
  ] as const) {
    it(`a file of answers where one ${what}, without showing it`, async () => {
      const answers = join(home, "answers.yaml");
      writeFileSync(answers, `camcopsSuperuserPassword: ${value}\n`);
      const message = await refused({ answers });
      assert.match(message, reason);
      assert.ok(!message.includes("hidden"), message);
    });
  }

  it("a file of answers that is not there", async () => {
    assert.match(await refused({ answers: join(home, "none") }), /The answers in .*none cannot be read: ENOENT/);
  });

  it("an answer on the command line that is no YAML, and says how to write it", async () => {
    assert.match(
      await refused({ set: ["superuser.username=@chief"] }),
      /^--set superuser\.username takes .* got: @chief\. .*: --set 'superuser\.username="…"'$/,
    );
  });

  it("wrong answers, and says by which options others are given", async () => {
    const set = ["hostPort=70000", "hostAdress=1.2.3.4", "certificate.dnsNames=x", "superuser.name=x"];
    const message = await refused({ set });
    for (const remedy of ["--set hostPort=443", "rename hostAdress to hostAddress", "leave superuser.name out"]) {
      assert.ok(message.split("\n").includes(`  remedy:   ${remedy}`), message);
    }
    assert.ok(!message.includes("pulumi"), message);
    assert.match(await refused({ set: ["environment=prod"] }), /remedy: {3}leave environment out/);
  });

  it("a secret on the command line", async () => {
    assert.match(await refused({ set: ["camcopsSuperuserPassword=x"] }), /Give it in a file, by --answers/);
  });
});
