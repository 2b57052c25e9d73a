import { createHash } from "node:crypto";
import { createWriteStream, mkdirSync, renameSync, rmSync } from "node:fs";
import http from "node:http";
import { arch, platform } from "node:os";
import { join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import tls from "node:tls";
import { run } from "./run.js";

/** Where Pulumi publishes its releases with their checksums (https://github.com/pulumi/pulumi/issues/10807). */
export const RELEASES = "https://get.pulumi.com/releases/sdk";

/** An answer has to begin within so long, in milliseconds, or the server counts as out of reach. */
const ANSWER_TIMEOUT = 5_000;

/** A whole download has to end within so long, in milliseconds. */
const DOWNLOAD_TIMEOUT = 15 * 60_000;

/** Lets `fetch` use the proxy that the environment names and the certificates that the machine trusts. */
function useHostNetworkSettings() {
  http.setGlobalProxyFromEnv();
  tls.setDefaultCACertificates([...tls.getCACertificates("default"), ...tls.getCACertificates("system")]);
}

/**
 * @param {string} url
 * @param {AbortSignal | undefined} signal
 * @returns {Promise<Response>}
 * @throws where the server does not answer in time, or not with success
 */
async function request(url, signal) {
  const answer = new AbortController();
  const timer = setTimeout(
    () => answer.abort(new Error(`no answer within ${ANSWER_TIMEOUT / 1000} s`)),
    ANSWER_TIMEOUT,
  );
  try {
    const signals = [answer.signal, AbortSignal.timeout(DOWNLOAD_TIMEOUT), ...(signal ? [signal] : [])];
    const response = await fetch(url, { signal: AbortSignal.any(signals) });
    if (!response.ok) throw new Error(`HTTP status ${response.status}`);
    return response;
  } catch (error) {
    const { message, cause } = /** @type {Error} */ (error);
    throw new Error(`${url}: ${cause instanceof Error ? cause.message : message}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/**
 * @param {string} version
 * @returns {string} the name of the list of a release's checksums
 */
const checksumFile = (version) => `pulumi-${version}-checksums.txt`;

/**
 * Whether Pulumi's own downloads can be reached from here.
 *
 * @param {string} version - of a release
 * @param {AbortSignal | undefined} signal
 * @returns {Promise<boolean>}
 */
export async function canDownload(version, signal) {
  useHostNetworkSettings();
  return await request(`${RELEASES}/${checksumFile(version)}`, signal).then(
    () => true,
    () => false,
  );
}

/**
 * Finds a file's checksum in a list as `sha256sum` writes it.
 *
 * @param {string} list
 * @param {string} file
 * @returns {string}
 * @throws where the list does not have it
 */
export function checksumOf(list, file) {
  const line = list.split("\n").find((text) => text.trim().split(/\s+\*?/)[1] === file);
  if (line === undefined) throw new Error(`The list of checksums does not name ${file}.`);
  return line.trim().split(/\s+/)[0] ?? "";
}

/**
 * Downloads an official release of the Pulumi CLI and checks it against the published checksum.
 *
 * @param {object} options
 * @param {string} options.version
 * @param {string} options.folder - where its executables shall be; made at once and complete
 * @param {string} [options.releases] - Default: {@link RELEASES}
 * @param {AbortSignal | undefined} options.signal
 * @returns {Promise<void>}
 * @throws where it is out of reach, or is not what the checksum says
 */
export async function downloadPulumi({ version, folder, releases = RELEASES, signal }) {
  useHostNetworkSettings();
  const file = `pulumi-v${version}-${platform()}-${arch()}.tar.gz`;
  const list = await (await request(`${releases}/${checksumFile(version)}`, signal)).text();
  const wanted = checksumOf(list, file);
  const draft = `${folder}.${process.pid}`;
  mkdirSync(draft, { recursive: true });
  try {
    const archive = join(draft, file);
    const { body } = await request(`${releases}/${file}`, signal);
    const hash = createHash("sha256");
    const hashing = new Transform({
      transform(chunk, _encoding, done) {
        hash.update(chunk);
        done(null, chunk);
      },
    });
    await pipeline(Readable.fromWeb(/** @type {any} */ (body)), hashing, createWriteStream(archive));
    const found = hash.digest("hex");
    if (found !== wanted) {
      throw new Error(`${releases}/${file}: the SHA-256 checksum is ${found}; published is ${wanted}. It is not used.`);
    }
    await run("tar", ["-xzf", archive, "-C", draft, "--strip-components=1"], { signal });
    rmSync(archive);
    await run(join(draft, "pulumi"), ["version"], { signal });
    renameSync(draft, folder);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}
