import type { EngineEvent, StepEventMetadata } from "@pulumi/pulumi/automation/index.js";
import { label } from "../../components/labels.ts";
import type { Report } from "../../toolchain/report.js";
import { isHealthGate, labelsOf, resourceType } from "./resources.ts";

/** What a person is told of a step, and the resource whose end is the step's end. */
export interface StepDescription {
  what: string;
  why: string;
  /** The URN that messages of the step carry, and that the step is known by. */
  key: string;
}

/** A resource's step as a person would say it; nothing for what takes no time. */
function describeStep({ urn, type, op, old, new: current }: StepEventMetadata): StepDescription | undefined {
  const inputs = (current ?? old)?.inputs as Record<string, unknown> | undefined;
  const parent = (current ?? old)?.parent ?? "";
  const starts = op.startsWith("create") || op === "update";
  if (type === resourceType.image && starts) {
    return { what: `Image ${String(inputs?.["name"])}`, why: "built or pulled unless it is there", key: parent };
  }
  if (type !== resourceType.container) return undefined;
  const labels = labelsOf(inputs);
  const service = labels.get(label.service);
  const name = service ?? labels.get(label.task);
  if (name === undefined) return undefined;
  if (op.startsWith("delete")) return { what: `Stopping ${name}`, why: "so that it ends cleanly", key: `${op} ${urn}` };
  if (!starts || labels.has(label.standby)) return undefined;
  return service === undefined
    ? { what: `Running the task ${name}`, why: "what depends on it waits for its end", key: urn }
    : { what: `Starting ${name}`, why: "what depends on it waits until it is healthy", key: parent };
}

/** The step that ends with a resource: a service starts until its health gate is there. */
function keyOfEnd(metadata: StepEventMetadata): string | undefined {
  const parent = (metadata.new ?? metadata.old)?.parent;
  if (isHealthGate(metadata.urn)) return metadata.op.startsWith("create") ? parent : undefined;
  const description = describeStep(metadata);
  const isGated = description?.what.startsWith("Starting ") === true && metadata.op !== "update";
  return isGated ? undefined : description?.key;
}

interface Step {
  end: (error?: Error) => void;
  detail: (line: string) => void;
}

/** Turns the engine's events into the steps that a person follows. */
export function followProgress(report: Report): { onEvent: (event: EngineEvent) => void; end: () => void } {
  const steps = new Map<string, Step>();
  const parents = new Map<string, string>();
  const finish = (key: string | undefined, error?: Error) => {
    if (key === undefined) return;
    steps.get(key)?.end(error);
    steps.delete(key);
  };
  return {
    onEvent: ({ resourcePreEvent, resOutputsEvent, resOpFailedEvent, diagnosticEvent }) => {
      if (resourcePreEvent) {
        const { metadata } = resourcePreEvent;
        if (metadata.new) parents.set(metadata.urn, metadata.new.parent);
        const description = describeStep(metadata);
        if (description !== undefined && !steps.has(description.key)) {
          steps.set(description.key, begin(report, description));
        }
      }
      if (diagnosticEvent?.urn !== undefined) {
        const { urn, severity, message } = diagnosticEvent;
        if (severity === "info") steps.get(urn)?.detail(message.trim());
        if (severity === "error") {
          for (const key of [urn, parents.get(urn)]) finish(key, new Error(message));
        }
      }
      if (resOutputsEvent) finish(keyOfEnd(resOutputsEvent.metadata));
      if (resOpFailedEvent) finish(keyOfEnd(resOpFailedEvent.metadata), new Error("failed"));
    },
    end: () => {
      for (const key of [...steps.keys()]) finish(key, new Error("not finished"));
    },
  };
}

function begin(report: Report, { what, why }: StepDescription): Step {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  let showDetail: (line: string) => void = () => undefined;
  report
    .step(what, why, (detail) => {
      showDetail = detail;
      return promise;
    })
    // The step shows that it failed; why, the engine's own error says.
    .catch(() => undefined);
  return {
    end: (error) => {
      if (error === undefined) resolve(undefined);
      else reject(error);
    },
    detail: (line) => {
      showDetail(line);
      if (!process.stderr.isTTY) report.note(`  ${what}: ${line}`);
    },
  };
}
