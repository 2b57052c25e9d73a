import { siteOf, type CommonOptions } from "./site.ts";
import { say, table } from "./terminal/terminal.ts";
import { readHistory, type Entry } from "./upgrade/history.ts";

/** How the deployments are printed. */
export interface HistoryOptions extends CommonOptions {
  json?: boolean;
}

/** Lists a stack's deployments. Needs neither Docker nor Pulumi. */
export function history(options: HistoryOptions): void {
  const entries = readHistory(siteOf(options));
  if (options.json === true) {
    say(JSON.stringify(entries, undefined, 2));
    return;
  }
  if (entries.length === 0) {
    say(`The stack "${options.stack}" has no deployments yet.`);
    return;
  }
  const [head = "", ...rows] = table([
    ["NUMBER", "WHEN", "WHO", "WHAT", "RESULT", "COMMIT"],
    ...entries.map(({ number, time, user, machine, kind, backTo, result, commit }) => [
      String(number),
      time.slice(0, 19),
      `${user}@${machine}`,
      kind === "rollback" && backTo !== undefined ? `rollback to ${backTo}` : kind,
      result,
      commit?.slice(0, 12) ?? "-",
    ]),
  ]);
  say(head);
  for (const [index, row] of rows.entries()) {
    say(row);
    for (const line of detailsOf(entries[index])) say(`    ${line}`);
  }
}

/** What is said of a deployment below its line. */
export function detailsOf(entry: Entry | undefined): string[] {
  if (entry === undefined) return [];
  return [
    ...entry.summary.filter((line) => !line.startsWith(" ")),
    ...(entry.backup === undefined ? [] : [`backup of the data before it: ${entry.backup}`]),
    ...(entry.safety ?? []).map((file) => `data that were replaced: ${file}`),
  ];
}
