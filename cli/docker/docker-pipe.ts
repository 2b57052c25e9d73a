import { spawn } from "node:child_process";
import { finished, PassThrough, pipeline, type Readable, type Writable } from "node:stream";
import { Failure } from "../failure.ts";

/** How much of what a process complains of is kept, in characters. */
const complaintLength = 2000;

/**
 * A process in a container, joined to this one by pipes: whoever reads slowly makes it wait, and whoever reads late loses
 * nothing.
 */
export interface DockerPipe {
  stdin: Writable;
  stdout: Readable;
  /** Settles when it has ended: rejects with a Failure that holds its last words, unless its exit code was 0. */
  ended: Promise<void>;
  /** Ends it, whatever it was doing. */
  kill: () => void;
}

/**
 * Starts Docker's own command line.
 *
 * @param host URL of the Docker engine
 * @param what what it does, for the message when it fails, such as `Dumping the database mysql`
 */
export function pipeDocker(host: string, args: readonly string[], what: string): DockerPipe {
  return pipeProcess("docker", ["--host", host, ...args], what);
}

/** Starts a program of this machine; see {@link pipeDocker}. */
export function pipeProcess(program: string, args: readonly string[], what: string): DockerPipe {
  const child = spawn(program, args, {
    stdio: ["pipe", "pipe", "pipe"],
    // Ctrl-C is for this process, which ends its children in order.
    detached: true,
    env: { ...process.env, DOCKER_CLI_HINTS: "false" },
  });
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint = (complaint + text).slice(-complaintLength);
  });
  // It may end before it has read everything; why, its exit code tells.
  child.stdin.on("error", () => undefined);
  const ended = new Promise<void>((resolve, reject) => {
    child.on("error", (error) => {
      reject(new Failure(`${what} failed: ${error.message}`));
    });
    child.on("exit", (code, signal) => {
      finished(child.stderr, () => {
        if (code === 0) resolve();
        else reject(new Failure(`${what} failed (${signal ?? `exit code ${code}`}): ${complaint.trim()}`));
      });
    });
  });
  ended.catch(() => undefined);
  // Node throws away what a process that has ended wrote, unless somebody reads it already.
  const stdout = pipeline(child.stdout, new PassThrough(), () => undefined);
  return { stdin: child.stdin, stdout, ended, kill: () => child.kill("SIGKILL") };
}
