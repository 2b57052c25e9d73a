import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type Docker from "dockerode";
import { Browser, servedCertificate, type Site } from "./camcops-browser.ts";
import { CamcopsLoad } from "./camcops-load.ts";
import { Deployment } from "./support/deployment.ts";
import { exec } from "./support/docker.ts";
import { DockerEvents } from "./support/docker-events.ts";
import { freePorts } from "./support/ports.ts";
import { endProcessesOf } from "./support/process-table.ts";
import { assertExit } from "./support/processes.ts";
import { Sandbox } from "./support/sandbox.ts";

const serverName = "camcops.test";
const superuser = { username: "admin", password: "a password of the test's own" };
const other = { username: "other", password: "another password of the test's own" };

/** The images may have to be built. */
const deploymentLimit = 20 * 60_000;

describe("CamCOPS without downtime", () => {
  let sandbox: Sandbox;
  let stack: Deployment;
  let port: number;
  let serverPk: number;

  /** The containers of a service. */
  async function containersOf(service: string): Promise<Docker.ContainerInspectInfo[]> {
    const all = [...(await stack.containers()).values()];
    return all.filter(({ Config: config }) => config.Labels["slipway.service"] === service);
  }

  async function onlyOne(service: string): Promise<Docker.ContainerInspectInfo> {
    const [one, ...others] = await containersOf(service);
    assert.ok(one !== undefined && others.length === 0, `${service} has not one container`);
    return one;
  }

  async function site(): Promise<Site> {
    const args = ["output", "systems", "--show-secrets"];
    const { stdout } = assertExit(await stack.slipway(...args), 0);
    const [system] = JSON.parse(stdout) as { probe: { certificatePem: string } }[];
    assert.ok(system !== undefined);
    return { port, serverName, certificate: system.probe.certificatePem };
  }

  async function assertLogsIn(): Promise<void> {
    const browser = new Browser(await site());
    await browser.login(superuser.username, superuser.password);
    assert.equal(await browser.isLoggedIn(), true);
  }

  async function query(sql: string): Promise<string[]> {
    const client = ["mariadb", "--defaults-extra-file=/run/secrets/client.cnf", "--protocol=tcp", "--host=127.0.0.1"];
    const command = [...client, "--batch", "--skip-column-names", `--execute=${sql}`, "camcops"];
    const { stdout } = assertExit(await exec(`${stack.name}-mysql`, command), 0);
    return stdout.split("\n").filter((line) => line !== "");
  }

  /** Sets something that is the server's alone. */
  function changeServer(restart: "always" | "unless-stopped"): void {
    stack.set({ services: { camcops_server: { restart } } });
  }

  async function replacedBy(change: () => Promise<unknown>): Promise<string[]> {
    const before = await stack.containers();
    await change();
    return (await stack.replacedSince(before)).map((name) => name.replace(/-[0-9a-f]{8}$/, ""));
  }

  before(async function () {
    this.timeout(deploymentLimit);
    sandbox = new Sandbox();
    const [https = 0, mysql = 0, flower = 0] = await freePorts(3);
    port = https;
    stack = new Deployment(sandbox, {
      settings: {
        hostAddress: "127.0.0.1",
        hostPort: https,
        certificate: { kind: "self-signed", dnsNames: [serverName] },
        mysql: { hostPort: mysql },
        flower: { hostPort: flower },
      },
    });
    await stack.setSecret("camcopsSuperuserPassword", superuser.password);
    await stack.up();
    const created = sandbox.run("./slipway", ["superuser", "create", other.username, "--stack", stack.stack], {
      input: `${other.password}\n`,
    });
    assertExit(await created, 0);
    const program = readFileSync(new URL("camcops-task.py", import.meta.url), "utf8");
    const { stdout } = assertExit(await exec(`${stack.name}-camcops_server`, ["python", "-c", program]), 0);
    ({ serverPk } = JSON.parse(stdout) as { serverPk: number });
  });

  after(() => sandbox.remove());

  it("begins when it is set, on the same port and with the same certificate", async () => {
    const { fingerprint256: fingerprint } = await servedCertificate(await site());
    stack.set({ withoutDowntime: true });
    assert.deepEqual(await replacedBy(() => stack.up()), ["camcops_server", "nginx", "nginx-files", "server-files"]);
    assert.equal((await servedCertificate(await site())).fingerprint256, fingerprint);
    assert.deepEqual((await onlyOne("camcops_server")).HostConfig.PortBindings ?? {}, {});
    await assertLogsIn();
    await stack.expectNoChanges();
  });

  it("loses no request, sends no form twice, and audits clients' addresses, while the server is replaced", async () => {
    const before = await onlyOne("camcops_server");
    const [latest] = await query("SELECT MAX(id) FROM _security_audit");
    changeServer("always");
    const load = await CamcopsLoad.start({ site: await site(), visitor: superuser, other, serverPk });
    const replaced = await replacedBy(async () => {
      await sleep(2_000);
      await stack.up();
      await sleep(2_000);
    }).catch(async (error: unknown) => {
      await load.stop();
      throw error;
    });
    const result = await load.stop();
    assert.deepEqual(result.failures, []);
    assert.ok(result.notes.length > 0 && result.logins > 0);
    assert.deepEqual(replaced, ["camcops_server"]);
    assert.notEqual((await onlyOne("camcops_server")).Name, before.Name);
    assert.deepEqual(await query("SELECT note FROM _special_notes ORDER BY note"), [...result.notes].sort());
    const { NetworkSettings: settings } = await onlyOne("nginx");
    const client = settings.Networks[`${stack.name}-front`]?.Gateway ?? "";
    assert.deepEqual(
      await query(
        "SELECT details, remote_addr, COUNT(*) FROM _security_audit " +
          `WHERE id > ${latest ?? ""} AND details IN ('Login', 'Special note applied manually') ` +
          "GROUP BY details, remote_addr ORDER BY details",
      ),
      [`Login\t${client}\t${result.logins}`, `Special note applied manually\t${client}\t${result.notes.length}`],
    );
    await stack.expectNoChanges();
  });

  it("replaces nginx alone for another certificate", async () => {
    stack.set({ certificate: { kind: "self-signed", dnsNames: [serverName], organization: "Another" } });
    assert.deepEqual(await replacedBy(() => stack.up()), ["nginx", "nginx-files"]);
    assert.match((await servedCertificate(await site())).subject, /O=Another/);
    await assertLogsIn();
  });

  it("is brought to its end by the next run after one that was killed half-way", async () => {
    changeServer("unless-stopped");
    const events = await DockerEvents.of(sandbox.docker, `${stack.name}-camcops_server`);
    const deployment = sandbox.start("./slipway", ["up", "--yes", "--stack", stack.stack], { ownGroup: true });
    try {
      const starts = events.until((seen) => seen.some((event) => event.startsWith("container start ")));
      assert.equal(await Promise.race([starts.then(() => "started"), deployment.ended.then(() => "ended")]), "started");
    } finally {
      events.close();
    }
    endProcessesOf(sandbox.home);
    await deployment.ended;
    assert.equal((await containersOf("camcops_server")).length, 2);
    await assertLogsIn();
    assertExit(await stack.slipway("exec", "camcops_server", "--", "true"), 0);
    await stack.up();
    await onlyOne("camcops_server");
    await assertLogsIn();
    await stack.expectNoChanges();
  });

  it("ends when it is unset, on the same port", async () => {
    stack.set({ withoutDowntime: false });
    await stack.up();
    assert.deepEqual(await containersOf("nginx"), []);
    await onlyOne("camcops_server");
    await assertLogsIn();
    await stack.expectNoChanges();
  });
});
