import { parse } from "yaml";

import type { StackInput } from "./explain.ts";
import { entries } from "./path.ts";
import { secretNames } from "./systems.ts";

const namespace = "slipway:";

/**
 * What a stack's file says, read without Pulumi and without its passphrase: in place of an encrypted value stands a
 * word that says so.
 *
 * @throws YAMLParseError when the text is not YAML.
 */
export function readStackFile(stack: string, text: string): StackInput {
  const keys = entries((parse(text) as { config?: unknown } | null)?.config).filter(([key]) =>
    key.startsWith(namespace),
  );
  return {
    stack,
    values: Object.fromEntries(keys.map(([key, value]) => [key.slice(namespace.length), topLevel(value)])),
    encrypted: new Set(
      keys
        .map(([key, value]) => ({ key: key.slice(namespace.length), value }))
        .filter(({ key, value }) => (secretNames.has(key) ? !holdsPlain(value) : holdsEncrypted(value)))
        .map(({ key }) => key),
    ),
  };
}

/** Pulumi hands single values over as texts. */
function topLevel(value: unknown): unknown {
  if (value === null) return "";
  return typeof value === "number" || typeof value === "boolean" ? String(value) : decrypted(value);
}

function isEncrypted(value: unknown): boolean {
  const [first, ...others] = entries(value);
  return first?.[0] === "secure" && others.length === 0;
}

/** Whether any value within is in plain text. */
function holdsPlain(value: unknown): boolean {
  if (isEncrypted(value)) return false;
  return typeof value !== "object" || entries(value).some(([, part]) => holdsPlain(part));
}

/** Whether any value within is encrypted. */
function holdsEncrypted(value: unknown): boolean {
  return isEncrypted(value) || entries(value).some(([, part]) => holdsEncrypted(part));
}

function decrypted(value: unknown): unknown {
  if (isEncrypted(value)) return "(encrypted)";
  if (Array.isArray(value)) return value.map(decrypted);
  return typeof value === "object" && value !== null
    ? Object.fromEntries(entries(value).map(([key, part]) => [key, decrypted(part)]))
    : value;
}
