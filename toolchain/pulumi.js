import { existsSync, mkdirSync, readFileSync, realpathSync, statSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join, sep } from "node:path";
import { buildId, builtFolder, buildPulumi, PULUMI_VERSION } from "./build-pulumi.js";
import { downloadPulumi } from "./download-pulumi.js";
import { installedVersion } from "./node-modules.js";
import { ensurePlugins } from "./plugins.js";
import { run, which } from "./run.js";
import { atLeast, parseVersion } from "./version.js";

/** @typedef {import("./report.js").Report} Report */

/**
 * The versions of Pulumi that serve: from the one that is built and tested here, up to the next major version.
 *
 * @param {string} version
 * @returns {boolean}
 */
export function isSuitable(version) {
  const numbers = parseVersion(version);
  return atLeast(numbers, parseVersion(PULUMI_VERSION)) && numbers[0] === parseVersion(PULUMI_VERSION)[0];
}

/** The packages of resources that the program uses; each needs a plugin of the same version. */
const PACKAGES = ["docker", "random", "tls"];

/**
 * Provides the Pulumi CLI and its plugins: a suitable `pulumi` on the PATH, else the official download, else a build from
 * Go modules.
 *
 * @param {object} options
 * @param {string} options.root - the project's folder
 * @param {string} options.cache
 * @param {string} options.pulumiHome - where Pulumi keeps its plugins
 * @param {Report} options.report
 * @param {AbortSignal} [options.signal]
 * @returns {Promise<{ path: string, version: string, built: boolean }>} the folder of the CLI, its version, and whether
 *   any of it was built here, so that Pulumi must not look for plugins itself
 */
export async function ensurePulumi({ root, cache, pulumiHome, report, signal }) {
  const versions = Object.fromEntries(PACKAGES.map((name) => [name, installedVersion(root, `@pulumi/${name}`)]));
  const id = buildId(versions);
  const cli = await ensureCli({ cache, id, versions, report, signal });
  const pluginsBuilt = await ensurePlugins({ pulumiHome, id, versions, cli, cache, report, signal });
  return { path: cli.path, version: cli.version, built: cli.built || pluginsBuilt };
}

/**
 * @param {object} options
 * @param {string} options.cache
 * @param {string} options.id
 * @param {Record<string, string>} options.versions
 * @param {Report} options.report
 * @param {AbortSignal | undefined} options.signal
 * @returns {Promise<{ path: string, version: string, built: boolean }>}
 */
async function ensureCli({ cache, id, versions, report, signal }) {
  const own = await cliOnPath({ cache, signal });
  if (typeof own !== "string") return { ...own, built: false };

  const downloaded = join(cache, "pulumi", PULUMI_VERSION);
  if (existsSync(downloaded)) return { path: downloaded, version: PULUMI_VERSION, built: false };

  const built = builtFolder({ cache, id, part: "cli" });
  if (existsSync(built)) return { path: built, version: PULUMI_VERSION, built: true };

  try {
    await report.step(`Downloading Pulumi ${PULUMI_VERSION}`, own, () =>
      downloadPulumi({ version: PULUMI_VERSION, folder: downloaded, signal }),
    );
    return { path: downloaded, version: PULUMI_VERSION, built: false };
  } catch (error) {
    signal?.throwIfAborted();
    report.note(`Pulumi is not to be had as a download (${/** @type {Error} */ (error).message})`);
  }
  const why = `${own}, and it is not to be had as a download`;
  return {
    path: await buildPulumi({ part: "cli", id, versions, cache, why, report, signal }),
    version: PULUMI_VERSION,
    built: true,
  };
}

/**
 * The user's own Pulumi, where it serves.
 *
 * @param {{ cache: string, signal: AbortSignal | undefined }} options
 * @returns {Promise<{ path: string, version: string } | string>} why there is none, where there is none
 */
async function cliOnPath({ cache, signal }) {
  // what an earlier version of the project provided is no choice of the user's
  const path = (process.env.PATH ?? "")
    .split(delimiter)
    .filter((folder) => !folder.startsWith(cache + sep))
    .join(delimiter);
  const found = which("pulumi", path);
  if (found === undefined) return "there is none on the PATH";
  const version = await cliVersion({ file: realpathSync(found), cache, signal }).catch(() => "");
  if (!/^\d+\.\d+/.test(version)) return `the pulumi on the PATH, ${found}, does not tell its version`;
  if (!isSuitable(version)) {
    return `the pulumi on the PATH, ${found}, is version ${version}; ${PULUMI_VERSION} or newer below 4 is needed`;
  }
  const places = [dirname(found), dirname(realpathSync(found)), path].join(delimiter);
  if (which("pulumi-language-nodejs", places) === undefined) {
    return `the pulumi on the PATH, ${found}, comes without its language host for Node, pulumi-language-nodejs`;
  }
  return { path: dirname(found), version };
}

/**
 * Asks an executable for its version once: starting it takes longer than all other checks of a ready machine.
 *
 * @param {{ file: string, cache: string, signal: AbortSignal | undefined }} options
 * @returns {Promise<string>}
 */
async function cliVersion({ file, cache, signal }) {
  const { size, mtimeMs } = statSync(file);
  const key = `${file} ${size} ${mtimeMs}`;
  const record = join(cache, "pulumi-on-path.json");
  if (existsSync(record)) {
    const known = JSON.parse(readFileSync(record, "utf8"));
    if (known.key === key) return known.version;
  }
  const version = (await run(file, ["version"], { signal })).trim().replace(/^v/, "");
  mkdirSync(cache, { recursive: true });
  writeFileSync(record, JSON.stringify({ key, version }));
  return version;
}
