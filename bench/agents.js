// Measures how the preview of OCS grows with its agents. See README.md.
import { spawn } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { projectRoot } from "../toolchain/root.js";
import { pulumiEnvironment } from "./deployment.js";

/** How many agents the stacks have. */
const COUNTS = [50, 100, 200];

/** Any image that is on the engine: a preview starts nothing. */
const IMAGE = "slipway/base:bookworm";

/** How often memory is looked at, in milliseconds. */
const SAMPLE_INTERVAL = 100;

/**
 * A stack's file with that many agents.
 *
 * @param {number} count
 * @returns {string} JSON, which is YAML
 */
function stackFile(count) {
  const agents = Array.from({ length: count }, (_, index) => ({
    instanceId: `fake-${index}`,
    agentClass: "FakeDataAgent",
    arguments: ["--mode", "acq", "--num-channels", 4],
  }));
  const ports = { crossbar: { hostPort: 58001 }, influxdb: { hostPort: 58086 }, grafana: { container: false } };
  const images = { ocs: IMAGE, crossbar: IMAGE, influxdb: IMAGE };
  const ocs = { name: "slipway-bench-ocs", ...ports, images, agents };
  return JSON.stringify({ config: { "slipway:environment": "dev", "slipway:ocs": ocs } });
}

/**
 * The memory of all processes of a session, in MiB. Pages that processes share count for each of them.
 *
 * @param {number} session
 * @returns {number}
 */
function residentMemory(session) {
  let pages = 0;
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      // After the name in parentheses: state, parent, group, session, …; resident pages are the 22nd (proc_pid_stat(5)).
      const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
        .replace(/^.*\) /s, "")
        .split(" ");
      if (Number(fields[3]) === session) pages += Number(fields[21]);
    } catch {
      // It has ended meanwhile.
    }
  }
  return (pages * 4096) / 1024 ** 2;
}

/**
 * Previews a stack that is not deployed.
 *
 * @param {NodeJS.ProcessEnv} env
 * @param {string} stack
 * @returns {Promise<{ seconds: number, memory: number, resources: number }>} memory: the most at a time, in MiB
 * @throws where the preview fails: with its output
 */
function preview(env, stack) {
  return new Promise((resolve, reject) => {
    const start = process.hrtime.bigint();
    const child = spawn("pulumi", ["preview", "--non-interactive", "--color", "never", "--stack", stack], {
      cwd: projectRoot,
      env,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
    let memory = 0;
    const sampling = setInterval(() => {
      memory = Math.max(memory, residentMemory(child.pid ?? 0));
    }, SAMPLE_INTERVAL);
    child.on("error", reject);
    child.on("close", (code) => {
      clearInterval(sampling);
      const resources = Number(/\+ (\d+) to create/.exec(output)?.[1]);
      if (code === 0) resolve({ seconds: Number(process.hrtime.bigint() - start) / 1e9, memory, resources });
      else reject(new Error(`The preview of ${stack} ended with exit code ${code}.\n${output}`));
    });
  });
}

/** @returns {string | undefined} where the clone's link to the user's stack files leads */
function stacksLink() {
  try {
    return readlinkSync(join(projectRoot, ".stacks"));
  } catch {
    return undefined;
  }
}

const home = mkdtempSync(join(tmpdir(), "slipway-bench-"));
const link = stacksLink();
try {
  mkdirSync(join(home, "stacks"));
  process.stdout.write(`Load of the machine: ${loadavg()[0]?.toFixed(1)}\n`);
  process.stdout.write("agents  resources  seconds  seconds/agent  peak MiB\n");
  for (const count of COUNTS) {
    const stack = `bench-${count}`;
    writeFileSync(join(home, "stacks", `Pulumi.${stack}.yaml`), stackFile(count));
    const env = await pulumiEnvironment(["--stack", stack, "--home", home]);
    // The first run of a stack makes it, and does not count.
    await preview(env, stack);
    const { seconds, memory, resources } = await preview(env, stack);
    const cells = [count, resources, seconds.toFixed(1), (seconds / count).toFixed(3), memory.toFixed(0)];
    const widths = [6, 9, 7, 13, 8];
    process.stdout.write(`${cells.map((cell, column) => String(cell).padStart(widths[column] ?? 0)).join("  ")}\n`);
  }
} finally {
  rmSync(home, { recursive: true });
  rmSync(join(projectRoot, ".stacks"), { force: true });
  if (link !== undefined) symlinkSync(link, join(projectRoot, ".stacks"));
}
