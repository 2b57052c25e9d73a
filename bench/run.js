// Measures a no-op of a deployed stack beside the same no-op of Docker Compose and OpenTofu. See README.md.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { folders } from "../toolchain/home.js";
import { createReport } from "../toolchain/report.js";
import { projectRoot } from "../toolchain/root.js";
import { run } from "../toolchain/run.js";
import { composeFile } from "./compose.js";
import { pulumiEnvironment, readDeployment } from "./deployment.js";
import { alternate, median, time } from "./measure.js";
import { tofuConfiguration } from "./opentofu.js";
import { ensurePeers } from "./peers.js";
import { phases } from "./phases.js";
import { PEER_LABEL, planFor } from "./plan.js";

/** @typedef {import("./measure.js").Contender} Contender */
/** @typedef {import("./deployment.js").Deployment} Deployment */

/** How often the traced preview runs. */
const TRACED_RUNS = 5;

/** Above this load, the numbers of a machine are worth little. */
const BUSY_LOAD = 1;

const usage = `Usage: npm run bench -- [--stack NAME] [--home FOLDER] [--runs N]

Measures a no-op of a deployed stack beside the same no-op of Docker Compose and OpenTofu.

  --stack NAME   the deployed stack (default: dev)
  --home FOLDER  where its files are, as for ./slipway
  --runs N       how often each command runs, besides a first time that does not count (default: 10)`;

