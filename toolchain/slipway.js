#!/usr/bin/env node
// The command `slipway`, as far as Node 18 without node_modules can go: it installs what is missing and hands over to the
// pinned Node. The file `slipway` at the root is a link to this one, because older releases of Node 18 (18.13 for one) run
// no ES module whose name has no extension.
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { join } from "node:path";
import { ensureNodeModules } from "./node-modules.js";
import { createReport } from "./report.js";
import { projectRoot } from "./root.js";

/**
 * Lets Node keep what it makes of the sources: without it, it strips their types and compiles them anew at each start,
 * which takes a second and 20 MB of memory. By paths relative to the folder, so that a copy of the clone has it too.
 */
const compileCache = {
  NODE_COMPILE_CACHE: join(projectRoot, ".cache", "node"),
  NODE_COMPILE_CACHE_PORTABLE: "1",
};

/**
 * How much memory Node takes for new objects before it looks which of them are still needed, in MiB. By its own 16 MiB, what
 * flows through a backup would lie about in memory for long.
 */
const smallYoungSpace = "--max-semi-space-size=1";

/**
 * Runs a program of the project in the pinned Node to its end.
 *
 * @param {string} node
 * @param {string[]} args
 * @returns {Promise<number>} the exit code; 128 and the signal's number after a signal, as shells have it
 */
function handOver(node, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(node, args, { stdio: "inherit", env: { ...compileCache, ...process.env } });
    // a terminal sends Ctrl-C to both processes: passing it on would make it two
    process.on("SIGINT", () => {});
    for (const signal of /** @type {const} */ (["SIGTERM", "SIGHUP"])) {
      process.on(signal, () => child.kill(signal));
    }
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      resolve(signal === null ? (code ?? 1) : 128 + constants.signals[signal]);
    });
  });
}

try {
  const node = await ensureNodeModules({ root: projectRoot, report: createReport() });
  process.exitCode = await handOver(node, [
    smallYoungSpace,
    join(projectRoot, "cli", "main.ts"),
    ...process.argv.slice(2),
  ]);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
