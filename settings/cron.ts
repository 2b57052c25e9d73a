/** When something is due, as a line of cron says it. */
export interface Cron {
  seconds: readonly number[];
  minutes: readonly number[];
  hours: readonly number[];
  months: ReadonlySet<number>;
  /** Whether a day is meant. */
  isDay: (dayOfMonth: number, weekday: number) => boolean;
}

const monthNames = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const weekdayNames = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

const day = 24 * 60 * 60 * 1000;
/** The greatest step by which clocks are changed, in milliseconds, and some more. */
const greatestShift = 3 * 60 * 60 * 1000;
/** How far ahead a time is looked for: February 29 on a certain weekday comes every 28 years, or 40 around 2100. */
const farthest = 41 * 366;

/**
 * Reads a line of cron: minutes, hours, days, months and weekdays, before them seconds if there are six fields. Each is `*`,
 * numbers, ranges or steps of them, or a list; months and weekdays have English names too, and Sunday is 0 and 7. Where
 * both days and weekdays are given, either is enough.
 *
 * @returns nothing where it is none.
 */
export function parseCron(line: string): Cron | undefined {
  const fields = line.trim().toLowerCase().split(/\s+/);
  if (fields.length !== 5 && fields.length !== 6) return undefined;
  const [second = "", minute = "", hour = "", date = "", month = "", weekday = ""] =
    fields.length === 5 ? ["0", ...fields] : fields;
  const seconds = numbersOf(second, 0, 59);
  const minutes = numbersOf(minute, 0, 59);
  const hours = numbersOf(hour, 0, 23);
  const dates = numbersOf(date, 1, 31);
  const months = numbersOf(month, 1, 12, monthNames);
  const weekdays = numbersOf(weekday, 0, 7, weekdayNames)?.map((number) => number % 7);
  if (!seconds || !minutes || !hours || !dates || !months || !weekdays) return undefined;
  const [isDate, isWeekday] = [new Set(dates), new Set(weekdays)];
  const isEither = !date.startsWith("*") && !weekday.startsWith("*");
  return {
    seconds,
    minutes,
    hours,
    months: new Set(months),
    isDay: (dayOfMonth, dayOfWeek) =>
      isEither
        ? isDate.has(dayOfMonth) || isWeekday.has(dayOfWeek)
        : isDate.has(dayOfMonth) && isWeekday.has(dayOfWeek),
  };
}

/** The numbers that a field names, in order; nothing where it is not valid. */
function numbersOf(field: string, least: number, most: number, names: readonly string[] = []): number[] | undefined {
  const numberOf = (text: string | undefined) => {
    const named = names.indexOf(text ?? "");
    if (named !== -1) return named + least;
    return /^\d{1,2}$/.test(text ?? "") ? Number(text) : NaN;
  };
  const chosen = new Set<number>();
  for (const part of field.split(",")) {
    const [range = "", step, ...more] = part.split("/");
    const [from, to, ...others] = range === "*" ? [String(least), String(most)] : range.split("-");
    const first = numberOf(from);
    const last = to === undefined ? (step === undefined ? first : most) : numberOf(to);
    const width = step === undefined ? 1 : Number(/^\d{1,2}$/.exec(step)?.[0] ?? NaN);
    const isValid =
      more.length === 0 && others.length === 0 && first >= least && last <= most && first <= last && width > 0;
    if (!isValid) return undefined;
    for (let number = first; number <= last; number += width) chosen.add(number);
  }
  return [...chosen].sort((a, b) => a - b);
}

/**
 * The first moment after another at which something is due; nothing when there is none, as on February 30.
 *
 * Where clocks are put forward, what is due in the hour that is left out comes after it; where they are put back, it comes
 * once, in the first of the two hours.
 */
export function nextTime(cron: Cron, after: Date, timeZone: string): Date | undefined {
  const offset = offsetIn(timeZone);
  const earliest = after.getTime() + offset(after.getTime()) - greatestShift;
  const firstDay = Math.floor(earliest / day) * day;
  for (let index = 0; index < farthest; index++) {
    const midnight = firstDay + index * day;
    const date = new Date(midnight);
    if (!cron.months.has(date.getUTCMonth() + 1) || !cron.isDay(date.getUTCDate(), date.getUTCDay())) continue;
    for (const local of timesOf(cron, midnight, earliest)) {
      const moment = momentOf(local, offset);
      if (moment > after.getTime()) return new Date(moment);
    }
  }
  return undefined;
}

/** The times of a day, as if its clocks were those of UTC, from the earliest on. */
function* timesOf({ hours, minutes, seconds }: Cron, midnight: number, earliest: number): Generator<number> {
  for (const hour of hours) {
    for (const minute of minutes) {
      const start = midnight + (hour * 60 + minute) * 60_000;
      if (start + 60_000 <= earliest) continue;
      for (const second of seconds) {
        const local = start + second * 1000;
        if (local >= earliest) yield local;
      }
    }
  }
}

/** Tells by how many milliseconds the clocks of a time zone are ahead of UTC's. */
function offsetIn(timeZone: string): (moment: number) => number {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  return (moment) => {
    const whole = Math.floor(moment / 1000) * 1000;
    const parts = Object.fromEntries(format.formatToParts(whole).map(({ type, value }) => [type, Number(value)]));
    const { year = 0, month = 1, day: date = 1, hour = 0, minute = 0, second = 0 } = parts;
    return Date.UTC(year, month - 1, date, hour, minute, second) - whole;
  };
}

/** The moment at which clocks show a time; the first of two, and for a time that is left out, as much later as it is wide. */
function momentOf(local: number, offset: (moment: number) => number): number {
  const [before, later] = [local - offset(local - day), local - offset(local + day)];
  const shown = [before, later].filter((moment) => moment + offset(moment) === local);
  return shown.length === 0 ? before : Math.min(...shown);
}
