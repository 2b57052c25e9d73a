import * as pulumi from "@pulumi/pulumi";
import { getMonitor } from "@pulumi/pulumi/runtime/settings.js";
import { getStore } from "@pulumi/pulumi/runtime/state.js";

/** How the SDK marks a secret on its way to the engine. */
const secretMark = "4dabf18193072939515e22adb298388d";
const secretSignature = "1b47061264138c4ac30d75fd1eb44270";

/** A secret among recorded inputs. */
export interface Secret {
  secret: unknown;
}

/** One resource as the engine would have seen it. */
export interface Recorded {
  type: string;
  name: string;
  /** Name of the parent; undefined for the stack's own children. */
  parent: string | undefined;
  /** What it was given, each secret as `{ secret: value }`. */
  inputs: Record<string, unknown>;
  /** Only the options that were set. */
  options: {
    protect?: true;
    retainOnDelete?: true;
    deleteBeforeReplace?: true;
    replaceOnChanges?: string[];
    ignoreChanges?: string[];
    replacementTrigger?: unknown;
    /** Which hooks there are, such as `afterCreate`. */
    hooks?: string[];
    /** Names of the resources that it depends on. */
    dependsOn?: string[];
  };
}

/* eslint-disable @typescript-eslint/no-explicit-any, @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-return -- the engine's messages have no types */

function withSecretsMarked(value: any): any {
  if (Array.isArray(value)) return value.map(withSecretsMarked);
  if (typeof value !== "object" || value === null) return value;
  if (value[secretMark] === secretSignature) return { secret: withSecretsMarked(value.value) };
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withSecretsMarked(inner)]));
}

const nameOf = (urn: string) => urn.split("::").at(-1) ?? urn;

function optionsOf(request: any): Recorded["options"] {
  const options: Recorded["options"] = {};
  if (request.getProtect()) options.protect = true;
  if (request.getRetainondelete()) options.retainOnDelete = true;
  if (request.getDeletebeforereplace()) options.deleteBeforeReplace = true;
  if (request.getReplaceonchangesList().length > 0) options.replaceOnChanges = request.getReplaceonchangesList();
  if (request.getIgnorechangesList().length > 0) options.ignoreChanges = request.getIgnorechangesList();
  const trigger = request.getReplacementTrigger()?.toJavaScript();
  if (trigger !== undefined && trigger !== null) options.replacementTrigger = withSecretsMarked(trigger);
  const hooks = request.getHooks()?.toObject() as Record<string, string[]> | undefined;
  const kinds = Object.entries(hooks ?? {}).flatMap(([kind, names]) =>
    names.length > 0 ? [kind.replace(/List$/, "")] : [],
  );
  if (kinds.length > 0) options.hooks = kinds.sort();
  const dependencies = (request.getDependenciesList() as string[]).map(nameOf);
  if (dependencies.length > 0) options.dependsOn = [...new Set(dependencies)].sort();
  return options;
}

/**
 * Runs a program against mocks and records what it registers, in the order of names. `outputs` gives what a resource of
 * that type returns besides its inputs; secrets among them have to be marked by `pulumi.secret`.
 */
export async function record(
  program: () => unknown,
  { outputs = {}, preview = false }: { outputs?: Record<string, Record<string, unknown>>; preview?: boolean } = {},
): Promise<Recorded[]> {
  const recorded: Recorded[] = [];
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs }) => ({ id: `${name}-id`, state: { ...inputs, ...outputs[type] } }),
      call: ({ inputs }) => inputs as Record<string, unknown>,
    },
    "slipway",
    "unit",
    preview,
  );
  // The mocks of 3.270 have no server for callbacks, without which a resource with hooks cannot be registered.
  const store = getStore() as any;
  store.callbacks = {
    registerResourceHook: () => Promise.resolve(),
    awaitStackRegistrations: () => Promise.resolve(),
    shutdown: () => undefined,
  };
  const monitor = getMonitor() as any;
  const register = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request: any, callback: any) => {
    recorded.push({
      type: request.getType(),
      name: request.getName(),
      parent: request.getParent() === "" ? undefined : nameOf(request.getParent()),
      inputs: withSecretsMarked(request.getObject()?.toJavaScript() ?? {}),
      options: optionsOf(request),
    });
    return register(request, callback);
  };
  await program();
  await pulumi.runtime.disconnect();
  return recorded.sort((a, b) => a.name.localeCompare(b.name));
}
