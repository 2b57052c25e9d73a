import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EngineEvent } from "@pulumi/pulumi/automation/index.js";
import type { Deployment } from "./deployment.ts";
import { assertExit } from "./processes.ts";

/** What the engine says that it does with each resource which does not stay as it is, by the resource's name. */
export async function engineSteps(deployment: Deployment, command: "preview" | "up"): Promise<Record<string, string>> {
  const folder = mkdtempSync(join(tmpdir(), "slipway-events-"));
  try {
    const log = join(folder, "events");
    const options = command === "up" ? ["--yes", "--skip-preview"] : [];
    const { sandbox, stack } = deployment;
    // The Automation API reads the events in this way, too.
    const env = { ...(await sandbox.pulumiEnvironment(stack)), PULUMI_DEBUG_COMMANDS: "true" };
    assertExit(await sandbox.run("pulumi", [command, "--event-log", log, ...options], { env }), 0);
    const events = readFileSync(log, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as EngineEvent);
    const steps = events.flatMap(({ resourcePreEvent }) => {
      const metadata = resourcePreEvent?.metadata;
      if (metadata === undefined || ["same", "refresh", "read"].includes(metadata.op)) return [];
      // A replacement is told in three steps.
      const op = metadata.op.includes("replace") ? "replace" : metadata.op;
      return [[metadata.urn.split("::").at(-1) ?? metadata.urn, op] as const];
    });
    return Object.fromEntries(steps.sort(([a], [b]) => (a < b ? -1 : 1)));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
