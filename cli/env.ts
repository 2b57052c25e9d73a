import { prepare } from "./deployment/prepare.ts";
import { quoted } from "./terminal/quoted.ts";
import type { CommonOptions } from "./site.ts";
import { openStack } from "./deployment/stack.ts";
import { say } from "./terminal/terminal.ts";

/** Prints what a shell has to evaluate so that plain `pulumi` in this clone works on the user's own stack and state. */
export async function env(options: CommonOptions): Promise<void> {
  const { site, env: variables } = await prepare(options, { pulumi: true });
  await openStack(site, variables);
  for (const line of exports({ ...variables, PULUMI_STACK: site.stack })) say(line);
}

/** Lines that set environment variables in every POSIX shell. */
export function exports(variables: Record<string, string>): string[] {
  return Object.entries(variables).map(([name, value]) => `export ${name}=${quoted(value)}`);
}
