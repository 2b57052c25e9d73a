import { delimiter, dirname, join } from "node:path";
import { homedir } from "node:os";
import { ensureBaseImage } from "./base-image.js";
import { ensureDocker } from "./docker.js";
import { folders, prepareHome } from "./home.js";
import { pinnedNode } from "./node-modules.js";
import { ensurePulumi } from "./pulumi.js";
import { projectRoot } from "./root.js";

/** @typedef {import("./report.js").Report} Report */
/** @typedef {import("./home.js").Folders} Folders */

/**
 * What a command needs of the machine.
 *
 * @typedef {object} Needs
 * @property {boolean} [docker] - a Docker engine that answers
 * @property {boolean} [pulumi] - the Pulumi CLI and its plugins
 * @property {boolean} [baseImage] - the image that built images stand on; needs Docker too
 */

/**
 * What a ready machine offers.
 *
 * @typedef {object} Ready
 * @property {Record<string, string>} env - the environment variables to set for `pulumi` and the program
 * @property {Folders} folders
 * @property {boolean} passphraseCreated - whether the user has to be told now to back the folders up
 */

/**
 * Makes the machine ready for a command. What is there is not made again; what can overlap does. When one part fails, the
 * others are stopped.
 *
 * @param {object} options
 * @param {string | undefined} [options.home] - the user's folder. Default: SLIPWAY_HOME; else the XDG folders
 * @param {string} options.host - the Docker engine's URL
 * @param {Needs} options.needs
 * @param {boolean} [options.rebuild] - whether to make the base image anew. Default: false
 * @param {Report} options.report
 * @returns {Promise<Ready>}
 * @throws what went wrong first, with what to type
 */
export async function makeReady({ home, host, needs, rebuild = false, report }) {
  const own = folders({ home });
  const { passphraseCreated } = prepareHome(own);
  const node = pinnedNode(projectRoot);
  if (node === undefined) throw new Error("The pinned Node is missing in node_modules. Type: npm ci");
  const pulumiHome = process.env.PULUMI_HOME || join(homedir(), ".pulumi");

  const failed = new AbortController();
  const common = { cache: own.cache, report, signal: failed.signal };
  const readyDocker = async () => {
    await ensureDocker({ host, ...common });
    if (needs.baseImage) await ensureBaseImage({ host, rebuild, ...common });
  };
  /** @type {unknown[]} */
  const errors = [];
  /**
   * @template T
   * @param {Promise<T>} part
   */
  const attempt = (part) =>
    part.catch((error) => {
      errors.push(error);
      failed.abort();
      return undefined;
    });
  const [cli] = await Promise.all([
    needs.pulumi ? attempt(ensurePulumi({ root: projectRoot, pulumiHome, ...common })) : undefined,
    needs.docker || needs.baseImage ? attempt(readyDocker()) : undefined,
  ]);
  if (errors.length > 0) throw errors[0];

  return { env: environment({ own, cli, nodeFolder: dirname(node) }), folders: own, passphraseCreated };
}

/**
 * The environment in which Pulumi works on the user's own state.
 *
 * @param {{ own: Folders, cli: { path: string, built: boolean } | undefined, nodeFolder: string }} options
 * @returns {Record<string, string>}
 */
function environment({ own, cli, nodeFolder }) {
  const first = [...(cli ? [cli.path] : []), nodeFolder];
  const rest = (process.env.PATH ?? "").split(delimiter).filter((folder) => !first.includes(folder));
  return {
    PATH: [...first, ...rest].join(delimiter),
    // Pulumi writes files of metadata, which nothing here needs, in place: a run that is killed meanwhile would leave an
    // empty one, and the state beside it could not be read any more
    PULUMI_BACKEND_URL: `file://${own.state}?metadata=skip`,
    PULUMI_CONFIG_PASSPHRASE_FILE: own.passphraseFile,
    PULUMI_SKIP_UPDATE_CHECK: "true",
    PULUMI_ERROR_OUTPUT_STRING: "true",
    NODE_COMPILE_CACHE: join(own.cache, "compile"),
    // built plugins are all there; without this, the engine would look for newer ones out in the network
    ...(cli?.built ? { PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true" } : {}),
  };
}
