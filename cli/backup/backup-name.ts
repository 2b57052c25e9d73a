/** What made a backup, where nobody typed `slipway backup`: such backups may be removed again when newer ones are there. */
export type Occasion = "scheduled" | "upgrade";

/** A backup as its file's name tells. */
export interface NamedBackup {
  /** Name of its file. */
  name: string;
  created: Date;
}

/** Such as `prod-20260131T120000Z.tar.zst.age`, or `prod-20260131T120000Z.scheduled.tar.zst`. */
export function backupName(
  stack: string,
  created: Date,
  { encrypted, occasion }: { encrypted: boolean; occasion?: Occasion | undefined },
): string {
  const time = created.toISOString().replace(/\.\d+/, "").replaceAll(/[-:]/g, "");
  return `${stack}-${time}${occasion === undefined ? "" : `.${occasion}`}.tar.zst${encrypted ? ".age" : ""}`;
}

/**
 * Those among the names of a folder's files that a stack's backups have, newest first.
 *
 * @param occasion only those that were made on it. Default: all of the stack
 */
export function backupsAmong(names: readonly string[], stack: string, occasion?: Occasion): NamedBackup[] {
  const start = `${stack}-`;
  return names
    .flatMap((name): NamedBackup[] => {
      if (!name.startsWith(start)) return [];
      const [, year, month, day, hour, minute, second, made] =
        /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z(?:\.(scheduled|upgrade))?\.tar\.zst(?:\.age)?$/.exec(
          name.slice(start.length),
        ) ?? [];
      if (year === undefined || (occasion !== undefined && made !== occasion)) return [];
      const created = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
      return Number.isNaN(created.getTime()) ? [] : [{ name, created }];
    })
    .sort((a, b) => b.created.getTime() - a.created.getTime() || (a.name < b.name ? 1 : -1));
}