/** @returns {{ stack: string, home: string | undefined, runs: number } | undefined} undefined: help is asked for */
function options() {
  const { values } = parseArgs({
    options: {
      stack: { type: "string", default: "dev" },
      home: { type: "string" },
      runs: { type: "string", default: "10" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  const { stack = "dev", home, runs = "" } = values;
  if (!/^[1-9]\d{0,2}$/.test(runs)) throw new Error(`--runs is "${runs}". Allowed: a whole number from 1 to 999.`);
  return { stack, home, runs: Number(runs) };
}

/** @param {string} text */
function say(text) {
  process.stdout.write(`${text}\n`);
}

/** @param {number} value */
function seconds(value) {
  return `${value.toFixed(2)} s`;
}

/**
 * Prints cells in columns, the first to the left and the others to the right.
 *
 * @param {string[][]} rows
 */
function table(rows) {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  for (const row of rows) {
    const cells = row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
    );
    say(`  ${cells.join("  ")}`);
  }
}

/**
 * Removes what the peers created.
 *
 * @param {NodeJS.ProcessEnv} env
 */
async function removePeers(env) {
  const filter = ["--filter", `label=${PEER_LABEL}`, "--quiet"];
  for (const [list, remove] of /** @type {const} */ ([
    [
      ["ps", "--all", ...filter],
      ["rm", "--force"],
    ],
    [
      ["network", "ls", ...filter],
      ["network", "rm"],
    ],
    [
      ["volume", "ls", ...filter],
      ["volume", "rm"],
    ],
  ])) {
    const found = (await run("docker", [...list], { env })).split("\n").filter((line) => line !== "");
    if (found.length > 0) await run("docker", [...remove, ...found], { env });
  }
}

/** @param {NodeJS.ProcessEnv} env */
async function peerContainers(env) {
  return await run("docker", ["ps", "--filter", `label=${PEER_LABEL}`, "--quiet", "--no-trunc"], { env });
}

/**
 * Deploys what the stack has with each peer.
 *
 * @param {{ deployment: Deployment, folder: string, env: NodeJS.ProcessEnv, cache: string, report: import("../toolchain/report.js").Report }} options
 * @returns {Promise<Contender[]>} their no-ops
 */
async function deployPeers({ deployment, folder, env, cache, report }) {
  const { compose, tofu, mirror } = await ensurePeers({ cache, report });

  const [composeProgram = "", ...composeArgs] = compose;
  writeFileSync(join(folder, "compose.yaml"), composeFile(await planFor(deployment, "compose")));
  const up = [...composeArgs, "--file", join(folder, "compose.yaml"), "up", "--detach"];

  writeFileSync(
    join(folder, "main.tf.json"),
    tofuConfiguration(await planFor(deployment, "opentofu"), deployment.host),
  );
  writeFileSync(
    join(folder, "tofu.rc"),
    `provider_installation {\n  filesystem_mirror {\n    path = ${JSON.stringify(mirror)}\n  }\n}\n`,
  );
  const tofuEnv = { ...env, TF_CLI_CONFIG_FILE: join(folder, "tofu.rc") };

  await report.step("Deploying the same with Docker Compose", "a no-op needs something deployed", (onLine) =>
    run(composeProgram, up, { cwd: folder, env, onLine }),
  );
  await report.step("Deploying the same with OpenTofu", "a no-op needs something deployed", async (onLine) => {
    await run(tofu, ["init", "-no-color"], { cwd: folder, env: tofuEnv, onLine });
    await run(tofu, ["apply", "-auto-approve", "-no-color"], { cwd: folder, env: tofuEnv, onLine });
  });
  const [composeVersion, tofuVersion] = await Promise.all([
    run(composeProgram, [...composeArgs, "version", "--short"], { env }),
    run(tofu, ["version", "-json"], { env: tofuEnv }).then((text) => JSON.parse(text).terraform_version),
  ]);
  return [
    {
      title: `docker compose up -d (${composeVersion.trim().replace(/^v/, "")})`,
      command: [composeProgram, ...up],
      cwd: folder,
      env,
    },
    {
      title: `tofu plan (${tofuVersion})`,
      command: [tofu, "plan", "-detailed-exitcode", "-input=false", "-no-color"],
      cwd: folder,
      env: tofuEnv,
    },
  ];
}

/**
 * @param {Contender} preview
 * @param {string} folder
 */
async function printPhases(preview, folder) {
  /** @type {import("./phases.js").Phase[][]} */
  const traced = [];
  for (let index = 0; index < TRACED_RUNS; index++) {
    const file = join(folder, `trace-${index}.json`);
    const started = Date.now() / 1000;
    await time({ ...preview, command: [...preview.command, "--otel-traces", `file://${file}`] });
    traced.push(phases(file, started, Date.now() / 1000));
    rmSync(file);
  }
  const rows = (traced[0] ?? []).map(({ what }, index) => ({
    what,
    value: median(traced.map((run) => run[index]?.seconds ?? NaN)),
  }));
  say(`\nWhere pulumi preview spends its time (medians of ${TRACED_RUNS} traced runs, which tracing makes slower):`);
  table([
    ...rows.map(({ what, value }) => [what, seconds(value)]),
    ["Sum", seconds(rows.reduce((sum, { value }) => sum + value, 0))],
  ]);
}

/**
 * @param {{ stack: string, home: string | undefined, runs: number }} options
 * @param {string} folder - an empty one
 */
async function bench({ stack, home, runs }, folder) {
  const report = createReport();
  const env = await pulumiEnvironment(["--stack", stack, ...(home === undefined ? [] : ["--home", home])]);
  const deployment = await readDeployment(env, folder);
  const dockerEnv = { ...process.env, DOCKER_HOST: deployment.host };
  /** @type {Contender} */
  const preview = {
    title: `pulumi preview (${(await run("pulumi", ["version"], { env })).trim().replace(/^v/, "")})`,
    command: ["pulumi", "preview", "--expect-no-changes", "--non-interactive"],
    cwd: projectRoot,
    env,
  };
  try {
    await removePeers(dockerEnv);
    const { cache } = folders({ home });
    const peers = await deployPeers({ deployment, folder, env: dockerEnv, cache, report });
    const before = await peerContainers(dockerEnv);

    const [load = 0] = loadavg();
    const contenders = [preview, ...peers];
    const times = await report.step(`Measuring ${runs} times each`, "medians of few runs mislead", () =>
      alternate(contenders, runs),
    );
    if ((await peerContainers(dockerEnv)) !== before) {
      throw new Error("The peers' containers changed while they were measured: these were no no-ops.");
    }

    const { containers, networks, resources } = deployment;
    say(`\n${cpus().length} processors (${cpus()[0]?.model}), load ${load.toFixed(1)} before the measurement`);
    if (load > BUSY_LOAD) say("Caution: other work was going on. Measure again on an idle machine.");
    say(`No-op of ${containers.length} services on ${networks.length} networks, ${runs} runs each in turn:`);
    const ours = median(times[0] ?? []);
    table([
      ["", "median", "fastest", "slowest", "Pulumi takes"],
      ...contenders.map(({ title }, index) => {
        const all = times[index] ?? [];
        const ratio = index === 0 ? "" : `${(ours / median(all)).toFixed(1)} times`;
        return [title, seconds(median(all)), seconds(Math.min(...all)), seconds(Math.max(...all)), ratio];
      }),
    ]);
    say(
      `The peers' containers have the same settings, but sleep. Pulumi's stack has ${resources} resources: besides those\n` +
        "services, it also compares secrets, certificate, generated files and tasks.",
    );
    await printPhases(preview, folder);
  } finally {
    await removePeers(dockerEnv);
  }
}

try {
  const given = options();
  if (given === undefined) say(usage);
  else {
    const folder = mkdtempSync(join(tmpdir(), "slipway-bench-"));
    try {
      await bench(given, folder);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
