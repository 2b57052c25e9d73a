import { environmentNames } from "./environment.ts";
import { problemAt, problemsOf, type StackInput } from "./explain.ts";
import { entries, settingKey } from "./path.ts";
import { type Problem, SettingsError } from "./problems.ts";
import type { Step } from "./remedy.ts";
import { stackSchema, type StackSettings } from "./stack.ts";
import { groupNames, secretNames } from "./systems.ts";

/**
 * Checks what a stack's file says and fills in every default.
 *
 * @throws SettingsError with every problem that was found.
 */
export function parseStack(input: StackInput): StackSettings {
  const complete = { ...input, values: { ...defaultEnvironment(input.stack), ...withGroups(input.values) } };
  const { data, error } = stackSchema.safeParse(complete.values);
  const problems = [...misplacedSecrets(complete), ...problemsOf(error?.issues ?? [], complete)];
  if (data === undefined || problems.length > 0) throw new SettingsError(input.stack, problems);
  return Object.fromEntries(Object.entries(data).filter(([key]) => !secretNames.has(key))) as unknown as StackSettings;
}

/** A stack that is named like an environment is of that environment unless it says otherwise. */
function defaultEnvironment(stack: string): { environment?: string } {
  const environment = environmentNames.find((name) => name === stack);
  return environment === undefined ? {} : { environment };
}

/** Pulumi hands groups of settings over as JSON, and as an empty text when everything in them is commented out. */
function withGroups(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, groupNames.has(key) ? fromJson(value) : value]),
  );
}

function fromJson(value: unknown): unknown {
  if (value === "" || value === null) return {};
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

/** Secrets in plain text, and encrypted values in keys that are not meant for secrets. */
function misplacedSecrets(input: StackInput): Problem[] {
  return Object.keys(input.values).flatMap((key) => {
    if (secretNames.has(key) && !input.encrypted.has(key)) {
      const message = "must be encrypted, but stands in plain text in the stack's file";
      return problemAt([key], message, [{ unset: key }, ...leaves(key, input.values[key])], input);
    }
    if (!secretNames.has(key) && input.encrypted.has(key)) {
      return problemAt(
        [key],
        `must not hold encrypted values: everything in it would count as secret; secrets have keys of their own: ${[...secretNames].join(", ")}`,
        [{ advice: `remove what is marked \`secure:\` below slipway:${key} in the stack's file` }],
        input,
      );
    }
    return [];
  });
}

/** Encrypting a secret; one that is a group of secrets, each by itself. */
function leaves(key: string, value: unknown): Step[] {
  if (!groupNames.has(key)) return [{ setSecret: key }];
  return entries(value).flatMap(([section, keys]) =>
    entries(keys).map(([name]) => ({ setSecret: settingKey([key, section, name]) })),
  );
}
