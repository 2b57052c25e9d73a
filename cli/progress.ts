import type { EngineEvent } from "@pulumi/pulumi/automation/index.js";
import { label } from "../components/labels.ts";
import type { Report } from "../toolchain/report.js";
import { labelsOf } from "./state.ts";

/** What is under way: it ends well, or not. */
interface Step {
  end: (error?: Error) => void;
  detail: (line: string) => void;
}

/** A resource's step as a person would say it; nothing for what takes no time. */
export function describeStep(
  type: string,
  op: string,
  inputs: Record<string, unknown>,
): { what: string; why: string } | undefined {
  if (type === "docker:index/remoteImage:RemoteImage" && op.startsWith("create")) {
    return { what: `Image ${String(inputs["name"])}`, why: "built or pulled unless it is there" };
  }
  if (type !== "docker:index/container:Container") return undefined;
  const labels = labelsOf(inputs);
  const service = labels.get(label.service);
  const task = labels.get(label.task);
  const name = service ?? task;
  if (name === undefined) return undefined;
  if (op.startsWith("delete")) return { what: `Stopping ${name}`, why: "the former container ends cleanly" };
  if (!op.startsWith("create") && op !== "update") return undefined;
  return service === undefined
    ? { what: `Running the task ${name}`, why: "what depends on it waits for its end" }
    : { what: `Starting ${name}`, why: "what depends on it waits until it is healthy" };
}

/** Turns the engine's events into the steps that a person follows. */
export function followProgress(report: Report): { onEvent: (event: EngineEvent) => void; end: () => void } {
  const steps = new Map<string, Step>();
  /** Steps of images by the component that says how far a build is. */
  const builds = new Map<string, Step>();
  const finish = (key: string, error?: Error) => {
    steps.get(key)?.end(error);
    steps.delete(key);
  };
  return {
    onEvent: ({ resourcePreEvent, resOutputsEvent, resOpFailedEvent, diagnosticEvent }) => {
      if (resourcePreEvent) {
        const { urn, type, op, new: current, old } = resourcePreEvent.metadata;
        const description = describeStep(type, op, ((current ?? old)?.inputs ?? {}) as Record<string, unknown>);
        if (description !== undefined) {
          const step = begin(report, description);
          steps.set(`${op} ${urn}`, step);
          if (current) builds.set(current.parent, step);
        }
      }
      if (diagnosticEvent?.urn !== undefined) {
        const { urn, severity, message } = diagnosticEvent;
        if (severity === "info") builds.get(urn)?.detail(message.trim());
        if (severity === "error") {
          for (const key of [...steps.keys()].filter((one) => one.endsWith(` ${urn}`))) finish(key, new Error(message));
        }
      }
      if (resOutputsEvent) finish(`${resOutputsEvent.metadata.op} ${resOutputsEvent.metadata.urn}`);
      if (resOpFailedEvent)
        finish(`${resOpFailedEvent.metadata.op} ${resOpFailedEvent.metadata.urn}`, new Error("failed"));
    },
    end: () => {
      for (const key of [...steps.keys()]) finish(key, new Error("not finished"));
    },
  };
}

function begin(report: Report, { what, why }: { what: string; why: string }): Step {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  let showDetail: (line: string) => void = () => undefined;
  report
    .step(what, why, (detail) => {
      showDetail = detail;
      return promise;
    })
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
