import { randomBytes } from "node:crypto";
import { existsSync, linkSync, mkdirSync, readdirSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join, resolve } from "node:path";

/**
 * Where a user's own files are kept, outside every clone. All paths are absolute.
 *
 * @typedef {object} Folders
 * @property {string} stacks - the site's own stack files, `Pulumi.<stack>.yaml`
 * @property {string} state - Pulumi's state
 * @property {string} passphraseFile - the passphrase that encrypts the secrets in state and stack files
 * @property {string} cache - what can be made again
 */

/**
 * A base folder of the XDG Base Directory Specification (https://specifications.freedesktop.org/basedir-spec/latest/),
 * which has relative values ignored.
 *
 * @param {string | undefined} value
 * @param {string} fallback - below the user's home
 * @returns {string}
 */
function base(value, fallback) {
  return value !== undefined && isAbsolute(value) ? value : join(homedir(), fallback);
}

/**
 * @param {object} [options]
 * @param {string | undefined} [options.home] - one folder for stacks, state and passphrase. Default: SLIPWAY_HOME; the XDG
 *   folders where that is not set
 * @param {NodeJS.ProcessEnv} [options.env]
 * @returns {Folders}
 */
export function folders({ home, env = process.env } = {}) {
  const cache = join(base(env.XDG_CACHE_HOME, ".cache"), "slipway");
  const chosen = home ?? env.SLIPWAY_HOME;
  if (chosen) {
    const folder = resolve(chosen);
    return {
      stacks: join(folder, "stacks"),
      state: join(folder, "state"),
      passphraseFile: join(folder, "passphrase"),
      cache,
    };
  }
  const data = join(base(env.XDG_DATA_HOME, join(".local", "share")), "slipway");
  return {
    stacks: join(base(env.XDG_CONFIG_HOME, ".config"), "slipway"),
    state: join(data, "state"),
    passphraseFile: join(data, "passphrase"),
    cache,
  };
}

/**
 * Creates the folders that are missing, readable by the user only, and the passphrase where there is none.
 *
 * @param {Folders} folders
 * @returns {{ passphraseCreated: boolean }} whether the user has to be told now to back them up
 * @throws where the passphrase can be read by others, is empty, or is missing although stacks exist
 */
export function prepareHome({ stacks, state, passphraseFile, cache }) {
  for (const folder of [stacks, state, cache]) mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (existsSync(passphraseFile)) {
    checkPassphraseFile(passphraseFile);
    return { passphraseCreated: false };
  }
  if (hasStacks(state)) {
    throw new Error(
      `The passphrase file ${passphraseFile} is missing, but ${state} holds stacks whose secrets only that passphrase opens.` +
        " Restore the file from your backup (mode 0600). A new passphrase would not open them, so none was made.",
    );
  }
  return { passphraseCreated: createPassphrase(passphraseFile) };
}

/**
 * @param {string} file
 * @returns {boolean} false where another run made it at the same moment
 */
function createPassphrase(file) {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, randomBytes(32).toString("base64url"), { mode: 0o600 });
  try {
    // unlike a rename, a link never overwrites, and the file is never seen half written
    linkSync(draft, file);
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === "EEXIST") return false;
    throw error;
  } finally {
    unlinkSync(draft);
  }
}

/**
 * @param {string} file
 */
function checkPassphraseFile(file) {
  const { mode, size } = statSync(file);
  if (size === 0) {
    throw new Error(`The passphrase file ${file} is empty. Restore it from your backup; without stacks, remove it.`);
  }
  if ((mode & 0o077) !== 0) {
    throw new Error(
      `The passphrase file ${file} can be read by other users (mode ${(mode & 0o777).toString(8).padStart(4, "0")};` +
        ` 0600 is allowed). Type: chmod 600 ${file}`,
    );
  }
}

/**
 * @param {string} state
 * @returns {boolean} whether Pulumi has ever kept a stack there
 */
function hasStacks(state) {
  const stacks = join(state, ".pulumi", "stacks");
  return existsSync(stacks) && readdirSync(stacks, { recursive: true }).some((name) => String(name).endsWith(".json"));
}
