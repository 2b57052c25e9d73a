import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LocalWorkspace, type Stack } from "@pulumi/pulumi/automation/index.js";
import { parse } from "yaml";
import { projectRoot } from "../../toolchain/root.js";
import { run } from "../../toolchain/run.js";
import { clearLocks } from "./lock.ts";
import { endOrphans } from "./orphans.ts";
import { projectName, type Site } from "../site.ts";
import { readState } from "./state.ts";
import { remark } from "../terminal/terminal.ts";

/**
 * Opens a stack through the Automation API. A stack that does not exist is created.
 *
 * @param env what makes Pulumi work on the user's own state, from `makeReady`
 * @param program folder of the program. Default: this clone
 */
export async function openStack(site: Site, env: Record<string, string>, program = projectRoot): Promise<Stack> {
  if (readState(site) === undefined) await createStack(site, env);
  return LocalWorkspace.selectStack({ stackName: site.stack, workDir: program }, { envVars: env });
}

/**
 * `pulumi stack init` writes the salt of the stack's encryption into a file beside Pulumi.yaml, and takes no `--config-file`.
 * So it runs in a folder of its own, and the salt is carried into the user's stack file.
 */
async function createStack({ stack, stackFile }: Site, env: Record<string, string>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "slipway-stack-"));
  try {
    const file = join(folder, `Pulumi.${stack}.yaml`);
    writeFileSync(join(folder, "Pulumi.yaml"), `name: ${projectName}\nruntime: nodejs\n`);
    writeFileSync(file, readFileSync(stackFile));
    await pulumi(["stack", "init", stack, "--no-select", "--cwd", folder], env);
    const salt = saltOf(file);
    if (salt !== undefined && saltOf(stackFile) === undefined) addSalt(stackFile, salt);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function saltOf(stackFile: string): string | undefined {
  return (parse(readFileSync(stackFile, "utf8")) as { encryptionsalt?: string } | null)?.encryptionsalt;
}

function addSalt(stackFile: string, salt: string): void {
  const text = readFileSync(stackFile, "utf8");
  writeFileSync(stackFile, `${text}${text.endsWith("\n") ? "" : "\n"}encryptionsalt: ${salt}\n`);
}

/**
 * Runs the Pulumi CLI to its end.
 *
 * @param input what it reads from its standard input, such as a secret. Default: nothing
 * @returns standard output.
 */
export async function pulumi(args: string[], env: Record<string, string>, input = ""): Promise<string> {
  return run("pulumi", [...args, "--non-interactive"], { cwd: projectRoot, env: { ...process.env, ...env }, input });
}

/**
 * Clears what a killed deployment left: its lock, its plugins that still run, and in the state the operations that it was
 * in the middle of. What those made or changed in Docker, the next deployment finds by its own refresh and by the names of containers and networks.
 *
 * @throws Failure when another deployment of the stack is under way.
 */
export async function recover(site: Site, env: Record<string, string>): Promise<void> {
  const locks = clearLocks(site);
  if (locks.length > 0) await endOrphans(String(env["PULUMI_BACKEND_URL"]));
  for (const lock of locks) {
    remark(
      `A deployment that ${lock.username} began at ${lock.timestamp} was killed (process ${lock.pid}). ` +
        "Its lock is removed, and what it left half done is put in order.",
    );
  }
  const pending = readState(site)?.pending ?? [];
  if (pending.length === 0) return;
  for (const { type, urn } of pending) remark(`  unfinished: ${type} ${urn.split("::").at(-1) ?? urn}`);
  // An import keeps the resources and drops the unfinished operations.
  const folder = mkdtempSync(join(site.folders.state, ".recovery-"));
  try {
    const file = join(folder, "state.json");
    await pulumi(["stack", "export", "--stack", site.stack, "--file", file], env);
    await pulumi(["stack", "import", "--stack", site.stack, "--file", file], env);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
