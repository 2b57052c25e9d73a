// Measures backup and restore beside the database's own tools and gzip. See README.md.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Deployment } from "../tests/integration/support/deployment.ts";
import { freePorts } from "../tests/integration/support/ports.ts";
import { assertExit } from "../tests/integration/support/processes.ts";
import { Sandbox } from "../tests/integration/support/sandbox.ts";

const KINDS = /** @type {const} */ (["mariadb", "postgresql", "influxdb"]);

/** @typedef {typeof KINDS[number]} Kind */

/**
 * A database that is deployed for the measurement.
 *
 * @typedef {object} Measured
 * @property {Sandbox} sandbox
 * @property {Deployment} stack
 * @property {string} container
 * @property {string[]} dump - the database's own tool, in the container
 * @property {string[]} load
 */

/** @typedef {{ seconds: number, largest: number, together: number }} Cost - memory in MiB */

/** How often memory is looked at, in milliseconds. */
const SAMPLE_INTERVAL = 200;

/** How many rows of a kilobyte are written at a time. */
const BATCH = 20_000;

const usage = `Usage: npm run bench:backup -- [--database mariadb|postgresql|influxdb] [--size MB] [--runs N]

Measures ./slipway backup and restore of a database that is made for it, beside its own tools and gzip.

  --database KIND  default: mariadb
  --size MB        how much is in it (default: 1024)
  --runs N         how often each is measured (default: 1)`;

/** Half of it like text, half like what cannot be compressed much, as in records with scores and answers. */
const row = {
  mariadb: `CONCAT(SHA2(CONCAT('a', seq), 512), SHA2(CONCAT('b', seq), 512), SHA2(CONCAT('c', seq), 512), SHA2(CONCAT('d', seq), 512), REPEAT('a patient visits the clinic; ', 18))`,
  postgresql: `encode(sha512(('a' || i)::bytea), 'hex') || encode(sha512(('b' || i)::bytea), 'hex') || encode(sha512(('c' || i)::bytea), 'hex') || encode(sha512(('d' || i)::bytea), 'hex') || repeat('a patient visits the clinic; ', 18)`,
};

/**
 * Runs a script on this machine.
 *
 * @param {Measured} measured
 * @param {string} script
 * @param {string[]} args
 */
async function shell({ sandbox }, script, args) {
  assertExit(await sandbox.run("bash", ["-o", "pipefail", "-ec", script, "bash", ...args]), 0);
}

/**
 * @param {Kind} kind
 * @param {Sandbox} sandbox
 * @returns {Promise<Measured>}
 */
async function deploy(kind, sandbox) {
  const isInflux = kind === "influxdb";
  const [crossbar = 0, influxdb = 0] = await freePorts(2);
  const none = { container: false };
  const ocs = {
    crossbar: { hostPort: crossbar },
    influxdb: { hostPort: influxdb },
    grafana: none,
    aggregator: none,
    publisher: none,
    registry: none,
  };
  const stack = new Deployment(sandbox, isInflux ? { system: "ocs", settings: ocs } : {});
  if (!isInflux) sandbox.editStackFile("dev", { "bench:database": kind });
  await stack.up();
  const container = `${stack.name}-${isInflux ? "influxdb" : "database"}`;
  const { Config: config } = await sandbox.docker.getContainer(container).inspect();
  const { dump, load } = JSON.parse(config.Labels["slipway.operations"] ?? "{}").database;
  return { sandbox, stack, container, dump, load };
}

/**
 * @param {Kind} kind
 * @param {Measured} measured
 * @param {number} size - in MB
 */
