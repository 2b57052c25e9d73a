import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { parse } from "yaml";
import { freePorts } from "./support/ports.ts";
import { assertExit } from "./support/processes.ts";
import { Sandbox } from "./support/sandbox.ts";
import { Terminal } from "./support/terminal.ts";

const password = `p@ss/w:rd%'"$\\ é`;
const enter = "\r";
/** Takes away what was typed. */
const erase = "\x15";

describe("./slipway init", function () {
  this.timeout(6 * 60_000);
  this.slow(60_000);

  let sandbox: Sandbox;

  /** Answers questions, as soon as they are asked. */
  const answering = (terminal: Terminal) => {
    const answer = async (question: RegExp, typed: string) => {
      await terminal.shows(question);
      terminal.type(`${typed}${enter}`);
    };
    const answerWrongly = async (question: RegExp, wrong: string, complaint: RegExp, right: string) => {
      await answer(question, wrong);
      await terminal.shows(complaint);
      terminal.type(`${erase}${right}${enter}`);
    };
    return { answer, answerWrongly };
  };
  const configOf = (stack: string) =>
    (parse(readFileSync(sandbox.stackFile(stack), "utf8")) as { config: Record<string, unknown> }).config;
  const secret = async (stack: string, key: string) =>
    assertExit(await sandbox.pulumi(stack, ["config", "get", key, "--stack", stack]), 0).stdout.replace(/\n$/, "");

  before(() => {
    sandbox = new Sandbox();
  });

  after(async () => {
    await sandbox.remove();
  });

  it("asks what the installer asks, says at once what is wrong, and writes what was answered", async () => {
    const folder = join(sandbox.folder, "camcops_config");
    const [hostPort = 0, databasePort = 0, flowerPort = 0] = await freePorts(3);
    const terminal = new Terminal(sandbox, "./slipway init camcops --stack clinic", { rows: 50, columns: 160 });
    const { answer, answerWrongly } = answering(terminal);
    await answer(/Environment of the stack\?/, "");
    await answerWrongly(/names in Docker begin with\?/, "Not A Name", /Must be 1 to 40 lower-case/, sandbox.prefix);
    await answerWrongly(/Folder of the host.*\?/, "relative/path", /Must be an absolute path/, folder);
    await answerWrongly(/Port of the host on which CamCOPS listens.*\?/, "70000", /from 1 to 65535/, `${hostPort}`);
    await answer(/Serve HTTPS\?/, "");
    await answer(/Where the certificate comes from\?/, "");
    await answerWrongly(/Country\?/, "GBR", /two capital letters/, "GB");
    await answer(/State or province\?/, "");
    await answer(/Locality\?/, "Cambridge");
    await answer(/Organisation\?/, "University of Cambridge");
    await answerWrongly(/DNS names/, "not_a_name", /Must be a DNS name/, "camcops.example.org localhost");
    await answer(/database in a container/, "");
    await answer(/Password of root in the database/, "");
    await answer(/Password of CamCOPS's user in the database/, "");
    await answerWrongly(
      /on which the database listens/,
      `${hostPort}`,
      /Must differ from camcops.hostPort/,
      `${databasePort}`,
    );
    await answer(/Name of the first user/, "chief");
    await answer(/Password of the first user/, password);
    await answer(/monitor of background tasks/, `${flowerPort}`);
    await terminal.shows(/slipway:camcopsSuperuserPassword: \(encrypted\)/);
    await terminal.shows(/A new folder: /);
    assert.ok(!existsSync(sandbox.stackFile("clinic")), "the file was written without consent");
    await terminal.shows(/Write this\?/);
    terminal.type(enter);
    await terminal.shows(/To deploy, type: \.\/slipway up --stack clinic/, 120);
    assert.equal(await terminal.ended(), 0);

    assert.deepEqual(configOf("clinic")["slipway:camcops"], {
      name: sandbox.prefix,
      configDirectory: folder,
      hostPort,
      https: true,
      certificate: {
        kind: "self-signed",
        country: "GB",
        locality: "Cambridge",
        organization: "University of Cambridge",
        dnsNames: ["camcops.example.org", "localhost"],
      },
      mysql: { container: true, hostPort: databasePort },
      superuser: { username: "chief" },
      flower: { hostPort: flowerPort },
    });
    assert.ok(existsSync(folder));
    assert.equal(await secret("clinic", "camcopsSuperuserPassword"), password);
    const text = readFileSync(sandbox.stackFile("clinic"), "utf8");
    assert.match(text, /# The monitor of background tasks\./);
    assert.ok(!text.includes(password) && !terminal.everything().includes("p@ss"), "shows a password");
  });

  it("asks the same of another system, and says of a port that it is taken, and by whom", async () => {
    const server = createServer();
    const [taken = 0, databasePort = 0] = await freePorts(2);
    server.listen(taken, "127.0.0.1");
    await once(server, "listening");
    try {
      const terminal = new Terminal(sandbox, "./slipway init siddata --stack lab", { rows: 50, columns: 160 });
      const { answer, answerWrongly } = answering(terminal);
      await answer(/Environment of the stack\?/, "");
      await answerWrongly(/names in Docker begin with\?/, "Not A Name", /Must be 1 to 40 lower-case/, sandbox.prefix);
      await answer(/Name the containers as Siddata's documentation does/, "");
      await answerWrongly(/User id/, "0", /root, is refused/, "1000");
      for (const question of [/Group id/, /your application/, /Module of/, /Names under which/, /Django's key/]) {
        await answer(question, "");
      }
      await answer(/on which the backend listens/, `${taken}`);
      await answer(new RegExp(`${taken} is taken: a process of the host listens on it.*Use it all the same\\?`), "");
      const [, free = ""] = await terminal.shows(/on which the backend listens\? \(Enter: (\d+)/);
      terminal.type(enter);
      await answer(/Name of the database\?/, "");
      await answer(/application's user in it/, "");
      await answer(/user in the database\?/, password);
      await answer(/on which the database listens/, `${databasePort}`);
      await terminal.shows(/Run Adminer\?/);
      terminal.type("n");
      await terminal.shows(/Run TF Serving/);
      terminal.type("n");
      await answer(/Name of the first user\?/, "");
      await answer(/Password of the first user/, "");
      await terminal.shows(/Environment: dev\..*--environment staging or prod/);
      await answer(/Write this\?/, "");
      await terminal.shows(/To deploy, type: \.\/slipway up --stack lab/, 120);
      assert.equal(await terminal.ended(), 0);

      const config = configOf("lab");
      assert.equal(config["slipway:environment"], "dev");
      assert.notEqual(Number(free), taken);
      assert.deepEqual(config["slipway:siddata"], {
        name: sandbox.prefix,
        documentedNames: false,
        userId: 1000,
        backend: { allowedHosts: ["localhost"], hostPort: Number(free) },
        db: { databaseName: "siddata", userName: "siddata", hostPort: databasePort },
        adminer: { container: false },
        tfServing: { container: false },
        superuser: { username: "admin" },
      });
      assert.equal(await secret("lab", "siddataDatabasePassword"), password);
      assert.ok(!terminal.everything().includes("p@ss"), "shows a password");
    } finally {
      server.close();
    }
  });

  it("takes the environment that it is told, and says what is then needed", async () => {
    const args = ["init", "coped", "--stack", "energy", "--environment"];
    const { stderr } = assertExit(await sandbox.slipway([...args, "prod"]), 2);
    assert.match(stderr, /coped\.images\.web: must be set in prod/);
    const unknown = assertExit(await sandbox.slipway([...args, "production"]), 2);
    assert.match(unknown.stderr, /no environment "production"\. --environment takes one of: dev, staging, prod/);
    assert.ok(!existsSync(sandbox.stackFile("energy")));
  });

  it("leaves a stack file alone that is there", async () => {
    const before = readFileSync(sandbox.stackFile("clinic"), "utf8");
    const { stderr } = assertExit(await sandbox.slipway(["init", "camcops", "--stack", "clinic"]), 2);
    assert.match(stderr, /has a file already.*--overwrite/s);
    assert.equal(readFileSync(sandbox.stackFile("clinic"), "utf8"), before);
  });

  it("takes answers from a file and from options where nobody can be asked", async () => {
    const file = join(sandbox.folder, "answers.yaml");
    writeFileSync(
      file,
      `mysql: { container: false, server: db.example.org }\ncamcopsMysqlUserPassword: ${JSON.stringify(password)}\n`,
      { mode: 0o600 },
    );
    const args = [
      "init",
      "camcops",
      "--stack",
      "ward",
      "--answers",
      file,
      "--set",
      `configDirectory=${sandbox.folder}`,
    ];
    const { stdout } = assertExit(
      await sandbox.slipway([...args, "--set", "hostPort=8444", "--set", "timeZone=Europe/London"]),
      0,
    );
    assert.match(stdout, /Nobody was asked, so these are as suggested\..*\n {2}name: camcops\n {2}https: true\n/);
    assert.match(stdout, /camcopsSuperuserPassword: the stack makes one\n/);
    assert.ok(!stdout.includes("hostPort: 443\n"), stdout);
    assert.deepEqual(configOf("ward")["slipway:camcops"], {
      configDirectory: sandbox.folder,
      hostPort: 8444,
      certificate: { kind: "self-signed" },
      mysql: { container: false, server: "db.example.org" },
      timeZone: "Europe/London",
    });
    assert.equal(await secret("ward", "camcopsMysqlUserPassword"), password);
  });

  it("says everything that is wrong with such answers, and takes no secret as an option", async () => {
    const set = (...answers: string[]) =>
      sandbox.slipway(["init", "camcops", "--stack", "other", ...answers.flatMap((answer) => ["--set", answer])]);
    const { stderr } = assertExit(await set("hostPort=70000", "mysql.container=false", "hostPrt=1"), 2);
    for (const key of ["camcops.hostPort", "camcops.mysql.server", "camcops.hostPrt", "camcopsMysqlUserPassword"]) {
      assert.ok(stderr.includes(`${key}: must`), `${key} is not in: ${stderr}`);
    }
    const refused = assertExit(await set("camcopsSuperuserPassword=p@ss"), 2);
    assert.match(refused.stderr, /Give it in a file, by --answers/);
    assert.ok(!existsSync(sandbox.stackFile("other")));
  });
});
