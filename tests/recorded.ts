import type * as pulumi from "@pulumi/pulumi";
import { Host } from "../components/host.ts";
import { record, type Recorded } from "./mocks.ts";
import { providerOutputs } from "./provider-outputs.ts";

/** Records what is made on a host; the host's own resources are left out. */
export async function recordOnHost(
  program: (host: Host, options: pulumi.ComponentResourceOptions) => unknown,
  { url = "unix:///var/run/docker.sock", preview = false }: { url?: string; preview?: boolean } = {},
): Promise<Recorded[]> {
  const all = await record(
    () => {
      const host = new Host("host", { url });
      return program(host, { providers: [host.provider] });
    },
    { outputs: preview ? {} : providerOutputs, preview },
  );
  return all.filter(({ name, parent }) => name !== "host" && parent !== "host");
}

/** Everything that was recorded of resources, as plain data. */
export function described(recorded: Recorded[]): Omit<Recorded, "id" | "runHooks">[] {
  return recorded.map(({ type, name, parent, inputs, options, outputs }) => ({
    type,
    name,
    parent,
    inputs,
    options,
    ...(outputs && { outputs }),
  }));
}

/** Type, name and parent of each resource. */
export function tree(recorded: Recorded[]): [type: string, name: string, parent: string | undefined][] {
  return recorded.map(({ type, name, parent }) => [type, name, parent]);
}

/** @throws Error when there is no such resource. */
export function named(recorded: Recorded[], name: string): Recorded {
  const found = recorded.find((resource) => resource.name === name);
  if (!found)
    throw new Error(`No resource is named ${name}. There are: ${recorded.map((each) => each.name).join(", ")}`);
  return found;
}

/** Names of what one deployment has and the other has not, or has otherwise. */
export function differences(before: Recorded[], after: Recorded[]) {
  const texts = (recorded: Recorded[]) =>
    new Map(described(recorded).map((resource) => [resource.name, JSON.stringify(resource)]));
  const [old, now] = [texts(before), texts(after)];
  return {
    removed: [...old.keys()].filter((name) => !now.has(name)),
    added: [...now.keys()].filter((name) => !old.has(name)),
    changed: [...now.keys()].filter((name) => old.has(name) && old.get(name) !== now.get(name)),
  };
}

/** Whether a resource is made after another one, because it or one of its parents depends on it, directly or by others. */
export function isMadeAfter(recorded: Recorded[], later: string, earlier: string): boolean {
  const { parent, options } = named(recorded, later);
  const direct = [...(options.dependsOn ?? []), ...(parent === undefined ? [] : [parent])].filter((name) =>
    recorded.some((resource) => resource.name === name),
  );
  return direct.includes(earlier) || direct.some((name) => isMadeAfter(recorded, name, earlier));
}
