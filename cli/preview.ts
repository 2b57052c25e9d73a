import { dockerClient } from "../settings/docker-client.ts";
import { runEngine } from "./deployment/engine.ts";
import { exitCode, Failure } from "./failure.ts";
import { refuseForeignNames } from "./deployment/names.ts";
import { changeCount } from "./deployment/plan.ts";
import { prepare } from "./deployment/prepare.ts";
import { commandLine, dockerHost, type CommonOptions } from "./site.ts";
import { openStack, recover } from "./deployment/stack.ts";
import { readState } from "./deployment/state.ts";
import { summarise } from "./deployment/summary.ts";
import { coloured, remark, say } from "./terminal/terminal.ts";

/** How the changes are printed, and what exit code they make. */
export interface PreviewOptions extends CommonOptions {
  json?: boolean;
  /** Ends with exit code 3 when anything would change. */
  expectNoChanges: boolean;
}

/** Says what a deployment would change, in plain words and as Pulumi's own difference. Changes nothing of the stack. */
export async function preview(options: PreviewOptions): Promise<void> {
  const { site, env, report } = await prepare(options, { docker: true, pulumi: true }, { deploys: true });
  const stack = await openStack(site, env);
  await recover(site, env);
  const run = await report.step("Comparing the settings with what is there", "to say what would change", () =>
    runEngine((engine) => stack.preview({ ...engine, configFile: site.stackFile, diff: true }), {
      again: commandLine("preview", options),
    }),
  );
  const { changeSummary } = run.result;
  const number = changeCount(changeSummary);
  for (const warning of run.warnings) remark(coloured("yellow", `Warning: ${warning}`));
  if (options.json === true) {
    say(
      JSON.stringify({
        stack: site.stack,
        changes: changeSummary,
        summary: summarise(run.plan),
        warnings: run.warnings,
      }),
    );
  } else {
    for (const line of summarise(run.plan)) say(line);
    if (number > 0) {
      say();
      say(withoutRefresh(run.output));
    }
  }
  await refuseForeignNames(dockerClient(dockerHost(site)), run.plan, readState(site)?.stateId);
  if (options.expectNoChanges && number > 0) {
    throw new Failure(`Changes were not expected, but there are ${number}.`, exitCode.notGood);
  }
}

/** The head of a resource in Pulumi's difference, such as `    +-docker:index/container:Container: (replace)`. */
const head = /^\s*\S*\s?\S+:\S+: \((\S+)\)/;

/**
 * Pulumi's difference without what its refresh read into the state: the same differences appear again where the program
 * acts on them.
 */
export function withoutRefresh(difference: string): string {
  let skipping = false;
  const kept = difference.split("\n").filter((line) => {
    const operation = head.exec(line)?.[1];
    if (operation !== undefined) skipping = operation === "refresh";
    else if (/^\S/.test(line)) skipping = false;
    return !skipping;
  });
  return kept.join("\n").trimEnd();
}