async function fill(kind, measured, size) {
  const { stack, container, sandbox } = measured;
  const rows = size * 1000;
  if (kind === "influxdb") {
    const port = (await sandbox.docker.getContainer(container).inspect()).HostConfig.PortBindings["8086/tcp"][0]
      .HostPort;
    for (let first = 0; first < rows; first += BATCH / 4)
      await writePoints(port, first, Math.min(first + BATCH / 4, rows));
    return;
  }
  const client = ["docker", "exec", "-i", container];
  const statements = { mariadb: mariadbBatch, postgresql: postgresqlBatch }[kind];
  const shellCommand =
    kind === "mariadb"
      ? ["mariadb", "--defaults-extra-file=/run/secrets/client.cnf", "measured"]
      : ["psql", "--username=clerk", "--dbname=measured", "--quiet", "--set=ON_ERROR_STOP=1"];
  const [program = "", ...args] = [...client, ...shellCommand];
  let input = "CREATE TABLE measured (id INT PRIMARY KEY, line TEXT NOT NULL);\n";
  for (let first = 1; first <= rows; first += BATCH) input += statements(first, Math.min(first + BATCH - 1, rows));
  assertExit(await stack.sandbox.run(program, args, { input }), 0);
}

/** @param {number} first @param {number} last */
function mariadbBatch(first, last) {
  return `INSERT INTO measured SELECT seq, ${row.mariadb} FROM seq_${first}_to_${last};\n`;
}

/** @param {number} first @param {number} last */
function postgresqlBatch(first, last) {
  return `INSERT INTO measured SELECT i, ${row.postgresql} FROM generate_series(${first}, ${last}) AS i;\n`;
}

/** @param {string} port @param {number} first @param {number} end */
async function writePoints(port, first, end) {
  const hex = (/** @type {string} */ text) => createHash("sha512").update(text).digest("hex");
  const line = (/** @type {number} */ i) =>
    `measured line="${["a", "b", "c", "d"].map((letter) => hex(letter + i)).join("")}${"a patient visits the clinic; ".repeat(18)}" ${1_700_000_000_000 + i}`;
  const body = Array.from({ length: end - first }, (_, index) => line(first + index)).join("\n");
  const url = `http://127.0.0.1:${port}/write?db=ocs_feeds&precision=ms`;
  const answer = await fetch(url, { method: "POST", body });
  if (!answer.ok) throw new Error(`InfluxDB took no points: ${await answer.text()}`);
}

/** @returns {Map<number, number>} parents by process */
function processes() {
  /** @type {Map<number, number>} */
  const parents = new Map();
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const fields = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /s, "");
      parents.set(Number(pid), Number(fields.split(" ")[1]));
    } catch {
      // It has ended meanwhile.
    }
  }
  return parents;
}

/**
 * Memory of processes and of all that they started.
 *
 * @param {number[]} roots
 * @returns {{ largest: number, together: number }} in MiB: the largest one's resident pages, and the sum of all, in which
 *   each page that several share counts once (Pss)
 */
function memoryOf(roots) {
  const parents = processes();
  const own = [...parents.keys()].filter((pid) => {
    for (let at = pid; at > 1; at = parents.get(at) ?? 0) if (roots.includes(at)) return true;
    return false;
  });
  let [largest, together] = [0, 0];
  for (const pid of own) {
    try {
      const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
      const [rss, pss] = [/^Rss:\s+(\d+)/m, /^Pss:\s+(\d+)/m].map((line) => Number(line.exec(text)?.[1] ?? 0) / 1024);
      largest = Math.max(largest, rss ?? 0);
      together += pss ?? 0;
    } catch {
      // It has ended meanwhile.
    }
  }
  return { largest, together };
}

/** @param {Measured} measured @returns {Promise<number[]>} first processes of the throw-away containers of its stack */
async function throwAways({ sandbox, stack }) {
  const filters = { label: [`slipway.stack=${stack.stack}`] };
  const listed = await sandbox.docker.listContainers({ filters });
  const helpers = listed.filter(
    ({ Names, Labels }) => !Names[0]?.startsWith(`/${stack.name}`) && !("slipway.state" in Labels),
  );
  const inspected = await Promise.all(
    helpers.map(({ Id }) =>
      sandbox.docker
        .getContainer(Id)
        .inspect()
        .catch(() => undefined),
    ),
  );
  return inspected.flatMap((info) => (info === undefined || info.State.Pid === 0 ? [] : [info.State.Pid]));
}

/**
 * Runs `./slipway` and watches how much memory it and its throw-away containers take.
 *
 * @param {Measured} measured
 * @param {string[]} args
 * @returns {Promise<Cost & { output: string }>}
 */
