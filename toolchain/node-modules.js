import { existsSync, lstatSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { withLock } from "./lock.js";
import { isExecutable, run } from "./run.js";

/** @typedef {import("./report.js").Report} Report */
/** @typedef {{ version?: string, optional?: boolean }} LockedPackage */

/**
 * Says what of a lock file is not installed as it says. npm leaves a lock file of what it installed in node_modules.
 *
 * @param {Record<string, LockedPackage>} wanted - `packages` of package-lock.json
 * @param {Record<string, LockedPackage>} installed - `packages` of node_modules/.package-lock.json
 * @returns {string[]} folders of packages
 */
export function missingPackages(wanted, installed) {
  return Object.keys(wanted).filter((folder) => {
    const { version, optional } = wanted[folder] ?? {};
    const found = installed[folder];
    // optional packages of other platforms are left out
    return folder !== "" && !(optional && found === undefined) && found?.version !== version;
  });
}

/**
 * @param {string} file
 * @returns {Record<string, LockedPackage>} nothing where there is no such file
 */
function readLock(file) {
  if (!existsSync(file)) return {};
  return JSON.parse(readFileSync(file, "utf8")).packages;
}

/**
 * The pinned Node that is installed among the node modules.
 *
 * @param {string} root - the project's folder
 * @returns {string | undefined} the executable itself: npm 9 makes no link to an optional package in .bin
 */
export function pinnedNode(root) {
  const file = join(root, "node_modules", `node-${process.platform}-${process.arch}`, "bin", "node");
  return isExecutable(file) ? file : undefined;
}

/**
 * Installs the node modules that package-lock.json names, the pinned Node among them, unless they are there.
 *
 * @param {{ root: string, report: Report }} options
 * @returns {Promise<string>} the pinned Node's executable
 */
export async function ensureNodeModules({ root, report }) {
  const wanted = readLock(join(root, "package-lock.json"));
  const installed = readLock(join(root, "node_modules", ".package-lock.json"));
  const missing = missingPackages(wanted, installed);
  const ready = pinnedNode(root);
  if (missing.length === 0 && ready !== undefined) return ready;

  const count = Object.keys(installed).length;
  const why =
    count === 0
      ? `node_modules is not there yet (${Object.keys(wanted).length - 1} packages, about a minute)`
      : missing.length === 0
        ? "the pinned Node is missing in node_modules"
        : `${missing.length} packages differ from package-lock.json (${missing[0]}${missing.length > 1 ? ", …" : ""})`;
  return await report.step("Installing node modules and the pinned Node", why, async (detail) => {
    // a NODE_ENV or an `omit` of the user's npm leaves out what the tests or the platform need
    const wait = () => {
      detail("another command is installing them");
    };
    const folder = join(root, "node_modules");
    // npm ci empties the folder that a link points to, which another clone may need
    if (lstatSync(folder, { throwIfNoEntry: false })?.isSymbolicLink()) {
      throw new Error(`${folder} is a link, and an installation would empty what it points to. Type: rm '${folder}'`);
    }
    await withLock(join(root, ".node_modules.lock"), wait, async () => {
      const done = readLock(join(root, "node_modules", ".package-lock.json"));
      if (missingPackages(wanted, done).length === 0 && pinnedNode(root) !== undefined) return;
      await run("npm", ["ci", "--include=dev", "--include=optional"], { cwd: root, onLine: detail });
    });
    const node = pinnedNode(root);
    if (node === undefined) {
      throw new Error(
        `npm installed no Node for ${process.platform}-${process.arch}. package.json names the platforms that are provided` +
          ` for: ${platformPackages(wanted).join(", ")}. If yours is among them, remove node_modules and run this again.`,
      );
    }
    await run(node, ["--version"]);
    return node;
  });
}

/**
 * @param {Record<string, LockedPackage>} wanted
 * @returns {string[]}
 */
function platformPackages(wanted) {
  return Object.keys(wanted)
    .filter((folder) => /^node_modules\/node-(bin-)?[a-z]+-[a-z0-9]+$/.test(folder))
    .map((folder) => folder.slice("node_modules/".length));
}

/**
 * The installed version of a package.
 *
 * @param {string} root - the project's folder
 * @param {string} name
 * @returns {string}
 */
export function installedVersion(root, name) {
  return JSON.parse(readFileSync(join(root, "node_modules", name, "package.json"), "utf8")).version;
}
