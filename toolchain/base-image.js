import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asRoot, installPackages } from "./apt.js";
import { lastLine, run, which } from "./run.js";

/** @typedef {import("./report.js").Report} Report */

/** The Debian release that every image stands on. */
const SUITE = "bookworm";

/** The official image. */
const OFFICIAL = `debian:${SUITE}-slim`;

/** The local image that every built image stands on. */
export const BASE_IMAGE = `slipway/base:${SUITE}`;

/** A registry has to begin to answer within so long, in milliseconds, or it counts as out of reach. */
const ANSWER_TIMEOUT = 15_000;

/** What the official slim image leaves out too. */
const LEFT_OUT = ["/usr/share/doc/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/man/*"];

/** A minimal Debian, without what is left out. */
const MMDEBSTRAP_OPTIONS = [
  "--variant=minbase",
  ...LEFT_OUT.map((path) => `--dpkgopt=path-exclude=${path}`),
  // mmdebstrap copies these from this machine; Docker puts its own in their place
  '--customize-hook=rm -f "$1/etc/hostname" "$1/etc/resolv.conf"',
  // licences stay, as Debian's policy wants
  "--dpkgopt=path-include=/usr/share/doc/*/copyright",
];

/** Files get no later time than the release's own day, 2023-06-10, so that the same packages make the same image. */
const SOURCE_DATE_EPOCH = "1686355200";

/**
 * Makes sure that the base image is there: the official one or, where that is out of reach, one of Debian's packages. The
 * certificate authorities and proxies of this machine are in neither.
 *
 * @param {object} options
 * @param {string} options.host - the Docker engine's URL
 * @param {boolean} options.rebuild - whether to get its newest state although there is one
 * @param {Report} options.report
 * @param {AbortSignal} [options.signal]
 * @returns {Promise<void>}
 * @throws where neither can be had, or the command `docker` is missing: says what to type
 */
