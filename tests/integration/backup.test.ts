import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Deployment } from "./support/deployment.ts";
import { exec } from "./support/docker.ts";
import { freePorts } from "./support/ports.ts";
import { assertExit, type Result } from "./support/processes.ts";
import { Sandbox } from "./support/sandbox.ts";

const base = "slipway/base:bookworm";

describe("a backup", () => {
  let sandbox: Sandbox;
  let stack: Deployment;
  let folder: string;

  before(async () => {
    sandbox = new Sandbox({ program: "tests/fixtures/backup/index.ts" });
    stack = await deployment("dev", sandbox.prefix);
    folder = join(sandbox.folder, "backups");
    mkdirSync(folder);
    await stack.up();
    await fill(stack);
  });

  afterEach(() => {
    sandbox.editStackFile("dev", { "slipway:backup": undefined });
  });

  after(() => sandbox.remove());

  async function deployment(name: string, prefix: string): Promise<Deployment> {
    const [hostPort = 0] = await freePorts(1);
    return new Deployment(sandbox, { stack: name, name: prefix, settings: { hostAddress: "127.0.0.1", hostPort } });
  }

  const mysql = async (of: Deployment, statements: string) => {
    const client = [
      "mariadb",
      "--defaults-extra-file=/run/secrets/client.cnf",
      "--batch",
      "--raw",
      "--skip-column-names",
    ];
    const command = [...client, `--execute=${statements}`, "the things"];
    return assertExit(await exec(`${of.name}-mysql`, command), 0).stdout;
  };
  const postgresql = async (of: Deployment, statements: string) => {
    const command = ["psql", "--username=the.clerk", "--dbname=the things", "--tuples-only", "--no-align", "--quiet"];
    return assertExit(await exec(`${of.name}-postgresql`, [...command, `--command=${statements}`]), 0).stdout;
  };
  /** Runs a script as root among the files of the web server. */
  const inFiles = async (of: Deployment, script: string) => {
    const command = ["run", "--rm", "--network=none", `--volume=${of.name}-files:/data`, "--workdir=/data", base];
    return assertExit(await sandbox.run("docker", [...command, "bash", "-ec", script]), 0).stdout;
  };

  async function fill(of: Deployment): Promise<void> {
    await mysql(
      of,
      "CREATE TABLE `a``b` (id INT PRIMARY KEY AUTO_INCREMENT, name TEXT, photo BLOB); CREATE TABLE empty (id INT); " +
        "INSERT INTO `a``b` (name, photo) VALUES ('é\\n\\\\''', x'00ff0a0d5c271a'), (NULL, NULL); " +
        "CREATE VIEW names AS SELECT name FROM `a``b`; " +
        "CREATE TRIGGER upper_name BEFORE INSERT ON `a``b` FOR EACH ROW SET NEW.name = UPPER(NEW.name)",
    );
    await postgresql(
      of,
      `CREATE SCHEMA other; CREATE TABLE other."A b" (id SERIAL PRIMARY KEY, line TEXT, photo BYTEA); ` +
        `INSERT INTO other."A b" (line, photo) VALUES (E'\\\\restrict abc\\n-- Dumped by x', '\\x00ff'), (NULL, NULL); ` +
        `CREATE VIEW lines AS SELECT line FROM other."A b"`,
    );
    await inFiles(
      of,
      "mkdir --parents deep/er; echo content >deep/er/file; chmod 640 deep/er/file; chown 4321:4322 . deep/er/file; " +
        "ln --symbolic er/file deep/link; ln --symbolic /etc/passwd out; mkfifo pipe; " +
        'head --bytes=5000000 /dev/urandom >large; touch --date=2001-02-03 "$(printf %0150d 7) é"',
    );
  }

  /** Everything that a restore has to bring back. */
  async function dataOf(of: Deployment): Promise<Record<string, string>> {
    return {
      mysql: await mysql(
        of,
        "SELECT id, HEX(name), HEX(photo) FROM `a``b`; SHOW TABLES; " +
          "SELECT trigger_name, action_statement FROM information_schema.triggers WHERE trigger_schema = DATABASE()",
      ),
      postgresql: await postgresql(
        of,
        `SELECT * FROM other."A b" ORDER BY id; SELECT count(*) FROM lines; ` +
          "SELECT schemaname, tablename FROM pg_tables WHERE tableowner = 'the.clerk' ORDER BY 1, 2",
      ),
      files: await inFiles(
        of,
        "find . \\( -type f -o -type d -o -type l \\) ! -name out -printf '%p %y %m %U:%G %s %l\\n' | sort; " +
          "find . -type f -print0 | sort --zero-terminated | xargs --null sha256sum; stat --format=%Y 000*",
      ),
    };
  }

  async function spoil(of: Deployment): Promise<void> {
    await mysql(of, "DELETE FROM `a``b`; CREATE TABLE later (id INT); DROP VIEW names");
    await postgresql(of, `DROP TABLE other."A b" CASCADE; CREATE TABLE later (id INT)`);
    await inFiles(of, "rm --recursive deep; echo other >large; echo later >later");
  }

  /** The passwords that were generated, as the databases read them. */
  const secretsOf = async (of: Deployment) => {
    const script = "cat /run/secrets/*";
    const read = ["mysql", "postgresql"].map((service) => exec(`${of.name}-${service}`, ["sh", "-c", script]));
    return (await Promise.all(read)).map((result) => assertExit(result, 0).stdout);
  };

  const backup = async (...args: string[]): Promise<{ file: string; result: Result }> => {
    const result = assertExit(await stack.slipway("backup", ...args), 0);
    return { file: result.stdout.trim(), result };
  };
  const startTimes = async (of: Deployment) =>
    [...(await of.containers())].map(([name, { State: state }]) => [name, state.StartedAt]);

  it("holds everything as at one moment, while others write", async () => {
    const before = await dataOf(stack);
    const writing = exec(`${stack.name}-mysql`, [
      "bash",
      "-c",
      'for i in {1..50}; do mariadb --defaults-extra-file=/run/secrets/client.cnf "the things" ' +
        "--execute='INSERT INTO empty VALUES (1)' || exit; done",
    ]);
    const { file, result } = await backup("--to", folder);
    assertExit(await writing, 0);
    assert.match(file, new RegExp(`^${folder}/dev-\\d{8}T\\d{6}Z\\.tar\\.zst$`));
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.match(result.stderr, /not encrypted; only its mode 0600 protects it/);
    assert.match(result.stderr, /left out of the files of web in \/data: "\.\/out": it is a link to \/etc\/passwd/);
    await mysql(stack, "DELETE FROM empty");
    assert.deepEqual(await dataOf(stack), before);

    await spoil(stack);
    const restored = assertExit(await stack.slipway("restore", file, "--confirm", "dev"), 0);
    assert.match(restored.stdout, /the database mysql: \d+ rows in 2 tables; a dump of it is equal by checksum/);
    assert.match(restored.stdout, /the database postgresql: 2 rows in 1 tables; a dump of it is equal by checksum/);
    assert.match(restored.stdout, /the files of web in \/data: 3 files, equal by checksum/);
    await mysql(stack, "DELETE FROM empty");
    assert.deepEqual(await dataOf(stack), before);
    assertExit(await stack.slipway("status"), 0);
    await stack.expectNoChanges();
  });

  it("is refused when it is damaged or not meant, before anything is touched", async () => {
    const { file } = await backup("--to", folder);
    const whole = readFileSync(file);
    const [before, data] = [await startTimes(stack), await dataOf(stack)];
    const flipped = Buffer.from(whole);
    flipped[whole.length >> 1] = (flipped[whole.length >> 1] ?? 0) ^ 1;
    const damaged = {
      cut: whole.subarray(0, -100),
      half: whole.subarray(0, whole.length >> 1),
      flipped,
      other: Buffer.from("x"),
    };
    for (const [name, content] of Object.entries(damaged)) {
      const path = join(sandbox.folder, name);
      writeFileSync(path, content);
      const refused = assertExit(await stack.slipway("restore", path, "--confirm", "dev"), 1);
      assert.match(refused.stderr, /cannot be restored: .*Nothing was changed\.\n$/s, name);
    }
    const declined = assertExit(await stack.slipway("restore", file, "--confirm", "prod"), 1);
    assert.match(declined.stderr, /"dev" was not typed. Nothing was changed/);
    const unasked = assertExit(await stack.slipway("restore", file, "--yes"), 2);
    assert.match(unasked.stderr, /To agree, add: --confirm dev/);
    assert.deepEqual(await startTimes(stack), before);
    assert.deepEqual(await dataOf(stack), data);
  });

  it("is encrypted for a recipient, and only the private key opens it", async () => {
    const tools = async (...command: string[]) => {
      const image = (await sandbox.docker.listImages()).flatMap(({ RepoTags: tags }) => tags ?? []);
      const own = image.find((tag) => tag.startsWith("slipway/backup:")) ?? "";
      return assertExit(await sandbox.run("docker", ["run", "--rm", "--network=none", own, ...command]), 0).stdout;
    };
    const [key, wrongKey] = [await tools("age-keygen"), await tools("age-keygen")];
    for (const [name, text] of Object.entries({ key, wrongKey })) writeFileSync(join(sandbox.folder, name), text);
    const recipient = /age1\S+/.exec(key)?.[0] ?? "";
    sandbox.editStackFile("dev", { "slipway:backup": { folder, recipient } });
    const data = await dataOf(stack);
    const { file, result } = await backup();
    assert.match(file, new RegExp(`^${folder}/dev-.*\\.tar\\.zst\\.age$`));
    assert.doesNotMatch(result.stderr, /not encrypted/);

    const missing = assertExit(await stack.slipway("restore", file, "--confirm", "dev"), 2);
    assert.match(missing.stderr, /is encrypted. Name the file with the private key: --identity FILE/);
    const restore = (identity: string) =>
      stack.slipway("restore", file, "--identity", join(sandbox.folder, identity), "--confirm", "dev");
    const wrong = assertExit(await restore("wrongKey"), 1);
    assert.match(wrong.stderr, /no identity matched any of the recipients/);
    await spoil(stack);
    assertExit(await restore("key"), 0);
    assert.deepEqual(await dataOf(stack), data);
  });

  it("goes into a fresh stack of the same system", async () => {
    const data = await dataOf(stack);
    const { file } = await backup("--to", folder);
    const other = await deployment("other", `${sandbox.prefix}other`);
    await other.up();
    const restored = assertExit(await other.slipway("restore", file, "--confirm", "other"), 0);
    assert.match(restored.stdout, /A backup of the stack "dev"/);
    assert.deepEqual(await dataOf(other), data);
    assert.deepEqual(await dataOf(stack), data);
    assertExit(await other.slipway("status"), 0);
  });

  it("leaves nothing but a message on a disk that is full", async () => {
    const data = await dataOf(stack);
    const former = readdirSync(folder);
    const small = join(sandbox.folder, "small");
    mkdirSync(small);
    // In a name space of its own, where root may mount.
    const script = `mount -t tmpfs -o size=3m none '${small}' && echo kept >'${small}/former' &&
      { ./slipway backup --to '${small}'; echo "exit code $?"; ls -A '${small}'; cat '${small}/former'; }`;
    const result = await sandbox.run("unshare", ["--map-root-user", "--user", "--mount", "sh", "-c", script]);
    assertExit(result, 0);
    assert.equal(result.stdout, "exit code 1\nformer\nkept\n");
    assert.match(result.stderr, /The disk of .*small is full after .*What was written has been removed/);
    assert.deepEqual(readdirSync(folder), former);
    assert.deepEqual(await dataOf(stack), data);
  });

  it("brings stack, secrets and data back on a machine that has nothing but the passphrase", async () => {
    const [data, secrets] = [await dataOf(stack), await secretsOf(stack)];
    const { file } = await backup("--to", folder);
    const passphrase = readFileSync(join(sandbox.home, "passphrase"));
    await sandbox.loseMachine();

    const early = assertExit(await stack.slipway("restore", file, "--settings-only"), 2);
    assert.match(early.stderr, /passphrase is missing, which no backup holds.*Nothing was written\.$/ms);
    assert.ok(!existsSync(sandbox.stackFile("dev")));
    writeFileSync(join(sandbox.home, "passphrase"), passphrase, { mode: 0o600 });
    const { stdout } = assertExit(await stack.slipway("restore", file, "--settings-only"), 0);
    const next = [...stdout.matchAll(/^ {2}(\.\/slipway .+)$/gm)].map(([, command = ""]) => command);
    assert.deepEqual(
      next.map((command) => command.split(" ")[1]),
      ["up", "restore"],
    );
    assertExit(await sandbox.run("sh", ["-c", `${next[0] ?? ""} --yes`]), 0);
    assertExit(await sandbox.run("sh", ["-c", `${next[1] ?? ""} --confirm dev`]), 0);
    assert.deepEqual(await dataOf(stack), data);
    assert.deepEqual(await secretsOf(stack), secrets);
    assertExit(await stack.slipway("status"), 0);
    await stack.expectNoChanges();
  });
});