async function slipway(measured, args) {
  const { sandbox } = measured;
  const start = process.hrtime.bigint();
  const child = spawn("./slipway", args, { cwd: sandbox.clone, env: sandbox.env, stdio: ["ignore", "pipe", "pipe"] });
  let [output, errors, largest, together] = ["", "", 0, 0];
  child.stdout.on("data", (text) => (output += text));
  child.stderr.on("data", (text) => (errors += text));
  let ended = false;
  const closed = new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      ended = true;
      if (code === 0) resolve(undefined);
      else reject(new Error(`./slipway ${args[0]} ended with exit code ${code}.\n${output}${errors}`));
    });
  });
  const watching = (async () => {
    while (!ended) {
      const memory = memoryOf([child.pid ?? 0, ...(await throwAways(measured))]);
      largest = Math.max(largest, memory.largest);
      together = Math.max(together, memory.together);
      await new Promise((resolve) => setTimeout(resolve, SAMPLE_INTERVAL));
    }
  })();
  await closed;
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  await watching;
  process.stderr.write(errors);
  return { seconds, largest, together, output };
}

/** @param {() => Promise<unknown>} work @returns {Promise<number>} seconds */
async function timed(work) {
  const start = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - start) / 1e9;
}

/**
 * @param {Kind} kind
 * @param {number} size - in MB
 * @param {number} runs
 * @param {Sandbox} sandbox
 */
async function bench(kind, size, runs, sandbox) {
  const measured = await deploy(kind, sandbox);
  const folder = join(sandbox.folder, "backups");
  mkdirSync(folder);
  // What is done once on a machine, such as the image of what compresses, does not count.
  await slipway(measured, ["backup", "--to", folder]);
  await fill(kind, measured, size);
  const plain = join(folder, "dump.gz");
  const { container, dump, load } = measured;
  console.log(
    `${cpus().length} processors (${cpus()[0]?.model}), load ${loadavg()[0]?.toFixed(1)}; ${size} MB in ${kind}`,
  );
  console.log("                     own tool   slipway   ratio   largest process   together   size");
  for (let run = 0; run < runs; run++) {
    const dumped = await timed(() => shell(measured, 'docker exec "${@:2}" | gzip >"$1"', [plain, container, ...dump]));
    const saved = await slipway(measured, ["backup", "--to", folder]);
    const file = saved.output.trim();
    print("backup", dumped, saved, `${mb(statSync(plain).size)} and ${mb(statSync(file).size)}`);
    const loaded = await timed(() =>
      shell(measured, 'gunzip -c "$1" | docker exec -i "${@:2}"', [plain, container, ...load]),
    );
    const restored = await slipway(measured, ["restore", file, "--confirm", "dev"]);
    print("restore", loaded, restored, "");
    await shell(measured, 'rm "$1" "$2"', [plain, file]);
  }
}

/** @param {number} bytes */
function mb(bytes) {
  return `${Math.round(bytes / 1e6)} MB`;
}

/** @param {string} what @param {number} own @param {Cost} cost @param {string} size */
function print(what, own, { seconds, largest, together }, size) {
  const cells = [`${own.toFixed(1)} s`, `${seconds.toFixed(1)} s`, (seconds / own).toFixed(2)];
  const memory = [largest, together].map((mebibytes) => `${Math.round(mebibytes)} MiB`);
  console.log([what.padEnd(19), ...cells, ...memory, size].join("   "));
}

const { values } = parseArgs({
  options: {
    database: { type: "string", default: "mariadb" },
    size: { type: "string", default: "1024" },
    runs: { type: "string", default: "1" },
    help: { type: "boolean", default: false },
  },
});
const kind = KINDS.find((one) => one === values.database);
if (values.help || kind === undefined) {
  console.log(usage);
  process.exitCode = values.help ? 0 : 2;
} else {
  const sandbox = new Sandbox(kind === "influxdb" ? {} : { program: "bench/backup/index.ts" });
  try {
    await bench(kind, Number(values.size), Number(values.runs), sandbox);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  } finally {
    await sandbox.remove();
  }
}
