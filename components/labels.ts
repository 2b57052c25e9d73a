import * as pulumi from "@pulumi/pulumi";
import type { Host } from "./host.ts";

/** Docker labels by which the command line finds what belongs to a stack, as Compose does with its own. */
export const label = {
  state: "slipway.state",
  stack: "slipway.stack",
  system: "slipway.system",
  service: "slipway.service",
  task: "slipway.task",
  image: "slipway.image",
  files: "slipway.files",
  operations: "slipway.operations",
} as const;

/** The labels that every container and network of a system carries. */
export function ownerLabels(host: Host, system: string): Record<string, pulumi.Input<string>> {
  return { [label.state]: host.stateId, [label.stack]: pulumi.getStack(), [label.system]: system };
}
