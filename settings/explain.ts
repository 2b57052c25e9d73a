import type { z } from "zod";

import { nearest } from "./nearest.ts";
import { settingKey, valueAt } from "./path.ts";
import { type Problem, problem } from "./problems.ts";
import type { Step } from "./remedy.ts";
import { chosen, type Field, fieldAt, stackFields } from "./schema.ts";
import { secretNames } from "./systems.ts";

/** What a stack's file says, before it is checked. */
export interface StackInput {
  /** The stack's name. */
  stack: string;
  /** The values of the namespace `slipway`, decrypted, by key. */
  values: Record<string, unknown>;
  /** The keys that are encrypted, wholly or in part. */
  encrypted: ReadonlySet<string>;
  /** What to type for what mends a setting. @default a command of Pulumi's */
  typed?: (step: Step) => string;
}

/** Turns what zod found into problems that name the setting, the value and the remedy. */
export function problemsOf(issues: readonly z.core.$ZodIssue[], input: StackInput): Problem[] {
  const fields = stackFields();
  return issues.flatMap((issue) => {
    switch (issue.code) {
      case "unrecognized_keys":
        return issue.keys.map((key) => unknownKey([...issue.path, key], fields, input));
      default:
        return problemAt(issue.path, issue.message, ownRemedy(issue) ?? remedyFor(issue.path, fields, input), input);
    }
  });
}

/** A problem of the setting at `path`. */
export function problemAt(
  path: readonly PropertyKey[],
  message: string,
  remedy: Step[],
  { stack, values, encrypted, typed }: StackInput,
): Problem {
  const found = problem(stack, { key: settingKey(path), value: valueAt(values, path), message, remedy }, typed);
  return encrypted.has(String(path[0])) ? { ...found, received: "(encrypted, not shown)" } : found;
}

/** The remedy that a rule gives with its issue. */
function ownRemedy(issue: z.core.$ZodIssue): Step[] | undefined {
  return issue.code === "custom" ? (issue.params?.["remedy"] as Step[] | undefined) : undefined;
}

function unknownKey(path: PropertyKey[], fields: Field, input: StackInput): Problem {
  const parent = path.slice(0, -1);
  const group = chosen(fieldAt(fields, parent, input.values), valueAt(input.values, parent));
  const known = nearest(String(path.at(-1)), Object.keys(group?.properties ?? {}));
  const guess = known === undefined ? "" : ` (did you mean ${settingKey([...parent, known])}?)`;
  const value = valueAt(input.values, path);
  const right = known === undefined ? undefined : settingKey([...parent, known]);
  const remedy: Step[] =
    right === undefined || input.encrypted.has(String(path[0]))
      ? [{ unset: settingKey(path) }]
      : typeof value === "number" || typeof value === "boolean"
        ? [{ set: right, value: String(value) }, { unset: settingKey(path) }]
        : [{ rename: settingKey(path), to: right }];
  return problemAt(path, `must not be set: there is no such setting${guess}`, remedy, input);
}

/** Setting an allowed value, where the settings' metadata know one; otherwise removing what is there. */
function remedyFor(path: readonly PropertyKey[], fields: Field, input: StackInput): Step[] {
  const key = settingKey(path);
  if (secretNames.has(String(path[0]))) return [{ setSecret: key }];
  const field = fieldAt(fields, path, input.values);
  const example = field?.examples?.[0] ?? field?.default ?? field?.const;
  if (Array.isArray(example) && isSingle(example[0])) {
    const step = { set: `${key}[0]`, value: String(example[0]) };
    return valueAt(input.values, path) === undefined ? [step] : [{ unset: key }, step];
  }
  return [isSingle(example) ? { set: key, value: String(example) } : { unset: key }];
}

function isSingle(value: unknown): value is string | number | boolean {
  return ["string", "number", "boolean"].includes(typeof value);
}
