// Measures what visitors notice of a replacement of CamCOPS's server, plain and without downtime. See README.md.
import { readFileSync } from "node:fs";
import { loadavg } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { CamcopsLoad } from "../tests/integration/camcops-load.ts";
import { Deployment } from "../tests/integration/support/deployment.ts";
import { exec } from "../tests/integration/support/docker.ts";
import { freePorts } from "../tests/integration/support/ports.ts";
import { assertExit } from "../tests/integration/support/processes.ts";
import { Sandbox } from "../tests/integration/support/sandbox.ts";

const SERVER_NAME = "camcops.test";
const VISITOR = { username: "admin", password: "a password of the measurement's own" };
const OTHER = { username: "other", password: "another password of the measurement's own" };

/** How long the load goes on before and after the deployment, in milliseconds. */
const MARGIN = 5_000;

const sandbox = new Sandbox();
try {
  const [port = 0, mysql = 0, flower = 0] = await freePorts(3);
  const stack = new Deployment(sandbox, {
    settings: {
      hostAddress: "127.0.0.1",
      hostPort: port,
      certificate: { kind: "self-signed", dnsNames: [SERVER_NAME] },
      mysql: { hostPort: mysql },
      flower: { hostPort: flower },
    },
  });
  await stack.setSecret("camcopsSuperuserPassword", VISITOR.password);
  console.log("Deploying CamCOPS");
  await stack.up();
  const created = sandbox.run("./slipway", ["superuser", "create", OTHER.username, "--stack", stack.stack], {
    input: `${OTHER.password}\n`,
  });
  assertExit(await created, 0);
  const program = readFileSync(new URL("../tests/integration/camcops-task.py", import.meta.url), "utf8");
  const added = assertExit(await exec(`${stack.name}-camcops_server`, ["python", "-c", program]), 0).stdout;
  const serverPk = /** @type {{ serverPk: number }} */ (JSON.parse(added)).serverPk;
  const { stdout } = assertExit(await stack.slipway("output", "systems", "--show-secrets"), 0);
  const [system] = /** @type {{ probe: { certificatePem: string } }[]} */ (JSON.parse(stdout));
  const site = { port, serverName: SERVER_NAME, certificate: system?.probe.certificatePem ?? "" };

  console.log("| Replacement | Requests | Failed | Slowest, s | Seconds of load |");
  console.log("| ----------- | -------- | ------ | ---------- | --------------- |");
  for (const withoutDowntime of [false, true]) {
    stack.set({ withoutDowntime, services: { camcops_server: { timeZone: "UTC" } } });
    await stack.up();
    const former = await stack.containers();
    stack.set({ services: { camcops_server: { timeZone: "Europe/London" } } });
    const load = await CamcopsLoad.start({ site, visitor: VISITOR, other: OTHER, serverPk });
    const begin = Date.now();
    await sleep(MARGIN);
    const { code } = await stack.slipway("up", "--yes");
    await sleep(MARGIN);
    const { requests, failures, slowestMilliseconds } = await load.stop();
    if (code !== 0) throw new Error(`The deployment ended with exit code ${String(code)}.`);
    if (!(await stack.replacedSince(former)).some((name) => name.startsWith("camcops_server"))) {
      throw new Error("The server was not replaced.");
    }
    const cells = [
      withoutDowntime ? "without downtime" : "plain",
      requests,
      failures.length,
      (slowestMilliseconds / 1000).toFixed(1),
      ((Date.now() - begin) / 1000).toFixed(0),
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
  console.log(`Load of the machine: ${loadavg()[0]?.toFixed(1) ?? "unknown"}`);
} finally {
  await sandbox.remove();
}
