import { setTimeout as sleep } from "node:timers/promises";
import type Docker from "dockerode";
import type { Report } from "../../toolchain/report.js";
import { ignoring } from "../docker/docker.ts";
import { exitCode, Failure } from "../failure.ts";
import { interruptible } from "../terminal/interruption.ts";

/** A queue of RabbitMQ in which messages wait, or are being worked on. */
export interface Queue {
  name: string;
  messages: number;
}

/** How long workers may take to empty the queues, and how often these are looked at, in milliseconds. */
const patience = { wait: 10 * 60_000, poll: 2_000 };

/** The queues of RabbitMQ that are not empty; undefined where it does not tell. */
export async function fullQueues(container: Docker.Container): Promise<Queue[] | undefined> {
  const command = ["rabbitmqctl", "--quiet", "list_queues", "--no-table-headers", "name", "messages"];
  const exec = await container
    .exec({ Cmd: command, AttachStdout: true, AttachStderr: true, Tty: true })
    // It was stopped meanwhile, as by a take-over that was killed.
    .catch(ignoring(404, 409));
  if (exec === undefined) return undefined;
  let output = "";
  for await (const chunk of await exec.start({ Tty: true })) output += String(chunk);
  const { ExitCode: code } = await exec.inspect();
  return code === 0 ? queuesIn(output).filter(({ messages }) => messages > 0) : undefined;
}

/** The queues in lines of a name, a tab and a number. */
function queuesIn(output: string): Queue[] {
  return [...output.matchAll(/^(\S.*)\t(\d+)\r?$/gm)].map(([, name = "", messages]) => ({
    name,
    messages: Number(messages),
  }));
}

/** Such as `7 messages (celery: 5, export: 2)`. */
export function inWords(queues: readonly Queue[]): string {
  const sum = queues.reduce((total, { messages }) => total + messages, 0);
  const each = queues.map(({ name, messages }) => `${name}: ${messages}`).join(", ");
  return `${sum} ${sum === 1 ? "message" : "messages"} (${each})`;
}

/**
 * Waits until the workers of an installation have emptied all queues.
 *
 * @throws Failure when they do not within ten minutes, when RabbitMQ does not tell, and, with exit code 130, after Ctrl-C.
 */
export async function drainQueues(
  container: Docker.Container,
  report: Report,
  { wait, poll } = patience,
): Promise<void> {
  const deadline = Date.now() + wait;
  await interruptible(
    (signal) =>
      report.step("Waiting for the message queues", "until the workers have emptied them", async (detail) => {
        for (;;) {
          const queues = await fullQueues(container);
          if (queues === undefined) {
            throw new Failure("RabbitMQ does not tell what is in its queues. Nothing was changed.", exitCode.notGood);
          }
          if (queues.length === 0) return;
          detail(inWords(queues));
          if (Date.now() > deadline) {
            throw new Failure(
              `The message queues still hold ${inWords(queues)}. Do the workers run? Nothing was changed. To leave the ` +
                "messages behind, leave --drain out.",
              exitCode.notGood,
            );
          }
          await sleep(poll, undefined, { signal });
        }
      }),
    () => "Nothing was changed.",
  );
}
