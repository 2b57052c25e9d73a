import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type Docker from "dockerode";
import { Browser, type Page, type Site } from "./camcops-browser.ts";
import { containersOf, exec } from "./support/docker.ts";
import { freePorts } from "./support/ports.ts";
import { assertExit, type Result } from "./support/processes.ts";
import { type Sandbox } from "./support/sandbox.ts";
import { until } from "./support/until.ts";

/** What the words of the questionnaire BADLS, which CamCOPS comes without, are in the stack's configuration folder. */
export const ownWords = "Preparing food, in the words of this site";

/** The first user's name. */
export const superuser = "chief";

/** The login at the monitor. */
export const flowerUser = "watcher";

/** The user and group that CamCOPS's processes run as. */
export const processUser = { userId: 4321, groupId: 4322 };

/** The database's name; the underscore is a wildcard in a grant. */
export const databaseName = "camcops_test";

/** The passwords that the stack is given; the monitor's is left to the stack. */
export const passwords = {
  camcopsSuperuserPassword: `p@ss/w:rd%'"$\\ é`,
  camcopsMysqlUserPassword: `p@ss/w:rd%'"$\\ é of the user`,
  camcopsMysqlRootPassword: `p@ss/w:rd%'"$\\ é of root`,
};

/** A secret value of camcops.conf. */
export const mailPassword = `m@il/w:rd%'"$\\ é; #1`;

/** The services, by the ends of their containers' names. */
export const services = [
  "mysql",
  "rabbitmq",
  "camcops_server",
  "camcops_scheduler",
  "camcops_workers-1",
  "camcops_monitor",
] as const;

type ServiceName = (typeof services)[number];

/** A patient's finished questionnaire. */
export interface AddedTask {
  /** CamCOPS's number of it. */
  serverPk: number;
  /** The patient's. */
  surname: string;
}

/** Memory limits in MiB, none of them the default. */
export const memory: Readonly<Record<ServiceName, number>> = {
  mysql: 1000,
  rabbitmq: 501,
  camcops_server: 1002,
  camcops_scheduler: 703,
  "camcops_workers-1": 1504,
  camcops_monitor: 705,
};

/** CamCOPS, deployed by the real commands from a stack file of its own. */
export class CamcopsDeployment {
  readonly sandbox: Sandbox;
  readonly ports: { https: number; mysql: number; flower: number };
  readonly serverName = "camcops.test";
  /** What the commands printed, except those that were asked for secrets. */
  readonly transcript: string[] = [];

  /** Writes the stack file, the configuration folder and the secrets; deploys nothing. */
  static async prepare(sandbox: Sandbox): Promise<CamcopsDeployment> {
    const [https = 0, mysql = 0, flower = 0] = await freePorts(3);
    const deployment = new CamcopsDeployment(sandbox, { https, mysql, flower });
    deployment.#writeConfigFolder();
    sandbox.writeStackFile(deployment.name, {
      "slipway:environment": "dev",
      "slipway:camcops": deployment.settings(),
    });
    for (const [key, value] of Object.entries(passwords)) await deployment.setSecret(key, value);
    await deployment.setSecret("camcopsSecretConfig.site.EMAIL_HOST_PASSWORD", mailPassword);
    return deployment;
  }

  private constructor(sandbox: Sandbox, ports: CamcopsDeployment["ports"]) {
    this.sandbox = sandbox;
    this.ports = ports;
  }

  /** Name of the stack, and prefix of all names in Docker. */
  get name(): string {
    return this.sandbox.prefix;
  }

  /** The folder of the host that the containers see as /camcops/cfg. */
  get configFolder(): string {
    return join(this.sandbox.folder, "cfg");
  }

