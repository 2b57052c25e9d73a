import { dockerClient } from "../settings/docker-client.ts";
import { prepare } from "./deployment/prepare.ts";
import { readState } from "./deployment/state.ts";
import { readDeclared } from "./drift/declared.ts";
import { whyNothing } from "./docker/deployed.ts";
import { driftLines, findDrift, type Drift } from "./drift/drift.ts";
import { exitCode, Failure } from "./failure.ts";
import { commandLine, dockerHost, type CommonOptions } from "./site.ts";
import { say } from "./terminal/terminal.ts";

/** How the differences are printed. */
export interface DriftOptions extends CommonOptions {
  json?: boolean;
}

/**
 * Says in what the containers of a stack differ from what its last deployment declared. Changes nothing.
 *
 * @throws Failure with exit code 3 when anything differs.
 */
export async function drift(options: DriftOptions): Promise<void> {
  const { site, env, report } = await prepare(options, { docker: true, pulumi: true });
  const client = dockerClient(dockerHost(site));
  if ((readState(site)?.containers.length ?? 0) === 0) {
    throw new Failure(await whyNothing(client, site, options));
  }
  const drifts = await report.step("Comparing the containers with what is declared", "to find what differs", async () =>
    findDrift(client, await readDeclared(site.stack, env)),
  );
  if (options.json === true) say(JSON.stringify(driftJson(site.stack, drifts), undefined, 2));
  else for (const line of driftLines(drifts)) say(line);
  if (drifts.length === 0) {
    if (options.json !== true) say(`The containers of the stack "${site.stack}" are as declared.`);
    return;
  }
  const number = drifts.reduce((sum, { differences }) => sum + differences.length, 0);
  throw new Failure(
    [
      `The stack "${site.stack}" is not as declared: ${number} ${number === 1 ? "difference" : "differences"}.`,
      `To repair it, type: ${commandLine("up", options)}`,
      ...drifts
        .filter(({ undeclared }) => undeclared)
        .map(
          ({ container }) =>
            `A deployment leaves ${container} alone. To remove it, type: docker rm --force ${container}`,
        ),
    ].join("\n"),
    exitCode.notGood,
  );
}

function driftJson(stack: string, drifts: readonly Drift[]) {
  return {
    stack,
    good: drifts.length === 0,
    containers: drifts.map(({ container, differences }) => ({ container, differences })),
  };
}
