import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { buildPulumi, PULUMI_VERSION } from "./build-pulumi.js";
import { canDownload } from "./download-pulumi.js";
import { isExecutable, run } from "./run.js";

/** @typedef {import("./report.js").Report} Report */

/** In a plugin's folder: from which sources it was built here. */
const ORIGIN = "built-from";

/**
 * Where Pulumi looks for a plugin. The version has to be exactly that of the npm package.
 *
 * @param {string} pulumiHome
 * @param {string} name
 * @param {string} version
 * @returns {string}
 */
export function pluginFolder(pulumiHome, name, version) {
  return join(pulumiHome, "plugins", `resource-${name}-v${version}`);
}

/**
 * What stands in a plugin's folder.
 *
 * @param {string} folder
 * @param {string} name
 * @param {string} id - of the build that would be made now
 * @returns {"none" | "official" | "built" | "outdated"} "outdated": built here from other sources
 */
export function pluginState(folder, name, id) {
  // Pulumi marks a plugin that it is still unpacking
  if (!isExecutable(join(folder, `pulumi-resource-${name}`)) || existsSync(`${folder}.partial`)) return "none";
  const origin = join(folder, ORIGIN);
  if (!existsSync(origin)) return "official";
  return readFileSync(origin, "utf8") === id ? "built" : "outdated";
}

/**
 * Provides the plugins: those that Pulumi has, else the official ones, else a build from Go modules.
 *
 * @param {object} options
 * @param {string} options.pulumiHome
 * @param {string} options.id - from `buildId`
 * @param {Record<string, string>} options.versions - of each plugin
 * @param {{ path: string, built: boolean }} options.cli
 * @param {string} options.cache
 * @param {Report} options.report
 * @param {AbortSignal | undefined} options.signal
 * @returns {Promise<boolean>} whether any was built here
 */
export async function ensurePlugins({ pulumiHome, id, versions, cli, cache, report, signal }) {
  const states = () =>
    Object.entries(versions).map(([name, version]) => {
      const folder = pluginFolder(pulumiHome, name, version);
      return { name, version, folder, state: pluginState(folder, name, id) };
    });
  const isMissing = (/** @type {{ state: string }} */ { state }) => state === "none" || state === "outdated";

  let missing = states().filter(isMissing);
  const canInstall = async () =>
    !cli.built &&
    (Boolean(process.env.PULUMI_PLUGIN_DOWNLOAD_URL_OVERRIDES) || (await canDownload(PULUMI_VERSION, signal)));
  if (missing.length > 0 && (await canInstall())) {
    const names = missing.map(({ name, version }) => `${name} ${version}`).join(", ");
    await report
      .step(`Downloading Pulumi's plugins ${names}`, `${pulumiHome} does not have them`, async (detail) => {
        for (const { name, version } of missing) {
          const args = ["plugin", "install", "--reinstall", "resource", name, version];
          await run(join(cli.path, "pulumi"), args, { onLine: detail, signal });
        }
      })
      .catch((error) => {
        signal?.throwIfAborted();
        report.note(`The plugins are not to be had as a download: ${error.message}`);
      });
    missing = states().filter(isMissing);
  }
  if (missing.length > 0) {
    const why = `${pulumiHome} does not have them, and they are not to be had as a download`;
    const built = await buildPulumi({ part: "plugins", id, versions, cache, why, report, signal });
    for (const { name, folder } of missing) place(join(built, `pulumi-resource-${name}`), folder, name, id);
  }
  return states().some(({ state }) => state === "built");
}

/**
 * Puts a built plugin where Pulumi looks for it.
 *
 * @param {string} file
 * @param {string} folder
 * @param {string} name
 * @param {string} id
 */
function place(file, folder, name, id) {
  const draft = `${folder}.${process.pid}`;
  mkdirSync(draft, { recursive: true });
  const target = join(draft, `pulumi-resource-${name}`);
  try {
    linkSync(file, target);
  } catch {
    // another file system
    copyFileSync(file, target);
  }
  writeFileSync(join(draft, ORIGIN), id);
  rmSync(folder, { recursive: true, force: true });
  renameSync(draft, folder);
  rmSync(`${folder}.partial`, { force: true });
}
