import { received } from "./received.ts";
import { instruction, type Step } from "./remedy.ts";

/** What is wrong with one setting. */
export interface Problem {
  /** The setting, such as `camcops.hostPort`. */
  key: string;
  /** What is wrong and what is allowed. */
  message: string;
  /** The value as JSON, without secrets. */
  received: string;
  /** What to type or do, one command or sentence an entry. */
  remedy: string[];
}

/** What a check found to be wrong with one setting. */
export interface Finding {
  /** The setting, such as `camcops.hostPort`. */
  key: string;
  value: unknown;
  /** What is wrong and what is allowed, without a full stop. */
  message: string;
  remedy: Step[];
}

/** What a check of the host found, such as of the files that settings name. */
export interface FileFindings {
  /** What makes a deployment fail. */
  findings: Finding[];
  /** What a deployment survives, but somebody should know. */
  warnings: string[];
}

/**
 * Puts a finding in words for the user of a stack.
 *
 * @param typed what to type for a step. Default: a command of Pulumi's
 */
export function problem(
  stack: string,
  { key, value, message, remedy }: Finding,
  typed: (step: Step) => string = (step) => instruction(step, stack),
): Problem {
  return { key, message, received: received(key, value), remedy: remedy.map(typed) };
}

/** Settings that cannot be used, with every problem that was found. The message is written for the user. */
export class SettingsError extends Error {
  override name = "SettingsError";
  readonly problems: readonly Problem[];

  constructor(stack: string, problems: readonly Problem[]) {
    super(problemsReport(stack, problems));
    this.problems = problems;
  }
}

/** All problems of a stack's settings as text. */
function problemsReport(stack: string, problems: readonly Problem[]): string {
  const namesPulumi = problems.some(({ remedy }) => remedy.some((line) => line.startsWith("pulumi ")));
  const count = problems.length === 1 ? "a problem" : `${problems.length} problems`;
  return [
    `The settings of the stack "${stack}" have ${count}. Nothing was created or changed.`,
    ...problems.map(({ key, message, received, remedy }) =>
      [`${key}: ${message}.`, `  received: ${received}`, ...remedy.map((line) => `  remedy:   ${line}`)].join("\n"),
    ),
    ...(namesPulumi
      ? [
          `pulumi commands are typed in the clone, after: eval "$(./slipway env --stack ${stack})" (with --home, where you use it)`,
        ]
      : []),
  ].join("\n\n");
}
