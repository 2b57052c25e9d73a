import { setTimeout as sleep } from "node:timers/promises";
import { ConcurrentUpdateError, type EngineEvent } from "@pulumi/pulumi/automation/index.js";
import { exitCode, Failure } from "../failure.ts";
import { addToPlan, type Plan } from "./plan.ts";
import { isInterrupted } from "../terminal/interruption.ts";
import { remark } from "../terminal/terminal.ts";

/** What the engine is handed for each operation. */
export interface EngineOptions {
  color: "never";
  signal: AbortSignal;
  onEvent: (event: EngineEvent) => void;
  onOutput: (text: string) => void;
  onError: (text: string) => void;
}

/** What an operation of the engine yields besides its own result. */
export interface EngineRun<T> {
  result: T;
  /** Every resource, and what the operation does with it. */
  plan: Plan;
  warnings: string[];
  /** What Pulumi printed. */
  output: string;
}

/** The engine gets Ctrl-C from the terminal by itself, but not a signal that was sent to this process only. */
const interruptReachesEngineWithin = 500;

/** An interrupt that comes so soon after another is the same one, passed on by npm. */
const sameInterruptWithin = 1000;

/**
 * Runs one operation of the engine.
 *
 * @param again what to type after an interruption
 * @throws Failure with the engine's errors in the words of those who raised them; with exit code 130 after an interruption.
 */
export async function runEngine<T>(
  operation: (options: EngineOptions) => Promise<T>,
  { again, onEvent }: { again: string; onEvent?: (event: EngineEvent) => void },
): Promise<EngineRun<T>> {
  if (isInterrupted()) throw new Failure("Interrupted.", exitCode.interrupted);
  const plan: Plan = new Map();
  const warnings = new Set<string>();
  const errors = new Set<string>();
  let output = "";
  let errorOutput = "";
  const interruption = watchForInterruption(() => (output + errorOutput).includes("received; cancelling"));
  try {
    const result = await operation({
      color: "never",
      signal: interruption.signal,
      onEvent: (event) => {
        addToPlan(plan, event);
        const { diagnosticEvent: diagnostic } = event;
        if (diagnostic?.severity === "warning") warnings.add(plainMessage(diagnostic.message));
        if (diagnostic?.severity === "error") errors.add(plainMessage(diagnostic.message));
        onEvent?.(event);
      },
      onOutput: (text) => (output += text),
      onError: (text) => (errorOutput += text),
    });
    return { result, plan, warnings: [...warnings], output };
  } catch (error) {
    if (interruption.happened()) {
      throw new Failure(
        `Interrupted. What was under way was brought to an end. To go on, type: ${again}`,
        exitCode.interrupted,
      );
    }
    if (error instanceof ConcurrentUpdateError) {
      throw new Failure("Another deployment of this stack has begun meanwhile. Wait for it to end.");
    }
    const known = [...errors].filter((message) => !/^(update|preview|destroy|refresh) failed$/.test(message));
    const kept = known.flatMap(protectedResource);
    if (kept.length > 0) throw new Failure(protectedMessage([...new Set(kept)]));
    throw new Failure(known.length > 0 ? known.join("\n\n") : errorOutput.trim() || (error as Error).message);
  } finally {
    interruption.end();
  }
}

/** The name of the resource that the engine refuses to delete or replace; nothing for other messages. */
export function protectedResource(message: string): string[] {
  const name = /resource ["'].*::([^:"']+)["'][^]*?(?:marked for protection|because it is protected)/.exec(
    message,
  )?.[1];
  return name === undefined ? [] : [name];
}

function protectedMessage(names: readonly string[]): string {
  return [
    `A changed setting would delete or replace what belongs to data: ${names.join(", ")}. Nothing was changed.`,
    "Take the change back: a system's name, for example, cannot change once it is deployed.",
    'More: docs/runbook.md, "Pulumi refuses: marked for protection".',
  ].join("\n");
}

/** A message of the engine without marks for colours and without the words that Pulumi puts before those of a hook. */
export function plainMessage(message: string): string {
  return message
    .replace(/<\{%.*?%\}>/g, "")
    .replace(/^(?:error: )?(?:before|after) hook "[^"]*" failed: (?:Error: )?/, "")
    .trimEnd();
}

/** Turns the first Ctrl-C, and the first request to end, into one that the engine carries out cleanly. */
function watchForInterruption(engineKnows: () => boolean) {
  const controller = new AbortController();
  let first: number | undefined;
  const interrupt = () => {
    if (first !== undefined) {
      if (Date.now() - first > sameInterruptWithin) remark("Already stopping: waiting for what is under way to end.");
      return;
    }
    first = Date.now();
    remark("\nStopping: what is under way is brought to an end first. This can take as long as a service's start.");
    void sleep(interruptReachesEngineWithin).then(() => {
      if (!engineKnows()) controller.abort();
    });
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, interrupt);
  return {
    signal: controller.signal,
    happened: () => first !== undefined,
    end: () => {
      for (const signal of signals) process.off(signal, interrupt);
    },
  };
}
