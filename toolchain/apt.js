import { run, which } from "./run.js";

/** @typedef {import("./report.js").Report} Report */

/** Runs of apt wait for each other; its lock on the package lists does not. */
let queue = Promise.resolve();

/**
 * What has to stand before a command so that it runs as root.
 *
 * @param {AbortSignal | undefined} signal
 * @returns {Promise<string[] | undefined>} nothing for root, `sudo -n` where it asks for no password; undefined: cannot
 */
export async function asRoot(signal) {
  if (process.getuid?.() === 0) return [];
  if (which("sudo") === undefined) return undefined;
  const sudo = ["sudo", "-n"];
  return await run("sudo", ["-n", "true"], { signal }).then(
    () => sudo,
    () => undefined,
  );
}

/**
 * Installs packages of Debian or Ubuntu.
 *
 * @param {object} options
 * @param {string[]} options.packages
 * @param {string} options.why - what needs them, for progress and error
 * @param {Report} options.report
 * @param {AbortSignal | undefined} options.signal
 * @returns {Promise<void>}
 * @throws where there is no apt-get or the user may not install: says what to type
 */
export async function installPackages({ packages, why, report, signal }) {
  const command = `apt-get install --no-install-recommends ${packages.join(" ")}`;
  if (which("apt-get") === undefined) {
    throw new Error(`${why}. There is no apt-get here to install it with: install ${packages.join(", ")} yourself.`);
  }
  const root = await asRoot(signal);
  if (root === undefined) {
    throw new Error(`${why}. Installing it takes root. Type: sudo apt-get update && sudo ${command}`);
  }
  const install = async () =>
    await report.step(`Installing ${packages.join(", ")} with apt`, why, async (detail) => {
      /** @param {string[]} args */
      const apt = (args) => {
        const [first = "", ...rest] = [...root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", ...args];
        return run(first, rest, { onLine: detail, signal });
      };
      const wait = ["-o", "DPkg::Lock::Timeout=600"];
      await apt(["update"]);
      await apt(["install", "-y", "--no-install-recommends", ...wait, ...packages]);
    });
  const turn = queue.then(install);
  queue = turn.catch(() => {});
  await turn;
}
