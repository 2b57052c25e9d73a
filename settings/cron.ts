import { Cron } from "croner";

/**
 * The first moment after another at which a line of cron is due, by the clocks of a time zone.
 *
 * @param line five fields, or six of which the first is the seconds
 * @returns nothing where there is none, as on February 30, or where it is no such line.
 */
export function nextTime(line: string, after: Date, timeZone: string): Date | undefined {
  // What else croner takes, such as @daily or one moment, is no line of cron everywhere.
  if (line.trim().split(/\s+/).length < 5) return undefined;
  try {
    return new Cron(line, { timezone: timeZone, mode: "5-or-6-parts" }).nextRun(after) ?? undefined;
  } catch {
    return undefined;
  }
}
