import type Docker from "dockerode";
import { listMembers } from "./docker/containers.ts";
import { exitCode, Failure } from "./failure.ts";
import { followLogs } from "./docker/follow.ts";
import { linePrinter } from "./logs.ts";
import { commandLine, type CommonOptions, type Site } from "./site.ts";
import { readState } from "./deployment/state.ts";
import { stop } from "./stop.ts";
import { remark } from "./terminal/terminal.ts";

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Shows all logs until Ctrl-C, or a request to end, which stops all services.
 *
 * @param since seconds since 1970 from which on lines are shown
 * @throws Failure with exit code 130 when the services were stopped.
 */
export async function attach(client: Docker, site: Site, options: CommonOptions, since: number): Promise<void> {
  const { promise: interruption, resolve: interrupt } = Promise.withResolvers<"interrupted">();
  const onSignal = () => {
    interrupt("interrupted");
  };
  for (const signal of signals) process.on(signal, onSignal);
  try {
    const look = () => listMembers(client, site.stack, readState(site));
    remark("These are the logs. Ctrl-C stops all services; their data are kept.");
    const following = followLogs(client, site.stack, { look, since, print: linePrinter(await look()) });
    if ((await Promise.race([following, interruption])) === "interrupted") {
      await stop([], options);
      await following;
      throw new Failure(
        `Stopped. To start the services again, type: ${commandLine("start", options)}`,
        exitCode.interrupted,
      );
    }
  } finally {
    for (const signal of signals) process.off(signal, onSignal);
  }
}
