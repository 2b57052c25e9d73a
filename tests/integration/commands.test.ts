import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { findSecrets, type Finding } from "../secret-search.ts";
import { MinimalStack, minimalProgram } from "./support/minimal.ts";
import { endProcessesOf } from "./support/process-table.ts";
import { assertExit, type StartOptions } from "./support/processes.ts";
import { Sandbox } from "./support/sandbox.ts";
import { Terminal } from "./support/terminal.ts";
import { until } from "./support/until.ts";

// No other test's: all processes of the machine are searched for it.
const password = `p@ss/w:rd%'"$\\ é ${randomBytes(4).toString("hex")}`;

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

  /** The arguments and environments of all processes, those in containers among them, that may be read. */
  async function processes(): Promise<string[]> {
    const files = readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
      .flatMap((pid) => ["cmdline", "environ"].map((file) => `/proc/${pid}/${file}`));
    const texts = await Promise.all(files.map((file) => readFile(file, "utf8").catch(() => "")));
    return texts.flatMap((text) => text.split("\0"));
  }

  async function running(): Promise<string[]> {
    const containers = [...(await minimal.containers())];
    return containers.filter(([, { State: state }]) => state.Running).map(([name]) => name);
  }

  /** What a program on a terminal does: it says when it begins, when the terminal has another size, and when it gets Ctrl-C. */
  const terminalProgram = [
    'trap "echo caught Ctrl-C; exit 9" INT',
    "tty && echo begun",
    'until [ "$(stty size)" = "20 70" ]; do sleep 0.1; done',
    "echo resized",
    "while :; do sleep 0.1; done",
  ].join("; ");

  /** Checks that a command line, such as `run web`, gives what it runs a real terminal, and passes its exit code on. */
  async function assertTerminal(command: string): Promise<void> {
    const script = `tty; ./slipway ${command} -- sh -c '${terminalProgram}'; echo exit code $?`;
    const terminal = new Terminal(sandbox, script, { rows: 33, columns: 101 });
    const [device] = await terminal.shows(/\/dev\/pts\/\d+/);
    await terminal.shows(/\/dev\/\S+\nbegun\n/, 60);
    assertExit(await sandbox.run("stty", [`--file=${device}`, "rows", "20", "cols", "70"]), 0);
    await terminal.shows(/^resized$/m);
    terminal.type("\x03");
    await terminal.shows(/caught Ctrl-C\n/);
    await terminal.shows(/^exit code 9$/m);
    assert.equal(await terminal.ended(), 0);
  }

  /** Checks that a command line, such as `run web`, passes all bytes on in both directions. */
  async function assertBytes(command: string): Promise<void> {
    const [input, output] = ["bytes", "same-bytes"].map((name) => join(sandbox.folder, name)) as [string, string];
    // Every byte there is, and more than any pipe holds at a time.
    const bytes = Buffer.concat([Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)), randomBytes(3_000_000)]);
    writeFileSync(input, bytes);
    const script = `cat '${input}' | ./slipway ${command} -- cat | cat > '${output}'`;
    assertExit(await sandbox.run("sh", ["-c", script]), 0);
    assert.ok(readFileSync(output).equals(bytes), `${command} changes bytes`);
  }

  describe("run", () => {
    it("takes arguments as they are, and passes output, errors and exit code on", async () => {
      const script = 'printf "<%s>" "$@"; echo "to stderr" >&2; exit 7';
      const args = ["a b", "", "$HOME", "-l", "--", "é'\"\\"];
      const result = assertExit(await slipway(["run", "web", "--", "sh", "-c", script, "sh", ...args]), 7);
      assert.equal(result.stdout, args.map((arg) => `<${arg}>`).join(""));
      assert.equal(result.stderr, "to stderr\n");
      assertExit(await slipway(["run", "web", "--", "no-such-program"]), 127);
      await minimal.assertComplete();
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

    it("gives a real terminal: its size, Ctrl-C for the program, and the exit code", async () => {
      await assertTerminal("run web");
      await minimal.assertComplete();
    });

    it("passes all bytes on in pipes", async () => {
      await assertBytes("run web");
    });

    it("is ended by Ctrl-C in its own way, and its container goes with it", async () => {
      const script = "trap 'echo ended; exit 9' INT; echo started; sleep 600 & wait";
      const running = sandbox.start("./slipway", ["run", "--", "sh", "-c", script], { ownGroup: true });
      await until("the process runs", 30, () => Promise.resolve(running.written() === "started\n"));
      process.kill(-Number(running.child.pid), "SIGINT");
      assert.equal(assertExit(await running.ended, 9).stdout, "started\nended\n");
      await minimal.assertComplete();
    });
  });

  describe("exec", () => {
    it("gives a real terminal: its size, Ctrl-C for the program, and the exit code", async () => {
      await assertTerminal("exec web");
    });

    it("passes all bytes on in pipes", async () => {
      await assertBytes("exec web");
    });

    it("passes output, errors and exit code on", async () => {
      const script = "cat; echo error >&2; exit 5";
      const result = assertExit(await slipway(["exec", "web", "--", "sh", "-c", script], { input: "words\n" }), 5);
      assert.equal(result.stdout, "words\n");
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
      terminal.type("until [ \"$(stty size)\" = '20 70' ]; do sleep 0.1; done; echo resized\r");
      await terminal.shows(/^resized$/m);
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

    it("runs what comes in where there is no terminal, and passes its exit code on", async () => {
      const result = assertExit(await slipway(["shell", "database"], { input: "id -u; tty; exit 8\n" }), 8);
      assert.equal(result.stdout, "999\nnot a tty\n");
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
      // Ctrl-C ends the statement, not the client.
      terminal.type("SELECT SLEEP(600);\r");
      await until("the database runs the statement", 30, async () => {
        const { stdout } = await minimal.query(
          "SELECT COUNT(*) FROM information_schema.processlist WHERE info = 'SELECT SLEEP(600)'",
          password,
        );
        return stdout === "1\n";
      });
      terminal.type("\x03");
      await terminal.shows(/query killed[^]*\[things\]> /);
      terminal.type("SELECT 6 * 8;\r");
      await terminal.shows(/\| +48 \|/);
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

    it("keeps every byte of a dump, also in pipes", async () => {
      const bytes = randomBytes(4096).toString("hex");
      const statements = `CREATE TABLE picture (bytes MEDIUMBLOB); INSERT INTO picture VALUES (x'00ff0d0a1a09${bytes}')`;
      assertExit(await slipway(["dbshell"], { input: statements }), 0);
      const sum = async () =>
        assertExit(await slipway(["dbshell"], { input: "SELECT SHA2(bytes, 256) FROM picture" }), 0).stdout;
      const before = await sum();
      assert.match(before, /^[0-9a-f]{64}$/m);
      const file = join(sandbox.folder, "picture.sql");
      assertExit(await sandbox.run("sh", ["-c", `./slipway dbshell --dump | cat > '${file}'`]), 0);
      assertExit(await slipway(["dbshell"], { input: "DELETE FROM picture" }), 0);
      assertExit(await sandbox.run("sh", ["-c", `cat '${file}' | ./slipway dbshell database`]), 0);
      assert.equal(await sum(), before);
      assertExit(await slipway(["dbshell"], { input: "DROP TABLE picture" }), 0);
    });

    it("ends at the first statement that fails", async () => {
      const result = assertExit(await slipway(["dbshell"], { input: "SELECT 1; SELECT * FROM nothing; SELECT 2" }), 1);
      assert.equal(result.stdout, "1\n1\n");
      assert.match(result.stderr, /Table 'things\.nothing' doesn't exist/);
    });
  });

  describe("logs", () => {
    it("tell containers apart, and go on with those that are started again", async () => {
      const following = sandbox.start("./slipway", ["logs", "web", "--follow", "--tail", "0"]);
      let number = 0;
      const sees = async (what: string) => {
        await until(`the log shows a request ${what}`, 30, async () => {
          await minimal.get(`/${what}-${(number += 1)}`);
          return following.written().includes(`GET /${what}-`);
        });
      };
      await sees("before");
      assertExit(await slipway(["restart", "web"]), 0);
      await sees("after");
      assertExit(await slipway(["stop", "web"]), 0);
      const { stdout } = assertExit(await following.ended, 0);
      const lines = stdout.trimEnd().split("\n");
      for (const line of lines) assert.match(line, new RegExp(`^${minimal.name}-web \\| `));
      assert.deepEqual(lines, [...new Set(lines)]);
      assertExit(await slipway(["start", "web"]), 0);
    });
  });

  it("logs go on in a terminal until Ctrl-C", async () => {
    const terminal = new Terminal(sandbox, "./slipway logs web --follow --tail 0", { columns: 200 });
    let number = 0;
    await until("the log shows a request", 30, async () => {
      await minimal.get(`/in-a-terminal-${(number += 1)}`);
      return terminal.everything().includes("GET /in-a-terminal-");
    });
    await terminal.shows(/^\S+-web \| .*GET \/in-a-terminal-/m);
    terminal.type("\x03");
    assert.equal(await terminal.ended(), 130);
  });

  describe("superuser", () => {
    const newPassword = "t0p 'secret' \"$x\" é";
    const hash = createHash("sha256").update(`${newPassword}\n`).digest("hex");

    it("asks for the password twice, unseen", async () => {
      const terminal = new Terminal(sandbox, "./slipway superuser create chief");
      await terminal.shows(/Password for chief:/);
      terminal.type(`${newPassword}\r`);
      await terminal.shows(/The same again:/);
      terminal.type("mistyped\r");
      await terminal.shows(/This is another password\./);
      terminal.type(`\x15${newPassword}\r`);
      await terminal.shows(new RegExp(`chief ${hash}`));
      assert.equal(await terminal.ended(), 0);
      assert.deepEqual(findSecrets(terminal.everything(), [newPassword, "mistyped"]), []);
    });

    it("takes the password from a file or pipe, and shows it in no process's arguments or environment", async () => {
      const creation = sandbox.start("./slipway", ["superuser", "create", "chief"], { input: `${newPassword}\n` });
      const seen: unknown[] = [];
      while (creation.child.exitCode === null) seen.push(await processes());
      const { stdout } = assertExit(await creation.ended, 0);
      assert.match(stdout, new RegExp(`^chief ${hash} `));
      assert.ok(seen.some((one) => JSON.stringify(one).includes("sha256sum")));
      assert.deepEqual(findSecrets(seen, [newPassword]), []);
    });

    it("needs a password, and a service that knows how", async () => {
      const none = assertExit(await slipway(["superuser", "create", "chief"]), 2);
      assert.equal(none.stderr, "The password is empty. It is read from standard input.\n");
      const unable = assertExit(await slipway(["superuser", "password", "chief"]), 2);
      assert.equal(unable.stderr, 'No service of the stack "dev" that is there offers this.\n');
    });
  });

  it("shows no database password in any process's arguments or environment while they run", async () => {
    const client = "mariadb --defaults-extra-file=/run/secrets/client.cnf --host=database things";
    const sleeping = (verb: string) => `--execute=SELECT SLEEP(4) AS ${verb}`;
    const query = (verb: string) => ["--", ...client.split(" "), sleeping(verb)];
    const words = (verb: string) =>
      query(verb)
        .map((word) => `"${word}"`)
        .join(" ");
    const prompt = new Terminal(sandbox, "./slipway dbshell");
    await prompt.shows(/\[things\]> /, 60);
    prompt.type("SELECT SLEEP(8);\rexit\r");
    const onTerminals = [
      prompt,
      new Terminal(sandbox, `./slipway run database ${words("run_on_terminal")}`),
      new Terminal(sandbox, `./slipway exec database ${words("exec_on_terminal")}`),
      new Terminal(sandbox, "timeout --foreground 8 ./slipway logs --follow"),
    ];
    const inPipes = [
      sandbox.start("./slipway", ["dbshell"], { input: "SELECT SLEEP(2); SELECT SLEEP(2)" }),
      sandbox.start("./slipway", ["dbshell", "--dump"]),
      sandbox.start("./slipway", ["run", "database", ...query("run_in_pipes")]),
      sandbox.start("./slipway", ["exec", "database", ...query("exec_in_pipes")]),
      sandbox.start("./slipway", ["shell", "database"], { input: `${client} '${sleeping("shell_in_pipes")}'` }),
    ];
    const progress = { ended: false };
    const all = Promise.all([...inPipes.map((one) => one.ended), ...onTerminals.map((one) => one.ended())]);
    void all.finally(() => {
      progress.ended = true;
    });
    const verbs = ["run_on_terminal", "exec_on_terminal", "run_in_pipes", "exec_in_pipes", "shell_in_pipes"];
    const seen = new Set<string>();
    const found: Finding[] = [];
    while (!progress.ended) {
      const texts = await processes();
      found.push(...findSecrets(texts, [password]));
      for (const verb of verbs) if (texts.some((text) => text.includes(sleeping(verb)))) seen.add(verb);
    }
    for (const one of inPipes) assertExit(await one.ended, 0);
    assert.deepEqual(found, []);
    assert.deepEqual([...seen].sort(), verbs.sort(), "not all of them were seen");
  });

  describe("stop and start", () => {
    it("keep a service stopped until it is started", async () => {
      assertExit(await slipway(["stop"]), 0);
      assert.deepEqual(await running(), []);
      const status = assertExit(await slipway(["status"]), 0);
      assert.match(
        status.stdout,
        /^Stopped, as somebody wished: database web\. To start again, type: \.\/slipway start database web$/m,
      );
      const refused = assertExit(await slipway(["shell"]), 1);
      assert.match(refused.stderr, /^web does not run .*\nTo start it, type: \.\/slipway start web\n/);
      assertExit(await slipway(["start", "database"]), 0);
      assert.deepEqual(await running(), ["database"]);
      assert.match(assertExit(await slipway(["status"]), 0).stdout, /^Stopped, as somebody wished: web\./m);
      assertExit(await slipway(["start"]), 0);
      await minimal.assertComplete();
      await minimal.expectNoChanges();
    });

    it("let the next deployment start what was stopped, and say so", async () => {
      assertExit(await slipway(["stop"]), 0);
      const up = await minimal.up();
      assert.match(up.stdout, /^ {2}database: started again$/m);
      assert.match(up.stdout, /^ {2}web: replaced \(it does not run\)$/m);
      await minimal.assertComplete();
    });
  });

  describe("up --attach", () => {
    it("shows the logs of all services until Ctrl-C, which stops them", async () => {
      const terminal = new Terminal(sandbox, "./slipway up --attach", { columns: 200 });
      await terminal.shows(/The Minimal application is running at /, 120);
      await terminal.shows(/Ctrl-C stops all services; their data are kept\./);
      await minimal.get("/attached");
      await terminal.shows(/-web +\| .*GET \/attached /);
      terminal.type("\x03");
      await terminal.shows(/-database +\| .*Shutdown complete/);
      await terminal.shows(/Stopped\. To start the services again, type: \.\/slipway start/);
      assert.equal(await terminal.ended(), 130);
      assert.deepEqual(await running(), []);
      assertExit(await slipway(["start"]), 0);
      await minimal.assertComplete();
    });
  });

  it("works on what a killed first deployment left", async () => {
    const half = await MinimalStack.prepare(sandbox, { stack: "half", name: `${minimal.name}half` });
    const up = sandbox.start("./slipway", ["up", "--yes", "--stack", "half"]);
    await until("the database is healthy", 120, async () => (await half.states())["database"] === "healthy");
    endProcessesOf(sandbox.home);
    await up.ended;

    const one = assertExit(await slipway(["dbshell", "--stack", "half"], { input: "SELECT 6 * 7" }), 0);
    assert.equal(one.stdout, "6 * 7\n42\n");
    assert.equal(
      assertExit(await slipway(["run", "database", "--stack", "half", "--", "id", "-u"]), 0).stdout,
      "999\n",
    );
    const log = assertExit(await half.slipway("logs", "database"), 0);
    assert.match(log.stdout, /ready for connections/);
    assertExit(await half.slipway("restart", "database"), 0);
    assertExit(await half.slipway("stop"), 0);
  });
});
