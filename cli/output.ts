import type { Unwrap } from "@pulumi/pulumi";
import type { OutputMap } from "@pulumi/pulumi/automation/index.js";
import type { SystemSummary } from "../systems/summary.ts";
import { exitCode, Failure } from "./failure.ts";
import { prepare } from "./deployment/prepare.ts";
import { commandLine, type CommonOptions } from "./site.ts";
import { openStack } from "./deployment/stack.ts";
import { say } from "./terminal/terminal.ts";

/** How the outputs are printed. */
export interface OutputOptions extends CommonOptions {
  json?: boolean;
  showSecrets: boolean;
}

/** Prints what a deployment gave out: one value as it is, or all of them by name. */
export async function output(name: string | undefined, options: OutputOptions): Promise<void> {
  const { site, env } = await prepare(options, { pulumi: true });
  const values = shown(await (await openStack(site, env)).outputs(), options.showSecrets);
  if (name === undefined) {
    if (options.json === true) say(JSON.stringify(values, undefined, 2));
    else for (const line of listing(values)) say(line);
    return;
  }
  if (!(name in values)) {
    const known = Object.keys(values).join(", ");
    throw new Failure(
      known === ""
        ? `The stack "${site.stack}" has no outputs yet. To deploy, type: ${commandLine("up", options)}`
        : `There is no output "${name}". Allowed: ${known}`,
      exitCode.usage,
    );
  }
  say(options.json === true ? JSON.stringify(values[name], undefined, 2) : asText(values[name]));
}

/** Each system's address by the system's name, and every other output by its own. */
export function listing({ systems = [], ...others }: Record<string, unknown>): string[] {
  const addresses = (systems as Unwrap<SystemSummary>[]).map(({ title, url }) => `${title}: ${url}`);
  return [...addresses, ...Object.entries(others).map(([name, value]) => `${name}: ${asText(value)}`)];
}

/** The values of a stack's outputs, secret ones only on request. */
export function shown(outputs: OutputMap, showSecrets: boolean): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { value, secret }]) => [
      name,
      secret && !showSecrets ? "[secret]" : (value as unknown),
    ]),
  );
}

function asText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value, undefined, 2);
}
