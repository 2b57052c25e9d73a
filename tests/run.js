// `npm test`: everything from a fresh clone, with what Node 18 can do by itself until the pinned Node is there.
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { ensureNodeModules } from "../toolchain/node-modules.js";
import { makeReady } from "../toolchain/ready.js";
import { createReport, duration } from "../toolchain/report.js";
import { projectRoot } from "../toolchain/root.js";

/** @typedef {import("./tally.js").Tally} Tally */
/** @typedef {{ name: string, milliseconds: number } & Tally} Outcome */

/** How long a group may take, in milliseconds. */
const TIME_LIMIT = { check: 10 * 60_000, integration: 40 * 60_000, long: 3 * 3_600_000 };

/** How long one test may take where it does not say so itself, in milliseconds. */
const TEST_TIME_LIMIT = 10 * 60_000;

/** How many groups of integration tests run at a time: most of their time they wait for containers. */
const LANES = 2;

/** Files of tests that take long have this ending; the others of `tests/integration` end with `.test.ts`. */
const LONG = ".long.test.ts";

const report = createReport();
/** @type {Outcome[]} */
const outcomes = [];

/**
 * Runs one group and notes what came out of it, be it a failure of the group itself.
 *
 * @param {string} name
 * @param {() => Promise<Tally>} work
 */
async function group(name, work) {
  const start = Date.now();
  const tally = await work().catch((error) => {
    console.error(error instanceof Error ? error.message : error);
    return { passed: 0, skipped: 0, failed: [name] };
  });
  outcomes.push({ name, milliseconds: Date.now() - start, ...tally });
}

/** @param {string} name */
function title(name) {
  console.log(`\n== ${name}`);
}

/**
 * Runs a program of node_modules in the pinned Node; its output goes where this one's goes.
 *
 * @param {string[]} command
 * @param {number} limit - in milliseconds
 * @param {string} [heading] - keeps the output until the end, and prints it below this. Default: it is printed as it comes
 * @returns {Promise<{ end: string | undefined, tally: Tally | undefined }>} `end`: how it ended, unless with exit code 0
 */
function run([program = "", ...args], limit, heading) {
  return new Promise((resolve, reject) => {
    const output = heading === undefined ? "inherit" : "pipe";
    /** @type {Buffer[]} */
    const written = [];
    /** @type {Tally | undefined} */
    let tally;
    const child = spawn(node, [join(projectRoot, "node_modules", program), ...args], {
      cwd: projectRoot,
      stdio: ["ignore", output, output, "ipc"],
      timeout: limit,
      killSignal: "SIGKILL",
    });
    child.on("message", (message) => {
      tally = /** @type {Tally} */ (message);
    });
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => written.push(chunk));
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (heading !== undefined) {
        title(heading);
        process.stdout.write(Buffer.concat(written));
      }
      const killed = signal === null ? undefined : `ended by ${signal}; it may take ${duration(limit)}`;
      resolve({ end: code === 0 ? undefined : (killed ?? `ended with exit code ${code}`), tally });
    });
  });
}

/**
 * A check that passes or fails as a whole.
 *
 * @param {string} name
 * @param {string[]} command
 */
async function check(name, command) {
  title(name);
  await group(name, async () => {
    const { end } = await run(command, TIME_LIMIT.check);
    return end === undefined ? { passed: 1, skipped: 0, failed: [] } : { passed: 0, skipped: 0, failed: [name] };
  });
}

/**
 * A group of mocha tests.
 *
 * @param {string} name
 * @param {string[]} files
 * @param {number} limit - in milliseconds
 * @param {string[]} [options]
 * @param {boolean} [besideOthers] - whether other groups run at the same time. Default: false
 */
async function tests(name, files, limit, options = [], besideOthers = false) {
  if (besideOthers) report.note(`Running ${name}`);
  else title(name);
  await group(name, async () => {
    const reporter = ["--reporter", join(projectRoot, "tests", "tally.js")];
    // mocha takes any CI for a terminal with colours
    const colour = process.stdout.isTTY ? [] : ["--no-color"];
    const { end, tally } = await run(
      ["mocha/bin/mocha.js", ...reporter, ...colour, ...options, ...files],
      limit,
      besideOthers ? name : undefined,
    );
    if (tally === undefined) throw new Error(`The tests of this group were not all run: ${end ?? "no result"}`);
    if (tally.passed + tally.failed.length + tally.skipped === 0) throw new Error("There are no tests in this group.");
    if (end !== undefined && tally.failed.length === 0) throw new Error(`Mocha ${end}.`);
    return tally;
  });
}

/** @returns {Promise<Tally>} nothing to count: it only has to succeed */
async function makeMachineReady() {
  // the tests have user folders of their own
  const home = mkdtempSync(join(tmpdir(), "slipway-test-home-"));
  try {
    const needs = { docker: true, pulumi: true, baseImage: true };
    await makeReady({ home, host: "unix:///var/run/docker.sock", needs, report });
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
  return { passed: 0, skipped: 0, failed: [] };
}

/** @returns {string[]} files, relative to the root; each is a group, because each deploys something of its own */
function integrationTests() {
  const folder = join("tests", "integration");
  return readdirSync(join(projectRoot, folder))
    .filter((name) => name.endsWith(".test.ts") && (long || !name.endsWith(LONG)))
    .sort()
    .map((name) => join(folder, name));
}

/** @returns {boolean} whether anything has passed and nothing has failed */
function summarise() {
  console.log("\n== summary");
  for (const { name, milliseconds, passed, failed, skipped } of outcomes) {
    const numbers = `${passed} passed, ${failed.length} failed, ${skipped} skipped`;
    console.log(`${name.padEnd(36)} ${duration(milliseconds).padStart(12)}   ${numbers}`);
  }
  const failed = outcomes.flatMap(({ name, failed: titles }) => titles.map((title) => `${name}: ${title}`));
  if (failed.length > 0) console.log(["\nFailed:", ...failed].join("\n  "));
  const sum = (/** @type {"passed" | "skipped"} */ key) => outcomes.reduce((total, outcome) => total + outcome[key], 0);
  console.log(`\n${sum("passed")} passed, ${failed.length} failed, ${sum("skipped")} skipped`);
  return failed.length === 0 && sum("passed") > 0;
}

const long = process.argv.includes("--long");
const node = await ensureNodeModules({ root: projectRoot, report });
await check("type check", ["typescript/bin/tsc", "--noEmit"]);
await check("lint", ["eslint/bin/eslint.js", "."]);
await check("format check", ["prettier/bin/prettier.cjs", "--check", "."]);
await tests("unit tests", ["tests/unit/**/*.test.ts"], TIME_LIMIT.check);
await tests("property tests", ["tests/property/**/*.test.ts"], TIME_LIMIT.check);
title("making the machine ready");
await group("making the machine ready", makeMachineReady);
if (outcomes.at(-1)?.failed.length === 0) {
  const options = ["--timeout", String(TEST_TIME_LIMIT)];
  const files = integrationTests();
  const nameOf = (/** @type {string} */ file) => `integration: ${basename(file, ".test.ts")}`;
  const usual = files.filter((file) => !file.endsWith(LONG));
  const lane = async () => {
    for (let file = usual.shift(); file !== undefined; file = usual.shift()) {
      await tests(nameOf(file), [file], TIME_LIMIT.integration, options, true);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  for (const file of files.filter((each) => each.endsWith(LONG))) {
    await tests(nameOf(file), [file], TIME_LIMIT.long, options);
  }
}
process.exitCode = summarise() ? 0 : 1;
