import { spawn, type ChildProcess } from "node:child_process";
import assert from "node:assert/strict";

/** How a process ended, and what it wrote. */
export interface Result {
  /** What was run, for messages. */
  shown: string;
  /** Nothing after a signal. */
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** A process under way. */
export interface Running {
  child: ChildProcess;
  /** What it wrote up to now, standard output and error together. */
  written: () => string;
  ended: Promise<Result>;
}

export interface StartOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Its standard input. @default empty */
  input?: string;
  /** Whether it leads a process group, as what is typed in a terminal does. @default false */
  ownGroup?: boolean;
}

/** Starts a program without a terminal. */
export function start(
  command: string,
  args: readonly string[],
  { input = "", ownGroup = false, ...options }: StartOptions = {},
): Running {
  const child = spawn(command, args, { ...options, detached: ownGroup, stdio: "pipe" });
  // It may end without having read it.
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  let stdout = "";
  let stderr = "";
  let written = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    written += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
    written += text;
  });
  const ended = new Promise<Result>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      resolve({ shown: [command, ...args].join(" "), code, signal, stdout, stderr });
    });
  });
  return { child, written: () => written, ended };
}

/** Fails with all that a process wrote unless it ended with this exit code. */
export function assertExit(result: Result, code: number): Result {
  const how = result.signal ?? `exit code ${String(result.code)}`;
  assert.equal(result.code, code, `${result.shown}: ${how} instead of ${code}\n${result.stdout}\n${result.stderr}`);
  return result;
}
