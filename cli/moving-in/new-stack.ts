import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import type { Environment } from "../../settings/environment.ts";
import type { StackInput } from "../../settings/explain.ts";
import { parseStack } from "../../settings/parse.ts";
import { entries, settingKey } from "../../settings/path.ts";
import { SettingsError } from "../../settings/problems.ts";
import { fieldAt, stackFields } from "../../settings/schema.ts";
import { readStackFile } from "../../settings/stack-file.ts";
import type { SystemName } from "../../settings/systems.ts";
import { projectRoot } from "../../toolchain/root.js";
import { exitCode, Failure } from "../failure.ts";
import { projectName, stackFileFrom, type Site } from "../site.ts";
import { withConfig } from "./stack-text.ts";
import { openStack, pulumi } from "../deployment/stack.ts";
import { writeDurably } from "../upgrade/durable-file.ts";

/** What a new stack file is made of. */
export interface NewStack {
  system: SystemName;
  environment: Environment;
  /** The system's settings. */
  settings: Record<string, unknown>;
  /** Secrets by their flat keys; a group of secrets as an object of its own. */
  secrets: Record<string, unknown>;
}

/** In place of a secret's value, where nothing is encrypted yet. */
const hidden = { secure: "(encrypted)" };

/**
 * The text of a new stack's file: the clone's example with these settings, without the secrets' values, and without what the
 * example says of its own.
 */
export function newStackText({ stack }: Site, { system, environment, settings, secrets }: NewStack): string {
  const example = exampleFor(system, environment);
  if (example === undefined) throw new Failure(`This clone has no example of a stack with ${system}.`);
  const text = stackFileFrom(example.text, {
    clone: projectRoot,
    ...(example.environment !== environment && { environment }),
  }).replace(/^#\n(?:# .+\n)+(?=#\n)/m, `#\n# The stack "${stack}".\n`);
  const config = {
    // A file cannot tell an empty group from none.
    [`${projectName}:${system}`]: Object.keys(settings).length === 0 ? { name: system } : settings,
    ...Object.fromEntries(Object.entries(secrets).map(([key, value]) => [`${projectName}:${key}`, placeholder(value)])),
  };
  const fields = stackFields();
  return withConfig(
    text,
    config,
    ([key = "", ...rest]) => fieldAt(fields, [unprefixed(key), ...rest], { [system]: settings })?.default,
  );
}

/** The clone's example of a stack with a system that is nearest to an environment. */
function exampleFor(system: SystemName, environment: Environment): { text: string; environment: unknown } | undefined {
  const kinds = environment === "staging" ? ["staging", "prod", "dev"] : [environment, "dev"];
  return kinds
    .flatMap((kind) => [kind, `${system}-${kind}`])
    .map((name) => join(projectRoot, `Pulumi.${name}.yaml`))
    .filter((file) => existsSync(file))
    .map((file) => readFileSync(file, "utf8"))
    .filter((text) => keysOf(text).includes(`${projectName}:${system}`))
    .map((text) => ({ text, environment: readStackFile("", text).values["environment"] }))[0];
}

function unprefixed(key: string): string {
  return key.slice(projectName.length + 1);
}

/**
 * Says what is wrong with a stack file's settings; nothing when they are right.
 *
 * @param typed what to type for what mends a setting. Default: a command of Pulumi's
 */
export function settingsProblems(stack: string, text: string, typed?: StackInput["typed"]): string | undefined {
  try {
    parseStack({ ...readStackFile(stack, text), ...(typed && { typed }) });
    return undefined;
  } catch (error) {
    if (error instanceof SettingsError) return error.message;
    throw error;
  }
}

/**
 * Refuses to overwrite a stack's file unasked.
 *
 * @throws Failure with exit code 2 when there is one.
 */
export function refuseExisting({ stack, stackFile }: Site, overwrite: boolean): void {
  if (overwrite || !existsSync(stackFile)) return;
  throw new Failure(
    `The stack "${stack}" has a file already: ${stackFile}. Nothing was changed.\n` +
      "Name another stack by --stack, or, to replace that file, add: --overwrite",
    exitCode.usage,
  );
}

/**
 * Writes a stack's file with its secrets encrypted. Their values go to Pulumi by its standard input, never as arguments,
 * and stand in no file in plain text. A file that was there is kept beside it.
 *
 * @returns where the former file is, if there was one
 */
export async function writeNewStack(
  site: Site,
  env: Record<string, string>,
  stack: NewStack,
): Promise<string | undefined> {
  const folder = mkdtempSync(join(tmpdir(), "slipway-stack-"));
  try {
    const draft = join(folder, `Pulumi.${site.stack}.yaml`);
    const salt = existsSync(site.stackFile) ? encryptionOf(readFileSync(site.stackFile, "utf8")) : "";
    writeFileSync(draft, newStackText(site, { ...stack, secrets: {} }) + salt, { mode: 0o600 });
    await openStack({ ...site, stackFile: draft }, env);
    const text = readFileSync(draft, "utf8");
    const secrets = await encrypted(site, env, folder, stack.secrets);
    const whole = withConfig(text, secrets);
    const former = keepFormer(site);
    writeDurably(site.stackFile, whole);
    return former;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Copies a stack's file to another name beside it, and says which; nothing where there is none. */
export function keepFormer({ stackFile }: Site): string | undefined {
  if (!existsSync(stackFile)) return undefined;
  const former = `${stackFile}.${new Date().toISOString().replaceAll(":", "")}`;
  writeFileSync(former, readFileSync(stackFile), { mode: 0o600, flag: "wx" });
  return former;
}

function keysOf(text: string): string[] {
  return entries((parse(text) as { config?: unknown }).config).map(([key]) => key);
}

function placeholder(value: unknown): unknown {
  if (typeof value !== "object") return hidden;
  return Object.fromEntries(entries(value).map(([key, part]) => [key, placeholder(part)]));
}

/** The lines by which Pulumi reads what is encrypted in a stack's file. */
function encryptionOf(text: string): string {
  const lines = text.split("\n").filter((line) => /^(?:encryptionsalt|secretsprovider|encryptedkey):/.test(line));
  return lines.map((line) => `${line}\n`).join("");
}

/** Has Pulumi encrypt secrets in a file of its own, because it would write the stack's file anew. */
async function encrypted(
  site: Site,
  env: Record<string, string>,
  folder: string,
  secrets: Record<string, unknown>,
): Promise<Record<string, unknown>> {
  const file = join(folder, `Pulumi.${site.stack}.yaml`);
  const salt = encryptionOf(readFileSync(file, "utf8"));
  writeFileSync(join(folder, "Pulumi.yaml"), `name: ${projectName}\nruntime: nodejs\n`);
  writeFileSync(file, salt);
  for (const { path, value } of leaves(secrets)) {
    const key = path.length === 1 ? [String(path[0])] : ["--path", settingKey(path)];
    await pulumi(["config", "set", "--secret", "--stack", site.stack, "--cwd", folder, ...key], env, value);
  }
  return (parse(readFileSync(file, "utf8")) as { config?: Record<string, unknown> }).config ?? {};
}

function leaves(secrets: unknown, path: string[] = []): { path: string[]; value: string }[] {
  return entries(secrets).flatMap(([key, value]) =>
    typeof value === "object" ? leaves(value, [...path, key]) : [{ path: [...path, key], value: value as string }],
  );
}
