import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureGo } from "../toolchain/go.js";
import { run, which } from "../toolchain/run.js";

/** @typedef {import("../toolchain/report.js").Report} Report */

/** @param {string} module */
const moduleFolder = (module) => fileURLToPath(new URL(`peers/${module}/`, import.meta.url));

/** The release of the provider that `peers/provider/go.mod` names by its commit. */
const PROVIDER_VERSION = "4.6.0";

/** Go's names of processors. */
const ARCHITECTURES = /** @type {Record<string, string>} */ ({ x64: "amd64", arm64: "arm64" });

/**
 * The programs to compare with.
 *
 * @typedef {object} Peers
 * @property {string[]} compose - the command and its first arguments
 * @property {string} tofu
 * @property {string} mirror - a folder from which OpenTofu installs its provider for Docker
 */

/**
 * Finds the peers on the PATH, or else builds them from Go modules, once for each version. The provider is always built: it
 * is the code that Pulumi's plugin is made of.
 *
 * @param {{ cache: string, report: Report }} options
 * @returns {Promise<Peers>}
 */
export async function ensurePeers({ cache, report }) {
  /** @param {Omit<Build, "cache" | "report">} build */
  const built = (build) => buildPeer({ ...build, cache, report });

  const composeInstalled = await run("docker", ["compose", "version"]).then(
    () => true,
    () => false,
  );
  const compose = composeInstalled
    ? ["docker", "compose"]
    : [
        await built({
          module: "compose",
          target: "github.com/docker/compose/v2/cmd",
          file: "docker-compose",
          flags: ["-ldflags", `-s -w -X github.com/docker/compose/v2/internal.Version=v${composeVersion()}`],
        }),
      ];
  const tofu =
    which("tofu") ??
    (await built({
      module: "tofu",
      target: "github.com/opentofu/opentofu/cmd/tofu",
      file: "tofu",
      flags: ["-ldflags", "-s -w -X github.com/opentofu/opentofu/version.dev=no"],
    }));
  // the layout of a mirror: registry/namespace/type/version/platform
  const platform = `${process.platform}_${ARCHITECTURES[process.arch] ?? process.arch}`;
  const place = `registry.opentofu.org/kreuzwerker/docker/${PROVIDER_VERSION}/${platform}`;
  const provider = await built({
    module: "provider",
    target: "github.com/terraform-providers/terraform-provider-docker",
    file: `${place}/terraform-provider-docker_v${PROVIDER_VERSION}`,
    // the provider's Compose resource is not compared
    flags: ["-tags", "no_compose", "-ldflags", `-s -w -X main.version=${PROVIDER_VERSION}`],
  });
  return { compose, tofu, mirror: provider.slice(0, provider.indexOf(`/${place}`)) };
}

/** @returns {string} */
function composeVersion() {
  const goMod = readFileSync(join(moduleFolder("compose"), "go.mod"), "utf8");
  return /docker\/compose\/v2 v(\S+)/.exec(goMod)?.[1] ?? "";
}

/**
 * @typedef {object} Build
 * @property {string} module - folder below `peers/`
 * @property {string} target - the package with the program
 * @property {string} file - name of the program, perhaps with folders
 * @property {string[]} flags - of `go build`
 * @property {string} cache
 * @property {Report} report
 */

/**
 * @param {Build} build
 * @returns {Promise<string>} the program
 */
async function buildPeer({ module, target, file, flags, cache, report }) {
  const folder = moduleFolder(module);
  const id = createHash("sha256")
    .update(readFileSync(join(folder, "go.mod")))
    .update(JSON.stringify([file, flags]))
    .digest("hex")
    .slice(0, 16);
  const program = join(cache, "bench", id, file);
  if (existsSync(program)) return program;
  const go = await ensureGo({ cache, report, signal: undefined });
  // a user's GOFLAGS or go.work would change what is built
  const env = { ...process.env, GOFLAGS: "", GOWORK: "off", GOTOOLCHAIN: "local" };
  const draft = `${program}.${process.pid}`;
  mkdirSync(dirname(draft), { recursive: true });
  await report.step(`Building ${target} (a few minutes)`, "it is not on the PATH", (detail) =>
    run(go, ["build", "-v", "-trimpath", ...flags, "-o", draft, target], { cwd: folder, env, onLine: detail }),
  );
  renameSync(draft, program);
  return program;
}