export async function ensureBaseImage({ host, rebuild, report, signal }) {
  if (which("docker") === undefined) {
    throw new Error(
      "Images are built with the command docker, which is not installed here (or not in a folder of the PATH)." +
        " Type: sudo apt-get install docker-cli   # or docker.io, in releases without this package",
    );
  }
  /**
   * @param {string[]} args
   * @param {{ onLine?: (line: string) => void, signal?: AbortSignal | undefined }} [options]
   */
  const docker = (args, options = {}) => run("docker", ["--host", host, ...args], { signal, ...options });
  const layers = () =>
    docker(["image", "inspect", "--format", "{{json .RootFS.Layers}}", BASE_IMAGE]).catch((error) => {
      if (/no such image/i.test(error.output)) return undefined;
      throw error;
    });

  const before = await layers();
  if (before !== undefined && !rebuild) return;
  const why = before === undefined ? `there is no image ${BASE_IMAGE} yet` : "its packages shall be fresh";

  try {
    await report.step(`Pulling the official image ${OFFICIAL}`, why, (detail) => pull(docker, detail, signal));
    await docker(["tag", OFFICIAL, BASE_IMAGE]);
    return;
  } catch (error) {
    signal?.throwIfAborted();
    report.note(`The official image is not to be had (${lastLine(/** @type {Error} */ (error).message)})`);
  }

  if (which("mmdebstrap") === undefined) {
    await installPackages({
      packages: ["mmdebstrap"],
      why: "The Debian base image is made with mmdebstrap",
      report,
      signal,
    });
  }
  await report.step(`Making the base image from Debian's packages (about a minute)`, why, async (detail) => {
    const folder = mkdtempSync(join(tmpdir(), "slipway-base-"));
    try {
      const archive = join(folder, "base.tar");
      await bootstrap(archive, detail, signal);
      const draft = `${BASE_IMAGE}-draft`;
      const changes = ["ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 'CMD ["bash"]'];
      await docker(["import", ...changes.flatMap((change) => ["--change", change]), archive, draft]);
      const after = await docker(["image", "inspect", "--format", "{{json .RootFS.Layers}}", draft]);
      // the same packages: the image stays, and so does what stands on it
      if (after !== before) await docker(["tag", draft, BASE_IMAGE]);
      await docker(["rmi", draft]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

/**
 * @param {(args: string[], options: { onLine: (line: string) => void, signal: AbortSignal }) => Promise<string>} docker
 * @param {(line: string) => void} detail
 * @param {AbortSignal | undefined} signal
 */
async function pull(docker, detail, signal) {
  const silent = new AbortController();
  const timer = setTimeout(() => silent.abort(), ANSWER_TIMEOUT);
  try {
    await docker(["pull", OFFICIAL], {
      signal: AbortSignal.any([silent.signal, ...(signal ? [signal] : [])]),
      onLine: (line) => {
        clearTimeout(timer);
        detail(line);
      },
    });
  } catch (error) {
    if (silent.signal.aborted) throw new Error(`no answer within ${ANSWER_TIMEOUT / 1000} s`, { cause: error });
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Unpacks a minimal Debian into an archive.
 *
 * @param {string} archive
 * @param {(line: string) => void} detail
 * @param {AbortSignal | undefined} signal
 */
async function bootstrap(archive, detail, signal) {
  const root = (await asRoot(signal)) ?? [];
  const environment = { SOURCE_DATE_EPOCH, ...(await aptProxies(signal)) };
  const args = [...MMDEBSTRAP_OPTIONS, SUITE, archive, ...(await mirrors(signal))];
  const [first = "", ...rest] = [...keeping(root, environment), "mmdebstrap", ...args];
  await run(first, rest, { env: { ...process.env, ...environment }, onLine: detail, signal });
}

/**
 * What has to stand before a command so that it runs as root with variables of this process, which sudo would take away.
 * Their values are in no argument: a proxy's may hold its password, and every user of the machine sees arguments.
 *
 * @param {string[]} root - what makes a command run as root
 * @param {Record<string, string>} environment
 * @returns {string[]}
 */
export function keeping(root, environment) {
  return root.length === 0 ? [] : [...root, `--preserve-env=${Object.keys(environment).join(",")}`];
}

/**
 * The proxies that this machine's apt uses; mmdebstrap's apt reads no configuration of the machine.
 *
 * @param {AbortSignal | undefined} signal
 * @returns {Promise<Record<string, string>>}
 */
async function aptProxies(signal) {
  const shell = await run(
    "apt-config",
    ["shell", "http_proxy", "Acquire::http::Proxy", "https_proxy", "Acquire::https::Proxy"],
    {
      signal,
    },
  );
  return Object.fromEntries([...shell.matchAll(/^(\w+)='(.*)'$/gm)].map(([, name = "", value = ""]) => [name, value]));
}

/**
 * The mirrors from which this machine installs the same release; none: mmdebstrap takes Debian's own.
 *
 * @param {AbortSignal | undefined} signal
 * @returns {Promise<string[]>} lines of a sources.list
 */
async function mirrors(signal) {
  const format = "$(ORIGIN)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)";
  return sourcesOf(await run("apt-get", ["indextargets", "--format", format, "Created-By: Packages"], { signal }));
}

/**
 * @param {string} targets - lines of origin, mirror, release and component
 * @returns {string[]} lines of a sources.list: the release, its updates and its security updates, of what a container can
 *   reach without this machine's certificates and files
 */
export function sourcesOf(targets) {
  const lines = targets
    .split("\n")
    .map((line) => line.split("|"))
    .filter(
      ([origin, uri = "", release = "", component]) =>
        origin === "Debian" && uri.startsWith("http://") && release.split("-")[0] === SUITE && component === "main",
    )
    .map(([, uri, release]) => `deb ${uri} ${release} main`);
  const complete = [SUITE, `${SUITE}-updates`, `${SUITE}-security`].every((release) =>
    lines.some((line) => line.endsWith(` ${release} main`)),
  );
  return complete ? [...new Set(lines)] : [];
}
