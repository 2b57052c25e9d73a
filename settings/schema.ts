import { z } from "zod";

import { valueAt } from "./path.ts";
import type { Question } from "./question.ts";
import { stackSchema } from "./stack.ts";

/** A field of the settings as JSON Schema describes it, with the metadata that the zod schemas give it. */
export interface Field {
  type?: string;
  description?: string;
  /** The value that applies when the user gives none. */
  default?: unknown;
  examples?: unknown[];
  const?: string;
  enum?: unknown[];
  pattern?: string;
  /** The values that are allowed, in words. */
  allowed?: string;
  /** The unit of a number. */
  unit?: string;
  /** The variable of the system's own documentation that the setting replaces. */
  variable?: string;
  /** What `slipway init` asks. */
  question?: Question;
  /** What a change may destroy or expose. */
  caution?: string;
  properties?: Record<string, Field>;
  required?: string[];
  items?: Field;
  oneOf?: Field[];
  additionalProperties?: Field | boolean;
}

/** All keys of a stack as JSON Schema (draft 7, which editors' YAML support knows best). */
export function stackFields(): Field {
  return z.toJSONSchema(stackSchema, { io: "input", target: "draft-07" }) as Field;
}

/** The field at `path` below `root`; of several alternatives the one whose `kind` the `settings` name. */
export function fieldAt(root: Field, path: readonly PropertyKey[], settings: unknown): Field | undefined {
  return path.reduce<Field | undefined>((field, part, depth) => {
    const group = chosen(field, valueAt(settings, path.slice(0, depth)));
    if (typeof part === "number") return group?.items;
    const open = group?.additionalProperties;
    return group?.properties?.[String(part)] ?? (typeof open === "object" ? open : undefined);
  }, root);
}

/** Of a field's alternatives the one whose `kind` the `value` names, or else the first; a field without any is itself. */
export function chosen(field: Field | undefined, value: unknown): Field | undefined {
  const kind = valueAt(value, ["kind"]);
  return field?.oneOf?.find((option) => option.properties?.["kind"]?.const === kind) ?? field?.oneOf?.[0] ?? field;
}
