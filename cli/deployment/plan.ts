import type { EngineEvent, OpMap } from "@pulumi/pulumi/automation/index.js";
import { isHealthGate, isRevision, resourceType } from "./resources.ts";

/** What a deployment does with a resource. */
export type Change = "create" | "update" | "replace" | "delete" | "keep";

/** A resource and what a deployment does with it. */
export interface PlannedResource {
  urn: string;
  type: string;
  /** URN of the component that it is part of. */
  parent: string;
  change: Change;
  /** Inputs of the program's last run; absent for what is created. */
  oldInputs?: Record<string, unknown>;
  /** Inputs of this run; absent for what is deleted. */
  newInputs?: Record<string, unknown>;
  /** Id in Docker before the change. */
  oldId?: string;
  /** The inputs that differ. */
  differences: string[];
}

/** Resources by URN. */
export type Plan = Map<string, PlannedResource>;

/** What a step says of its resource. The refresh that comes first, and the halves of a replacement, say nothing more. */
const changes: Partial<Record<string, Change>> = {
  same: "keep",
  read: "keep",
  create: "create",
  import: "create",
  update: "update",
  replace: "replace",
  "create-replacement": "replace",
  delete: "delete",
};

/** Notes in a plan what an event of the engine says. */
export function addToPlan(plan: Plan, event: EngineEvent): void {
  const metadata = event.resourcePreEvent?.metadata;
  if (metadata === undefined) return;
  const change = changes[metadata.op];
  if (change === undefined) return;
  const { urn, type, old, new: current, diffs } = metadata;
  plan.set(urn, {
    urn,
    type,
    parent: (current ?? old)?.parent ?? "",
    change,
    ...(old && { oldInputs: old.inputs as Record<string, unknown>, oldId: old.id }),
    ...(current && { newInputs: current.inputs as Record<string, unknown> }),
    differences: diffs ?? [],
  });
}

/** Whether carrying a plan out replaces or deletes anything but images, which stay in Docker, and proofs of health. */
export function isDestructive(plan: Plan): boolean {
  return [...plan.values()].some(
    ({ urn, type, change }) =>
      (change === "replace" || change === "delete") &&
      type !== resourceType.image &&
      !isHealthGate(urn) &&
      !isRevision(urn),
  );
}

/** How many resources change, by the engine's own count. */
export function changeCount(summary: OpMap): number {
  return Object.entries(summary).reduce((sum, [op, number]) => (op === "same" ? sum : sum + number), 0);
}
