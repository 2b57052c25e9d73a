import { commandLine, type CommonOptions } from "../site.ts";
import type { Entry } from "./history.ts";

/** What is told of an upgrade that was brought back. */
export interface FailedUpgrade {
  entry: Pick<Entry, "number" | "kind">;
  former: Pick<Entry, "number" | "time">;
  /** The step in which it failed. */
  failedStep: string;
  failure: string;
  touched: boolean;
  backup: string | undefined;
  safety: readonly string[];
  stackFile: string;
  options: CommonOptions;
}

/** Says what happened, what was done about it, where the data are, and what to type. */
export function failureReport(failed: FailedUpgrade): string {
  const { entry, former, failedStep, failure, touched, backup, safety, stackFile, options } = failed;
  return [
    `The ${entry.kind === "up" ? "deployment" : entry.kind} ${entry.number} failed in the step ${failedStep}, and was brought back:`,
    ...failure.split("\n").map((line) => `  ${line}`),
    "",
    `The deployment ${former.number} of ${former.time} serves again, with its own settings.`,
    touched && backup !== undefined
      ? "Its data are those from the backup before the upgrade:"
      : "The data were not touched.",
    ...(backup === undefined ? [] : [`  backup before the upgrade: ${backup}`]),
    ...safety.map((file) => `  data as they were when it failed: ${file}`),
    "",
    `${stackFile} is as you wrote it. Correct it and try again: ${commandLine(entry.kind === "rollback" ? "rollback" : "upgrade", options)}`,
    `To write the settings that run now into it: ${commandLine(`rollback ${former.number}`, options)}`,
    `What was deployed when: ${commandLine("history", options)}`,
  ].join("\n");
}
