import type Docker from "dockerode";
import { label } from "../../components/labels.ts";
import { Failure } from "../failure.ts";
import type { Plan } from "./plan.ts";
import { resourceType } from "./resources.ts";

/** A container or network that already has a name which a plan wants to give. */
export interface HeldName {
  kind: "container" | "network";
  name: string;
  labels: Record<string, string>;
}

const kinds: Partial<Record<string, HeldName["kind"]>> = {
  [resourceType.container]: "container",
  [resourceType.network]: "network",
};

/** The names that a plan newly gives to containers and networks. */
export function newNames(plan: Plan): { kind: HeldName["kind"]; name: string }[] {
  return [...plan.values()].flatMap(({ type, change, newInputs }) => {
    const kind = kinds[type];
    const name = newInputs?.["name"];
    return kind !== undefined && change === "create" && typeof name === "string" ? [{ kind, name }] : [];
  });
}

/**
 * Makes sure that the names which a plan gives are free, or held by what a killed deployment of the same state left behind.
 *
 * @throws Failure that names every one that belongs to somebody else.
 */
export async function refuseForeignNames(client: Docker, plan: Plan, stateId: string | undefined): Promise<void> {
  const wanted = newNames(plan);
  if (wanted.length === 0) return;
  const [containers, networks] = await Promise.all([client.listContainers({ all: true }), client.listNetworks()]);
  const existing: HeldName[] = [
    ...containers.flatMap(({ Names: names, Labels: labels }) =>
      names.map((name) => ({ kind: "container" as const, name: name.replace(/^\//, ""), labels })),
    ),
    ...networks.map(({ Name: name, Labels: labels }) => ({ kind: "network" as const, name, labels: labels ?? {} })),
  ];
  const foreign = existing.filter(
    ({ kind, name, labels }) =>
      wanted.some((one) => one.kind === kind && one.name === name) &&
      (stateId === undefined || labels[label.state] !== stateId),
  );
  if (foreign.length > 0) throw new Failure(heldNamesReport(foreign));
}

/** Says to whom names belong that cannot be given again, and what to do. */
export function heldNamesReport(held: readonly HeldName[]): string {
  const owner = ({ labels }: HeldName) => {
    const stack = labels[label.stack];
    const project = labels["com.docker.compose.project"];
    if (stack !== undefined) return `the stack "${stack}" of another state`;
    return project === undefined ? "neither Slipway nor Compose made it" : `the Compose project "${project}"`;
  };
  return [
    "These names are held already. Nothing was created or changed.",
    ...held.map((one) => `  ${one.kind} ${one.name}: ${owner(one)}`),
    "Give this stack's system another name (name in the stack file), deploy with the home folder that " +
      "the other state is in (--home), or remove what holds the names.",
  ].join("\n");
}
