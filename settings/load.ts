import * as pulumi from "@pulumi/pulumi";

import { parseStack } from "./parse.ts";
import { SettingsError } from "./problems.ts";
import type { StackSecretValues, StackSettings } from "./stack.ts";
import { groupNames, secretNames } from "./systems.ts";

/** The secrets that the user chose, each still encrypted for the engine. What is absent, the stack generates. */
export type StackSecrets = { [Name in keyof StackSecretValues]?: pulumi.Output<NonNullable<StackSecretValues[Name]>> };

/** What a stack's file says: its settings, checked and complete, and the secrets that the user chose. */
export interface LoadedStack {
  settings: StackSettings;
  secrets: StackSecrets;
}

/**
 * Reads the running stack's configuration.
 *
 * @throws pulumi.RunError with every problem that was found; Pulumi prints it without a stack trace.
 */
export function loadSettings(): LoadedStack {
  const config = new pulumi.Config();
  const prefix = `${config.name}:`;
  const keys = Object.keys(pulumi.runtime.allConfig()).filter((key) => key.startsWith(prefix));
  const values = Object.fromEntries(keys.map((key) => [key.slice(prefix.length), pulumi.runtime.getConfig(key)]));
  const encrypted = new Set(keys.filter(isEncrypted).map((key) => key.slice(prefix.length)));
  try {
    return { settings: parseStack({ stack: pulumi.getStack(), values, encrypted }), secrets: secretsOf(config) };
  } catch (error) {
    throw error instanceof SettingsError ? new pulumi.RunError(error.message) : error;
  }
}

/** Whether a configuration key is encrypted. Pulumi knows, but leaves the function out of its types. */
function isEncrypted(key: string): boolean {
  return (pulumi.runtime as unknown as { isConfigSecret(key: string): boolean }).isConfigSecret(key);
}

function secretsOf(config: pulumi.Config): StackSecrets {
  return Object.fromEntries(
    [...secretNames].flatMap((name) => {
      const value = groupNames.has(name) ? config.getSecretObject(name) : config.getSecret(name);
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
