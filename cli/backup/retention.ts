import { backupsAmong, type Occasion } from "./backup-name.ts";

/** How many backups are kept; a backup is kept when any of these asks for it. The newest one is kept in any case. */
export interface Keep {
  /** So many of the newest, whenever they were made. @default none */
  newest?: number;
  /** The newest of each day, for so many days on which there are any. @default none */
  daily?: number;
  /** Likewise for weeks, which begin on Monday. @default none */
  weekly?: number;
  /** Likewise for months. @default none */
  monthly?: number;
}

/**
 * Says which of a folder's files may be removed: backups of one stack, made on one occasion, that are not to be kept any
 * longer. Whatever else is in the folder is never named.
 *
 * @param names the names of the folder's files
 * @param timeZone in which days begin
 */
export function superfluous(
  names: readonly string[],
  { stack, occasion, keep, timeZone }: { stack: string; occasion: Occasion; keep: Keep; timeZone: string },
): string[] {
  const backups = backupsAmong(names, stack, occasion);
  const dayOf = dayIn(timeZone);
  const kept = new Set([
    ...backups.slice(0, Math.max(1, keep.newest ?? 0)).map(({ name }) => name),
    ...newestOfEach(keep.daily, dayOf),
    ...newestOfEach(keep.weekly, (created) => mondayOf(dayOf(created))),
    ...newestOfEach(keep.monthly, (created) => dayOf(created).slice(0, "2026-01".length)),
  ]);
  return backups.map(({ name }) => name).filter((name) => !kept.has(name));

  function newestOfEach(count = 0, spanOf: (created: Date) => string): string[] {
    const spans = new Map<string, string>();
    for (const { name, created } of backups) {
      const span = spanOf(created);
      if (!spans.has(span)) spans.set(span, name);
    }
    return [...spans.values()].slice(0, count);
  }
}

/** Tells the day, such as `2026-01-31`, on which a moment is in a time zone. */
function dayIn(timeZone: string): (moment: Date) => string {
  // Sweden writes dates as ISO 8601 does.
  const format = new Intl.DateTimeFormat("sv-SE", { timeZone, year: "numeric", month: "2-digit", day: "2-digit" });
  return (moment) => format.format(moment);
}

function mondayOf(day: string): string {
  const date = new Date(`${day}T00:00:00Z`);
  date.setUTCDate(date.getUTCDate() - ((date.getUTCDay() + 6) % 7));
  return date.toISOString().slice(0, day.length);
}
