import { isCancel, select } from "@clack/prompts";
import { environmentNames, environments, type Environment } from "../../settings/environment.ts";
import { exitCode, Failure } from "../failure.ts";
import type { CommonOptions } from "../site.ts";
import { isInteractive } from "../terminal/terminal.ts";

/** What tells the environment of a new stack. */
export interface EnvironmentOptions extends Pick<CommonOptions, "stack" | "yes"> {
  /** The environment of the stack: dev, staging or prod. @default see `chooseEnvironment` */
  environment?: string;
}

/**
 * The environment of a new stack: what the user says by an option, what was found, what the stack's name says; else the
 * user is asked. Where nobody can be asked, it is dev, which needs nothing but this machine.
 *
 * @throws Failure with exit code 2 when there is none of that name.
 */
export async function chooseEnvironment(options: EnvironmentOptions, found: unknown): Promise<Environment> {
  const said = options.environment ?? found;
  const chosen = environmentNames.find((name) => name === (said ?? options.stack));
  if (chosen !== undefined) return chosen;
  if (said !== undefined) {
    throw new Failure(
      `There is no environment ${JSON.stringify(said)}. --environment takes one of: ${environmentNames.join(", ")}`,
      exitCode.usage,
    );
  }
  if (!isInteractive() || options.yes) return "dev";
  const answer = await select<Environment>({
    message: "Environment of the stack?",
    options: environmentNames.map((name) => ({ value: name, label: name, hint: describe(name) })),
    initialValue: "dev",
    output: process.stderr,
  });
  if (isCancel(answer)) throw new Failure("Nothing was changed.", exitCode.interrupted);
  return answer;
}

/** What an environment is, and how another one is chosen, in a line for the user. */
export function environmentLine(environment: Environment): string {
  const others = environmentNames.filter((name) => name !== environment).join(" or ");
  return `Environment: ${environment}. ${describe(environment)}. (Another one: --environment ${others})`;
}

function describe(environment: Environment): string {
  const { images, isForDevelopment } = environments[environment];
  const origin = {
    built: "Images are built here",
    tag: "Images are pulled by tag",
    digest: "Images are pulled by digest",
  };
  return `${origin[images]}, ${isForDevelopment ? "and applications run with debugging" : "and databases are migrated by hand"}`;
}
