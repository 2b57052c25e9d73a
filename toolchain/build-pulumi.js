import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureGo } from "./go.js";
import { withLock } from "./lock.js";
import { run } from "./run.js";

/** @typedef {import("./report.js").Report} Report */

const sources = fileURLToPath(new URL("go/", import.meta.url));

/** The version of the Pulumi CLI: the one that the Go modules build, and thus the one to download too. */
export const PULUMI_VERSION =
  /pulumi\/pkg\/v3 v(\S+)/.exec(readFileSync(join(sources, "cli", "go.mod"), "utf8"))?.[1] ?? "";

/**
 * What can be built: the CLI with the language host beside it, or the plugins.
 *
 * @typedef {"cli" | "plugins"} Part
 */

/**
 * Names what a build depends on: the Go sources with their pinned modules, and the versions to stamp.
 *
 * @param {Record<string, string>} versions - of the plugins
 * @returns {string}
 */
export function buildId(versions) {
  const hash = createHash("sha256").update(JSON.stringify(Object.entries(versions).sort()));
  const names = readdirSync(sources, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  for (const name of names)
    hash.update(name.slice(sources.length)).update("\0").update(readFileSync(name)).update("\0");
  return hash.digest("hex").slice(0, 16);
}

/**
 * Where a part is kept once it is built.
 *
 * @param {{ cache: string, id: string, part: Part }} options
 * @returns {string}
 */
export function builtFolder({ cache, id, part }) {
  return join(cache, "toolchain", id, part);
}

/**
 * Builds a part of Pulumi from Go modules, unless the cache holds it.
 *
 * @param {object} options
 * @param {Part} options.part
 * @param {string} options.id - from {@link buildId}
 * @param {Record<string, string>} options.versions - of the plugins
 * @param {string} options.cache
 * @param {string} options.why - why it is built
 * @param {Report} options.report
 * @param {AbortSignal | undefined} options.signal
 * @returns {Promise<string>} the folder of the executables
 */
export async function buildPulumi({ part, id, versions, cache, why, report, signal }) {
  const folder = builtFolder({ cache, id, part });
  if (existsSync(folder)) return folder;
  const go = await ensureGo({ cache, report, signal });
  const onWait = () => report.note("Another slipway is building Pulumi; waiting for it");
  await withLock(join(cache, "toolchain", `${id}.lock`), onWait, async () => {
    if (existsSync(folder)) return;
    const draft = `${folder}.draft`;
    rmSync(draft, { recursive: true, force: true });
    try {
      // the generator writes beside the sources, and a clone stays as it is
      cpSync(sources, join(draft, "src"), { recursive: true });
      const out = join(draft, "out");
      mkdirSync(out);
      const build = builder({ go, source: join(draft, "src"), out, why, report, signal });
      await (part === "cli" ? buildCli(build) : buildPlugins(build, versions));
      renameSync(out, folder);
    } finally {
      rmSync(draft, { recursive: true, force: true });
    }
  });
  return folder;
}

/**
 * @typedef {object} Builder
 * @property {(what: string, module: string, target: string, output: string, version: string) => Promise<void>} build
 * @property {(what: string, module: string, target: string) => Promise<void>} runProgram
 */

/**
 * @param {{ go: string, source: string, out: string, why: string, report: Report, signal: AbortSignal | undefined }} options
 * @returns {Builder}
 */
function builder({ go, source, out, why, report, signal }) {
  // a user's GOFLAGS or go.work would change what is built
  const env = { ...process.env, GOFLAGS: "", GOWORK: "off", GOTOOLCHAIN: "local" };
  // the provider's Compose resource would need modules that go.sum leaves out
  const flags = ["-trimpath", "-tags", "no_compose"];
  /** @type {(what: string, module: string, args: string[]) => Promise<void>} */
  const goRun = async (what, module, args) => {
    await report.step(what, why, (detail) => run(go, args, { cwd: join(source, module), env, onLine: detail, signal }));
  };
  return {
    build: (what, module, target, output, version) =>
      goRun(what, module, [
        "build",
        "-v",
        ...flags,
        "-ldflags",
        `-s -w -X ${version}`,
        "-o",
        join(out, output),
        target,
      ]),
    runProgram: (what, module, target) => goRun(what, module, ["run", "-v", ...flags, target]),
  };
}

/** @param {Builder} builder */
async function buildCli({ build }) {
  const stamp = `github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v${PULUMI_VERSION}`;
  const cli = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi";
  await build(`Building the Pulumi CLI ${PULUMI_VERSION} (a few minutes)`, "cli", cli, "pulumi", stamp);
  // a name of its own rather than a link: the engine looks for it beside the executable
  const host = "pulumi-language-nodejs";
  await build("Building Pulumi's language host for Node", "langhost", ".", host, `main.version=${PULUMI_VERSION}`);
}

/**
 * @param {Builder} builder
 * @param {Record<string, string>} versions
 */
async function buildPlugins({ build, runProgram }, versions) {
  await runProgram("Generating the schemas of Pulumi's plugins (a few minutes)", "plugins", "./cmd/gen");
  for (const [name, version] of Object.entries(versions)) {
    const command = `pulumi-resource-${name}`;
    await build(
      `Building Pulumi's ${name} plugin ${version}`,
      "plugins",
      `./cmd/${command}`,
      command,
      `main.version=${version}`,
    );
  }
}
