import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import { getMonitor } from "@pulumi/pulumi/runtime/settings.js";
import * as sdkState from "@pulumi/pulumi/runtime/state.js";

/** How the SDK marks a secret on its way to the engine. */
const secretMark = "4dabf18193072939515e22adb298388d";
const secretSignature = "1b47061264138c4ac30d75fd1eb44270";

/** One resource as the engine would have seen it. */
export interface Recorded {
  type: string;
  name: string;
  /** Another one for other inputs or another replacement trigger, as of a resource that the engine replaces. */
  id: string;
  /** Name of the parent; undefined for the stack's own children. */
  parent: string | undefined;
  /** What it was given, each secret as `{ secret: value }`. */
  inputs: Record<string, unknown>;
  /** Only the options that were set. */
  options: {
    /** Name of the explicit provider. */
    provider?: string;
    protect?: true;
    retainOnDelete?: true;
    deleteBeforeReplace?: true;
    replaceOnChanges?: string[];
    ignoreChanges?: string[];
    replacementTrigger?: unknown;
    additionalSecretOutputs?: string[];
    /** Which hooks there are, such as `afterCreate`. */
    hooks?: string[];
    /** Names of the resources that it depends on. */
    dependsOn?: string[];
  };
  /** What a component registered as its outputs, secrets marked as in `inputs`. */
  outputs?: Record<string, unknown>;
  /** Runs its hooks of one kind as the engine does. Fails when there is none. */
  runHooks: (kind: "beforeCreate" | "afterCreate" | "afterUpdate") => Promise<void>;
}

/** By type: what a resource returns besides its inputs. Secrets among them have to be marked by `pulumi.secret`. */
export type ProviderOutputs = Record<
  string,
  (resource: { name: string; inputs: Record<string, unknown> }) => Record<string, unknown>
>;

/* eslint-disable @typescript-eslint/no-explicit-any, @typescript-eslint/no-unsafe-argument, @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-return -- the engine's messages have no types */

function secretsAs(wrap: (value: unknown) => unknown, value: any): any {
  if (Array.isArray(value)) return value.map((inner) => secretsAs(wrap, inner));
  if (typeof value !== "object" || value === null) return value;
  if (value[secretMark] === secretSignature) return wrap(secretsAs(wrap, value.value));
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, secretsAs(wrap, inner)]));
}

const marked = (value: any) => secretsAs((secret) => ({ secret }), value);
const plain = (value: any) => secretsAs((secret) => secret, value);
const nameOf = (urn: string) => urn.split("::").at(-1) ?? urn;
const providerName = (reference: string) => nameOf(reference.slice(0, reference.lastIndexOf("::")));

function optionsOf(request: any): Recorded["options"] {
  const options: Recorded["options"] = {};
  if (request.getProvider() !== "") options.provider = providerName(request.getProvider());
  if (request.getProtect()) options.protect = true;
  if (request.getRetainondelete()) options.retainOnDelete = true;
  if (request.getDeletebeforereplace()) options.deleteBeforeReplace = true;
  if (request.getReplaceonchangesList().length > 0) options.replaceOnChanges = request.getReplaceonchangesList();
  if (request.getIgnorechangesList().length > 0) options.ignoreChanges = request.getIgnorechangesList();
  const secretOutputs = request.getAdditionalsecretoutputsList();
  if (secretOutputs.length > 0) options.additionalSecretOutputs = secretOutputs;
  const trigger = request.getReplacementTrigger()?.toJavaScript();
  if (trigger !== undefined && trigger !== null) options.replacementTrigger = marked(trigger);
  const kinds = Object.entries(hookNames(request)).flatMap(([kind, names]) => (names.length > 0 ? [kind] : []));
  if (kinds.length > 0) options.hooks = kinds.sort();
  const dependencies = (request.getDependenciesList() as string[]).map(nameOf);
  if (dependencies.length > 0) options.dependsOn = [...new Set(dependencies)].sort();
  return options;
}

function hookNames(request: any): Record<string, string[]> {
  const lists: Record<string, string[]> = request.getHooks()?.toObject() ?? {};
  return Object.fromEntries(Object.entries(lists).map(([kind, names]) => [kind.replace(/List$/, ""), names]));
}

/**
 * Runs a program against mocks and records what it registers, in the order of names.
 *
 * @throws Error when that is nothing, or when two resources have the same name.
 */
export async function record(
  program: () => unknown,
  { outputs = {}, preview = false }: { outputs?: ProviderOutputs; preview?: boolean } = {},
): Promise<Recorded[]> {
  const recorded = new Map<string, Recorded>();
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs }) => ({
        id: recorded.get(name)?.id,
        state: { ...inputs, ...outputs[type]?.({ name, inputs }) },
      }),
      call: ({ inputs }) => inputs as Record<string, unknown>,
    },
    "slipway",
    "unit",
    preview,
  );
  // The mocks of 3.270 have no server for callbacks, without which a resource with hooks cannot be registered.
  const hooks = new Map<string, pulumi.ResourceHookFunction>();
  const store = (sdkState as any).getStore();
  store.callbacks = {
    registerResourceHook: ({ name, callback }: pulumi.ResourceHook) => {
      hooks.set(name, callback);
      return Promise.resolve();
    },
    awaitStackRegistrations: () => Promise.resolve(),
    shutdown: () => undefined,
  };
  const monitor = getMonitor() as any;
  const register = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request: any, callback: any) => {
    const type = request.getType();
    const name: string = request.getName();
    const given = request.getObject()?.toJavaScript() ?? {};
    const options = optionsOf(request);
    const revision = createHash("sha256").update(JSON.stringify([given, options.replacementTrigger]));
    const id = `${name}-${revision.digest("hex").slice(0, 8)}`;
    const parent = request.getParent() === "" ? undefined : nameOf(request.getParent());
    const runHooks: Recorded["runHooks"] = async (kind) => {
      const names = hookNames(request)[kind] ?? [];
      if (names.length === 0) throw new Error(`${name} has no hook ${kind}.`);
      for (const hook of names) await hooks.get(hook)?.({ urn: name, id, name, type, newInputs: plain(given) });
    };
    if (recorded.has(name)) throw new Error(`Two resources are named ${name}.`);
    recorded.set(name, { type, name, id, parent, inputs: marked(given), options, runHooks });
    return register(request, callback);
  };
  const registerOutputs = monitor.registerResourceOutputs.bind(monitor);
  monitor.registerResourceOutputs = (request: any, callback: any) => {
    const resource = recorded.get(nameOf(request.getUrn()));
    if (resource) resource.outputs = marked(request.getOutputs()?.toJavaScript() ?? {});
    return registerOutputs(request, callback);
  };
  // The SDK takes a stack trace for every promise, which is most of its time.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    await program();
    await pulumi.runtime.disconnect();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
  if (recorded.size === 0) throw new Error("The program registered no resource.");
  return [...recorded.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}
