import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { buildImage, builtReference, bundledImage } from "../../components/build.ts";
import { gatewayOf } from "../../settings/host-server.ts";
import { assertExit } from "./support/processes.ts";
import type { Sandbox } from "./support/sandbox.ts";
import { until } from "./support/until.ts";

const rootPassword = "only the server's administrator knows it";

/**
 * A MariaDB server that no stack has made: on this host's own network, at the addresses by which containers reach the
 * host, prepared as the guide says.
 */
export class OutsideDatabase {
  readonly port: number;
  /** The address of this machine on its own network. */
  readonly address: string;
  readonly #sandbox: Sandbox;
  readonly #databaseName: string;

  private constructor(sandbox: Sandbox, port: number, address: string, databaseName: string) {
    this.#sandbox = sandbox;
    this.port = port;
    this.address = address;
    this.#databaseName = databaseName;
  }

  static async start(
    sandbox: Sandbox,
    {
      port,
      databaseName,
      userName,
      password,
    }: { port: number; databaseName: string; userName: string; password: string },
  ): Promise<OutsideDatabase> {
    const gateway = await gatewayOf(sandbox.docker);
    assert.ok(gateway !== undefined, "Docker's network bridge has no address");
    const database = new OutsideDatabase(sandbox, port, ownAddress() ?? gateway, databaseName);
    const context = bundledImage("mariadb");
    await buildImage(sandbox.docker, context, builtReference(context), () => undefined);
    const passwordFile = join(sandbox.folder, "root-password");
    writeFileSync(passwordFile, rootPassword, { mode: 0o644 });
    assertExit(
      await sandbox.run("docker", [
        ...["run", "--detach", "--name", database.#name, "--network", "host"],
        ...["--volume", `${database.#name}-data:/var/lib/mysql`, "--volume", `${passwordFile}:/run/root-password:ro`],
        ...["--env", "MARIADB_ROOT_PASSWORD_FILE=/run/root-password", builtReference(context)],
        ...[`--bind-address=${[...new Set([database.address, gateway])].join(",")}`, `--port=${port}`],
        ...["--max-allowed-packet=32M", "--explicit-defaults-for-timestamp=1"],
      ]),
      0,
    );
    await until("the outside database answers", 120, async () => {
      const { State: state } = await sandbox.docker.getContainer(database.#name).inspect();
      if (!state.Running) {
        const { stdout, stderr } = await sandbox.run("docker", ["logs", database.#name]);
        assert.fail(`the outside database has ended:\n${stdout}${stderr}`);
      }
      return (await database.#run("SELECT 1")).code === 0;
    });
    assertExit(await database.#run(preparation(databaseName, userName, password)), 0);
    return database;
  }

  /** Begins otherwise than the names of the stack's own containers. */
  get #name(): string {
    return `${this.#sandbox.prefix}outside-mysql`;
  }

  /** Asks it as its administrator. */
  async query(sql: string): Promise<string> {
    return assertExit(await this.#run(`USE ${this.#databaseName}; ${sql}`), 0).stdout.trim();
  }

  #run(sql: string) {
    const client = ["mariadb", "--user=root", "--batch", "--skip-column-names", "--default-character-set=utf8mb4"];
    const args = ["exec", "--interactive", "--env", `MYSQL_PWD=${rootPassword}`, this.#name, ...client];
    return this.#sandbox.run("docker", args, { input: sql });
  }
}

/** The statements that the guide has the administrator of an external database type. */
function preparation(databaseName: string, userName: string, password: string): string {
  const guide = readFileSync(new URL("../../docs/camcops.md", import.meta.url), "utf8");
  const [, sql = ""] = /^```sql\n(CREATE DATABASE.+?)^```$/ms.exec(guide) ?? [];
  const names = [" DATABASE camcops ", "'camcops'@'%'", "ON camcops.*", "'…'"];
  for (const name of names) assert.ok(sql.includes(name), `the guide's statements have no ${name}`);
  const quoted = password.replace(/[\\']/g, "\\$&");
  return sql
    .replace(" DATABASE camcops ", ` DATABASE ${databaseName} `)
    .replaceAll("'camcops'@'%'", `'${userName}'@'%'`)
    .replace("ON camcops.*", `ON ${databaseName}.*`)
    .replace("'…'", () => `'${quoted}'`);
}

/** An address of this machine on another network than Docker's; nothing where it has none. */
function ownAddress(): string | undefined {
  return Object.entries(networkInterfaces())
    .filter(([name]) => !/^(?:lo|docker|br-|veth)/.test(name))
    .flatMap(([, all = []]) => all)
    .find(({ family, internal }) => family === "IPv4" && !internal)?.address;
}
