import { spawn } from "node:child_process";
import { constants } from "node:os";
import { isatty } from "node:tty";
import { Failure } from "../failure.ts";

/**
 * Keys that nobody types by chance. Docker's own begin with Ctrl-P, by which shells and database clients recall the last
 * command.
 */
const detachKeys = "ctrl-^,ctrl-^,ctrl-^";

/** Whether somebody types and reads on a terminal, so that what runs in a container gets one too. */
export function hasTerminal(): boolean {
  return isatty(0) && isatty(1);
}

/** What `docker exec` and `docker start` need to join a process with this one's input and output. */
export function attachment(): string[] {
  return ["--interactive", `--detach-keys=${detachKeys}`];
}

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
type Signal = (typeof signals)[number];

/** What Docker's command line reads, and who hears of signals. */
export interface DockerCommandOptions {
  /** What it reads instead of this process's input; where a password goes. @default this process's input */
  input?: string;
  /** What is done with a signal, of which Docker's command line then hears nothing. @default it gets it, too */
  onSignal?: (signal: Signal) => void;
}

/**
 * Runs Docker's own command line to its end, with the input and output of this process: a terminal, files or pipes.
 *
 * @param host URL of the Docker engine
 * @returns its exit code; 128 and the signal's number after a signal, as shells have it.
 */
export function runDocker(
  host: string,
  args: readonly string[],
  { input, onSignal }: DockerCommandOptions = {},
): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const child = spawn("docker", ["--host", host, ...args], {
    stdio: [input === undefined ? "inherit" : "pipe", "inherit", "inherit"],
    // A process group of its own gets no Ctrl-C from the terminal, but could not read from it either.
    detached: onSignal !== undefined && !hasTerminal(),
    // No advertising between the lines of a program.
    env: { ...process.env, DOCKER_CLI_HINTS: "false" },
  });
  // It may end without having read it.
  child.stdin?.on("error", () => undefined);
  child.stdin?.end(input);

  const passOn = (signal: Signal) => {
    // Of Ctrl-C, the terminal tells both processes.
    if (signal !== "SIGINT") child.kill(signal);
  };
  const handle = onSignal ?? passOn;
  for (const signal of signals) process.on(signal, handle);
  child.on("error", (error: NodeJS.ErrnoException) => {
    const missing = "The command docker is not installed. On Debian and Ubuntu, type: sudo apt-get install docker.io";
    reject(error.code === "ENOENT" ? new Failure(missing) : error);
  });
  child.on("close", (code, signal) => {
    resolve(signal === null ? (code ?? 1) : 128 + constants.signals[signal]);
  });
  return promise.finally(() => {
    for (const signal of signals) process.off(signal, handle);
  });
}
