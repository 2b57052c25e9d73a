import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { MinimalStack, minimalProgram } from "./support/minimal.ts";
import { assertExit, type StartOptions } from "./support/processes.ts";
import { Sandbox } from "./support/sandbox.ts";
import { Terminal } from "./support/terminal.ts";
import { until } from "./support/until.ts";

const password = `p@ss/w:rd%'"$\\ é`;

describe("a command for every day", () => {
  let sandbox: Sandbox;
  let minimal: MinimalStack;

  before(async () => {
    sandbox = new Sandbox({ program: minimalProgram });
    minimal = await MinimalStack.prepare(sandbox);
    await minimal.setSecret("camcopsMysqlUserPassword", password);
    await minimal.up();
  });

  after(() => sandbox.remove());

  const slipway = (args: string[], options?: Omit<StartOptions, "cwd">) => sandbox.run("./slipway", args, options);

  /** Fails unless all is as it was deployed, and nothing of a command has stayed behind. */
  async function assertNothingLeft(): Promise<void> {
    await minimal.assertComplete();
  }

  describe("run", () => {
    it("takes arguments as they are, and passes output, errors and exit code on", async () => {
      const script = 'printf "<%s>" "$@"; echo "to stderr" >&2; exit 7';
      const args = ["a b", "", "$HOME", "-l", "--", "é'\"\\"];
      const result = assertExit(await slipway(["run", "web", "--", "sh", "-c", script, "sh", ...args]), 7);
      assert.equal(result.stdout, args.map((arg) => `<${arg}>`).join(""));
      assert.equal(result.stderr, "to stderr\n");
      assertExit(await slipway(["run", "web", "--", "no-such-program"]), 127);
      await assertNothingLeft();
    });

    it("has the service's user, configuration, secrets, mounts and networks, and its hardening", async () => {
      const client = ["mariadb", "--defaults-extra-file=/run/secrets/client.cnf", "--host=database", "things"];
      const query = await slipway([
        "run",
        "database",
        "--",
        ...client,
        "--skip-column-names",
        "--execute=SELECT name FROM thing",
      ]);
      assert.equal(assertExit(query, 0).stdout, "made by the task\n");

      const checks = [
        "id --user",
        "printenv MARIADB_ROOT_HOST",
        "test -d /var/lib/mysql/things && echo data",
        "sed --quiet 's/^CapEff:\\t//p; s/^NoNewPrivs:\\t//p' /proc/self/status",
        "touch /file || echo read-only",
      ];
      const inside = assertExit(await slipway(["run", "database", "--", "bash", "-c", checks.join("; ")]), 0);
      assert.equal(inside.stdout, "999\nlocalhost\ndata\n0000000000000000\n1\nread-only\n");
    });

    it("takes the system's main service where none is named", async () => {
      assert.equal(assertExit(await slipway(["run", "--", "id", "--user"]), 0).stdout, "4321\n");
    });

    it("is ended by Ctrl-C in its own way, and its container goes with it", async () => {
      const script = "trap 'echo ended; exit 9' INT; echo started; sleep 600 & wait";
      const running = sandbox.start("./slipway", ["run", "--", "sh", "-c", script], { ownGroup: true });
      await until("the process runs", 30, () => Promise.resolve(running.written() === "started\n"));
      process.kill(-Number(running.child.pid), "SIGINT");
      assert.equal(assertExit(await running.ended, 9).stdout, "started\nended\n");
      await assertNothingLeft();
    });
  });

  describe("exec", () => {
    it("passes bytes, errors and exit code on", async () => {
      const bytes = randomBytes(5_000_000).toString("base64");
      const result = assertExit(
        await slipway(["exec", "web", "--", "sh", "-c", "cat; echo error >&2; exit 5"], { input: bytes }),
        5,
      );
      assert.ok(result.stdout === bytes);
      assert.equal(result.stderr, "error\n");
    });

    it("says what it needs, and what there is", async () => {
      const unknown = assertExit(await slipway(["exec", "wep", "--", "ls"]), 2);
      assert.equal(unknown.stderr, "There is no wep (did you mean web?) here. Allowed: database, web\n");
      const missing = assertExit(await slipway(["exec", "web"]), 2);
      assert.equal(missing.stderr, "Put the command after --, such as: ./slipway exec SERVICE -- ls -l\n");
    });
  });

  describe("shell", () => {
    it("gives a real terminal: its size, Ctrl-C for the program, and the settings it had", async () => {
      const script = "tty; stty -g; ./slipway shell; echo exit code $?; stty -g";
      const terminal = new Terminal(sandbox, script, { rows: 33, columns: 101 });
      const [device] = await terminal.shows(/\/dev\/pts\/\d+/);
      const [settings] = await terminal.shows(/[0-9a-f:]{40,}/);
      await terminal.shows(/\$ /);
      terminal.type("stty size; id -u\r");
      await terminal.shows(/^33 101\n4321$/m);
      assertExit(await sandbox.run("stty", [`--file=${device}`, "rows", "20", "cols", "70"]), 0);
      terminal.type("stty size\r");
      await terminal.shows(/^20 70$/m);
      terminal.type("sleep 600\r");
      await terminal.shows(/sleep 600\n/);
      terminal.type("\x03");
      await terminal.shows(/\$ /);
      terminal.type("echo still $((6 * 7)) there; exit 6\r");
      await terminal.shows(/^still 42 there$/m);
      await terminal.shows(/exit code 6/);
      assert.equal((await terminal.shows(/[0-9a-f:]{40,}/))[0], settings);
      assert.equal(await terminal.ended(), 0);
    });

    it("is root's on request", async () => {
      const result = assertExit(await slipway(["shell", "web", "--as-root"], { input: "id -u; touch /file\n" }), 1);
      assert.equal(result.stdout, "0\n");
      assert.match(result.stderr, /Read-only file system/);
    });
  });

  describe("dbshell", () => {
    it("opens the database's client", async () => {
      const terminal = new Terminal(sandbox, "./slipway dbshell");
      await terminal.shows(/\[things\]> /);
      terminal.type("SELECT COUNT(*) + 41 FROM thing;\r");
      await terminal.shows(/\| +42 \|/);
      terminal.type("exit\r");
      assert.equal(await terminal.ended(), 0);
    });

    it("writes a dump, and loads it again", async () => {
      const file = `${sandbox.folder}/dump.sql`;
      const terminal = new Terminal(sandbox, `./slipway dbshell > '${file}'`);
      await terminal.shows(/Writing a dump of database, as with --dump\./);
      assert.equal(await terminal.ended(), 0);
      const { stdout: dump } = assertExit(await slipway(["dbshell", "--dump"]), 0);
      const row = await minimal.row(password);
      assert.match(dump, /INSERT INTO `thing` VALUES/);

      assertExit(await slipway(["dbshell"], { input: "UPDATE thing SET made = '2000-01-01'" }), 0);
      assert.notEqual(await minimal.row(password), row);
      assertExit(await sandbox.run("sh", ["-c", `./slipway dbshell < '${file}'`]), 0);
      assert.equal(await minimal.row(password), row);
    });

    it("ends at the first statement that fails", async () => {
      const result = assertExit(await slipway(["dbshell"], { input: "SELECT 1; SELECT * FROM nothing; SELECT 2" }), 1);
      assert.equal(result.stdout, "1\n1\n");
      assert.match(result.stderr, /Table 'things\.nothing' doesn't exist/);
    });
  });
});