  /** The settings of CamCOPS, with every kind of value that its configuration file can hold. */
  settings() {
    return {
      name: this.name,
      configDirectory: this.configFolder,
      configFilename: "site.conf",
      ...processUser,
      hostAddress: "127.0.0.1",
      hostPort: this.ports.https,
      internalPort: 8765,
      certificate: { kind: "self-signed", country: "GB", dnsNames: [this.serverName, "localhost"] },
      mysql: { hostPort: this.ports.mysql, databaseName, userName: "camcops.user" },
      superuser: { username: superuser },
      flower: { hostPort: this.ports.flower, username: flowerUser },
      timeZone: "Europe/London",
      services: {
        mysql: { memory: memory.mysql },
        rabbitmq: { memory: memory.rabbitmq },
        camcops_server: { memory: memory.camcops_server },
        camcops_scheduler: { memory: memory.camcops_scheduler },
        camcops_workers: { memory: memory["camcops_workers-1"] },
        camcops_monitor: { memory: memory.camcops_monitor, restart: "always" },
      },
      logs: { maxSize: 7, maxFiles: 3 },
      config: {
        site: {
          EMAIL_HOST: "smtp.example.org",
          EMAIL_PORT: 2525,
          EMAIL_USE_TLS: false,
          LOCAL_INSTITUTION_URL: "https://example.org/100%25?q=a#b",
          SESSION_TIMEOUT_MINUTES: 45,
          EXTRA_STRING_FILES: [
            "/camcops/venv/lib/python3.*/site-packages/camcops_server/extra_strings/*.xml",
            "/camcops/cfg/extra_strings/*.xml",
          ],
        },
      },
    };
  }

  /**
   * The same with an export: every minute, new questionnaires as PDF files. CamCOPS does not start with it before the
   * database has the kind of patient's number that it names.
   */
  settingsWithExport() {
    const settings = this.settings();
    return {
      ...settings,
      config: {
        ...settings.config,
        export: { RECIPIENTS: ["archive"], SCHEDULE: ["* * * * * archive"] },
        "recipient:archive": {
          TRANSMISSION_METHOD: "file",
          TASK_FORMAT: "pdf",
          ALL_GROUPS: true,
          PRIMARY_IDNUM: 1001,
          REQUIRE_PRIMARY_IDNUM_MANDATORY_IN_POLICY: false,
          FILE_PATIENT_SPEC: "{surname}",
          FILE_PATIENT_SPEC_IF_ANONYMOUS: "anonymous",
          FILE_FILENAME_SPEC: "/camcops/tmp/exported/{tasktype}-{serverpk}.{filetype}",
          FILE_MAKE_DIRECTORY: true,
        },
      },
    };
  }

  /** Changes the settings of CamCOPS in the stack file. */
  changeSettings(settings: Record<string, unknown>): void {
    this.sandbox.editStackFile(this.name, { "slipway:camcops": settings });
  }

  /** Sets an encrypted key. */
  async setSecret(key: string, value: string): Promise<void> {
    const path = key.includes(".") ? ["--path"] : [];
    assertExit(await this.pulumi(["config", "set", "--secret", ...path, key], value), 0);
  }

  /** Runs a command of slipway on the stack. */
  async slipway(...args: string[]): Promise<Result> {
    const result = await this.sandbox.slipway([...args, "--stack", this.name]);
    this.transcript.push(result.stdout, result.stderr);
    return result;
  }

  /** Runs plain pulumi in the environment of `slipway env`. */
  async pulumi(args: string[], input?: string): Promise<Result> {
    const result = await this.sandbox.pulumi(this.name, args, input);
    this.transcript.push(result.stdout, result.stderr);
    return result;
  }

  /** Deploys, answering every question with yes. */
  async up(): Promise<Result> {
    return assertExit(await this.slipway("up", "--yes"), 0);
  }

  /** An output of the stack, secret or not. */
  async output(name: string): Promise<string> {
    const args = ["output", name, "--show-secrets", "--stack", this.name];
    return assertExit(await this.sandbox.slipway(args), 0).stdout.replace(/\n$/, "");
  }

  container(service: string): Docker.Container {
    return this.sandbox.docker.getContainer(`${this.name}-${service}`);
  }

  inspect(service: string): Promise<Docker.ContainerInspectInfo> {
    return this.container(service).inspect();
  }

  /** What Docker says of all containers, by the ends of their names: those of services, tasks and generated files. */
  async containers(): Promise<Map<string, Docker.ContainerInspectInfo>> {
    const found = await containersOf(this.sandbox.docker, `${this.name}-`);
    return new Map([...found].map(([name, info]) => [name.slice(this.name.length + 1), info]));
  }

  /** The ids of all containers, by the ends of their names. */
  async containerIds(): Promise<Record<string, string>> {
    return Object.fromEntries([...(await this.containers())].map(([name, { Id: id }]) => [name, id]));
  }

  /** Runs a command in a service's container as its user. Returns what it prints. */
  async exec(service: string, command: readonly string[]): Promise<string> {
    return assertExit(await this.tryExec(service, command), 0).stdout;
  }

