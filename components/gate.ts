import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import type Docker from "dockerode";

/** How many of the last log lines an error shows. */
const logLines = 30;
/** A service that exited this often while it was waited for will not become healthy by itself. */
const exitsAllowed = 2;

/** The last lines that a container wrote, standard output and error together. */
export async function lastLogLines(container: Docker.Container): Promise<string> {
  const { Config: config } = await container.inspect();
  const raw = await container.logs({ stdout: true, stderr: true, tail: logLines });
  return (config.Tty ? raw.toString("utf8") : withoutStreamHeaders(raw)).trimEnd();
}

/** Without a terminal, Docker puts 8 bytes before each piece of a log: the stream, and the piece's length. */
function withoutStreamHeaders(raw: Buffer): string {
  const pieces: Buffer[] = [];
  for (let at = 0; at + 8 <= raw.length;) {
    const length = raw.readUInt32BE(at + 4);
    pieces.push(raw.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return Buffer.concat(pieces).toString("utf8");
}

type State = Docker.ContainerInspectInfo["State"];
type HealthResult = NonNullable<State["Health"]>["Log"][number];

async function report(container: Docker.Container, what: string, health?: HealthResult): Promise<Error> {
  const parts = [what];
  if (health !== undefined) parts.push(`Health check (exit ${health.ExitCode}): ${health.Output.trim()}`);
  parts.push(`Last log lines:`, (await lastLogLines(container)) || "(none)");
  return new Error(parts.join("\n"));
}

function failureOf(state: State, restarts: number, timedOutAfter: number | undefined): string | undefined {
  const up = state.Running && !state.Restarting;
  if (up && state.Health?.Status === "unhealthy") return "is unhealthy";
  // While it runs once more, Docker does not tell the former exit code.
  if (!up && (restarts > exitsAllowed || !state.Restarting)) return `exited with code ${String(state.ExitCode)}`;
  return timedOutAfter === undefined ? undefined : `is not healthy after ${String(timedOutAfter)} s`;
}

export interface HealthGate {
  /** The service's name, for messages. */
  service: string;
  /** The Pulumi stack's name, for messages. */
  stack: string;
  /** Seconds until the wait is given up. */
  timeoutSeconds: number;
  /** Milliseconds between two looks. @default 200 */
  pollMilliseconds?: number;
}

/**
 * Waits until Docker calls a service's container healthy. One that does not get there is stopped, not removed: its log
 * stays readable, and the next deployment starts it again and waits anew.
 *
 * @throws Error with the health check's output and the last log lines, as soon as the container is unhealthy, has exited
 * more than twice, or the time is up.
 */
export async function untilHealthy(client: Docker, id: string, gate: HealthGate): Promise<void> {
  const container = client.getContainer(id);
  const deadline = Date.now() + gate.timeoutSeconds * 1000;
  for (;;) {
    const { State: state, RestartCount: restarts } = await container.inspect();
    if (state.Health?.Status === "healthy") return;
    const failure = failureOf(state, restarts, Date.now() > deadline ? gate.timeoutSeconds : undefined);
    if (failure !== undefined) {
      const error = await report(
        container,
        `${gate.service} ${failure}. It does not run any more; the next deployment starts it again. ` +
          `Its whole log: ./slipway logs ${gate.service} --stack ${gate.stack}`,
        state.Health?.Log.at(-1),
      );
      if (state.Running || state.Restarting) await container.stop();
      throw error;
    }
    await sleep(gate.pollMilliseconds ?? 200);
  }
}

/** How long the queue of a former container may take to run empty, in milliseconds. */
const queuePatience = 1_000;

/**
 * Runs the command by which a container takes over from its former one, and waits until that has taken what was still
 * waiting for it.
 *
 * @throws Error with what the command wrote when its exit code is not 0.
 */
export async function takeOver(client: Docker, id: string, command: string[], patience = queuePatience): Promise<void> {
  const exec = await client.getContainer(id).exec({ Cmd: command, AttachStdout: true, AttachStderr: true, Tty: true });
  const written = await text(await exec.start({ Tty: true }));
  const { ExitCode: code } = await exec.inspect();
  if (code !== 0) throw new Error(`${command.join(" ")} ended with exit code ${String(code)}: ${written.trim()}`);
  await sleep(patience);
}

/**
 * After a task's container has run: one that failed is removed, so that the next deployment, which refreshes first, runs
 * the task again.
 *
 * @throws Error with the exit code and the last log lines when the exit code is not 0.
 */
export async function exitedWithZero(client: Docker, id: string, task: string): Promise<void> {
  const container = client.getContainer(id);
  const { State: state } = await container.inspect();
  if (!state.Running && state.ExitCode === 0) return;
  const error = await report(
    container,
    `The task ${task} failed with exit code ${state.ExitCode}. What depends on it was not touched; ` +
      `the next deployment runs it again.`,
  );
  await container.remove({ v: false, force: true });
  throw error;
}
