import assert from "node:assert/strict";
import { Deployment, type DeploymentOptions } from "./deployment.ts";
import { networksOf, volumesOf } from "./docker.ts";
import { freePorts } from "./ports.ts";
import { assertExit, type Result } from "./processes.ts";
import type { Sandbox } from "./sandbox.ts";

/** The program of `tests/fixtures/minimal`, for a sandbox. */
export const minimalProgram = "tests/fixtures/minimal/index.ts";

const databaseUser = "the.clerk";

/** A stack with the minimal system: a database, a task that fills it, and a web server. */
export class MinimalStack extends Deployment {
  readonly port: number;

  /** Writes the stack's file. */
  static async prepare(sandbox: Sandbox, options: Omit<DeploymentOptions, "settings"> = {}): Promise<MinimalStack> {
    const [port = 0] = await freePorts(1);
    return new MinimalStack(sandbox, options, port);
  }

  private constructor(sandbox: Sandbox, options: DeploymentOptions, port: number) {
    // The port of another engine's network is not this machine's.
    const hostAddress = options.host === undefined ? "127.0.0.1" : "0.0.0.0";
    super(sandbox, { ...options, settings: { hostAddress, hostPort: port, mysql: { userName: databaseUser } } });
    this.port = port;
  }

  /** Checks that there is everything that belongs to the stack, in good health, and nothing else of its name. */
  async assertComplete(): Promise<void> {
    assert.deepEqual(await this.states(), {
      credentials: "created",
      database: "healthy",
      "database-files": "created",
      fill: "exited",
      logins: "created",
      web: "healthy",
    });
    const networks = await networksOf(this.docker, `${this.name}-`);
    assert.deepEqual(networks.sort(), [`${this.name}-edge`, `${this.name}-internal`]);
  }

  /** Each container's health, or its state where it has none. */
  async states(): Promise<Record<string, string>> {
    const containers = await this.containers();
    return Object.fromEntries(
      [...containers].map(([name, { State: state }]) => [name, state.Health?.Status ?? state.Status]),
    );
  }

  /** The volumes that hold data. */
  async dataVolumes(): Promise<string[]> {
    const volumes = await volumesOf(this.docker, `${this.name}-`);
    return volumes.filter((name) => name === `${this.name}-data`);
  }

  /** Gets a page of the web server. */
  get(path: string, login?: { name: string; password: string }): Promise<Response> {
    const token = Buffer.from(`${login?.name}:${login?.password}`).toString("base64");
    return fetch(`http://127.0.0.1:${this.port}${path}`, {
      headers: login === undefined ? {} : { authorization: `Basic ${token}` },
    });
  }

  /** The password for the web server, by the command that shows it. */
  async webPassword(): Promise<string> {
    const { stdout } = assertExit(await this.slipway("output", "webPassword", "--show-secrets"), 0);
    return stdout.trimEnd();
  }

  /** Asks the database over TCP, with a password as it is and not by any file of the stack. */
  query(sql: string, password: string): Promise<Result> {
    const client = ["mariadb", "--no-defaults", "--protocol=tcp", "--host=127.0.0.1", `--user=${databaseUser}`];
    const args = ["exec", "--env", "MYSQL_PWD", `${this.name}-database`, ...client, "--batch", "--skip-column-names"];
    return this.sandbox.run("docker", [`--host=${this.dockerUrl}`, ...args, `--execute=${sql}`, "things"], {
      env: { MYSQL_PWD: password },
    });
  }

  /** The row that the task made, with the time at which it did. */
  async row(password: string): Promise<string> {
    const { stdout } = assertExit(await this.query("SELECT * FROM thing", password), 0);
    assert.match(stdout, /^made by the task\t\d{4}-\d\d-\d\d .*\n$/);
    return stdout;
  }
}
