import * as pulumi from "@pulumi/pulumi";
import type { Host } from "./host.ts";
import { label } from "./labels.ts";

/** The labels that every container and network of a system carries. */
export function ownerLabels(host: Host, system: string): Record<string, pulumi.Input<string>> {
  return { [label.state]: host.stateId, [label.stack]: pulumi.getStack(), [label.system]: system };
}

/** Labels in the form that the provider takes. */
export function labelInputs(labels: Record<string, pulumi.Input<string>>) {
  return Object.entries(labels).map(([label, value]) => ({ label, value }));
}