  /** The same for a command that may fail. */
  tryExec(service: string, command: readonly string[]): Promise<Result> {
    return exec(`${this.name}-${service}`, command);
  }

  /** Runs a Python program, one of the files beside this one, in the server's container. Returns what it prints as JSON. */
  async python(file: string): Promise<unknown> {
    const program = readFileSync(new URL(file, import.meta.url), "utf8");
    return JSON.parse(await this.exec("camcops_server", ["python", "-c", program]));
  }

  /** Asks the database as CamCOPS's user, from within its container. */
  async query(sql: string): Promise<string> {
    const client = ["mariadb", "--defaults-extra-file=/run/secrets/client.cnf", "--protocol=tcp", "--host=127.0.0.1"];
    return (
      await this.exec("mysql", [...client, "--batch", "--skip-column-names", `--execute=${sql}`, databaseName])
    ).trim();
  }

  /** What a container has logged since a time. */
  async log(service: string, since = new Date(0)): Promise<string> {
    const args = ["logs", "--since", since.toISOString(), `${this.name}-${service}`];
    const { stdout, stderr } = assertExit(await this.sandbox.run("docker", args), 0);
    return stdout + stderr;
  }

  /** Waits until Docker calls a service healthy. `since`: after a start later than this. */
  async untilHealthy(service: string, since = new Date(0), timeoutSeconds = 180): Promise<void> {
    await until(`${service} is healthy`, timeoutSeconds, async () => {
      const { State: state } = await this.inspect(service);
      return state.Running && new Date(state.StartedAt) > since && state.Health?.Status === "healthy";
    });
  }

  async site(): Promise<Site> {
    const [system] = JSON.parse(await this.output("systems")) as { probe: { certificatePem: string } }[];
    assert.ok(system !== undefined);
    return { port: this.ports.https, serverName: this.serverName, certificate: system.probe.certificatePem };
  }

  /** A browser in which nobody has logged in. */
  async browser(): Promise<Browser> {
    return new Browser(await this.site());
  }

  /** A browser in which the superuser has, and has agreed to the terms of use. */
  async loggedIn(): Promise<Browser> {
    const browser = await this.browser();
    await browser.login(superuser, passwords.camcopsSuperuserPassword);
    assert.equal(await browser.isLoggedIn(), true, "the superuser's login was refused");
    await browser.agreeToTerms();
    return browser;
  }

  /** Adds a patient with a questionnaire BADLS. */
  async addTask(): Promise<AddedTask> {
    return (await this.python("camcops-task.py")) as AddedTask;
  }

  /** Shows the superuser a questionnaire, as `html` or as `pdf`. */
  async viewTask({ serverPk }: AddedTask, viewtype: "html" | "pdf"): Promise<Page> {
    const page = await (await this.loggedIn()).get(taskPath(serverPk, viewtype));
    assert.equal(page.status, 200);
    return page;
  }

  /** Fails unless the superuser can log in and see the questionnaire. */
  async assertTaskIsThere(task: AddedTask): Promise<void> {
    const page = (await this.viewTask(task, "html")).body.toString();
    assert.ok(page.toLowerCase().includes(task.surname.toLowerCase()), `the patient ${task.surname} is not shown`);
  }

  /** Readable by everybody, as the containers' user is nobody's on this machine. */
  #writeConfigFolder(): void {
    const folder = join(this.configFolder, "extra_strings");
    mkdirSync(folder, { recursive: true });
    for (const made of [this.configFolder, folder]) chmodSync(made, 0o755);
    const string = (name: string, text: string) => `    <string name="${name}">${text}</string>\n`;
    const questions = Array.from({ length: 20 }, (_, index) => `q${index + 1}`);
    const strings = questions.flatMap((question) => [
      string(question, question === "q1" ? ownWords : `Question ${question}`),
      ...["a", "b", "c", "d", "e"].map((answer) => string(`${question}_${answer}`, `Answer ${answer}`)),
    ]);
    writeFileSync(
      join(folder, "badls.xml"),
      `<?xml version="1.0" encoding="UTF-8"?>\n<resources>\n  <task name="badls">\n${strings.join("")}  </task>\n</resources>\n`,
      { mode: 0o644 },
    );
  }
}

/** Where CamCOPS shows a questionnaire BADLS. */
export function taskPath(serverPk: number, viewtype: "html" | "pdf"): string {
  return `/task?table_name=badls&server_pk=${serverPk}&viewtype=${viewtype}`;
}
