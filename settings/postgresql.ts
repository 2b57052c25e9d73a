import { text, volumeName } from "./fields.ts";
import { valueAt } from "./path.ts";
import type { Question } from "./question.ts";
import type { Report } from "./remedy.ts";

/** Whether a user's or database's name is one that a PostgreSQL server makes for itself. */
export function isServersOwn(name: string): boolean {
  return /^(?:postgres|template[01])$/.test(name);
}

/**
 * What a user may say of the one database that a PostgreSQL server of the stack has, and of its user.
 *
 * Source of the names that are refused: https://www.postgresql.org/docs/15/manage-ag-templatedbs.html and
 * https://www.postgresql.org/docs/15/predefined-roles.html
 *
 * @param name the default of both names
 */
export function postgresqlSettings(name: string) {
  return {
    databaseName: text(
      "1 to 63 letters, digits and _, and neither postgres nor template0 nor template1",
      /^(?!(?:postgres|template[01])$)[A-Za-z0-9_]{1,63}$/,
    )
      .default(name)
      .meta({
        description: "Name of the database.",
        variable: "POSTGRES_DB",
        question: { order: 40, ask: "Name of the database" } satisfies Question,
        caution: "Another name means another, empty database.",
      }),
    userName: text(
      "1 to 63 letters, digits, '.', - and _, with a letter or digit first, and neither postgres nor pg_…",
      /^(?!postgres$|pg_)[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/,
    )
      .default(name)
      .meta({
        description: "The application's user in the database, which it owns.",
        variable: "POSTGRES_USER",
        question: { order: 41, ask: "The application's user in it" } satisfies Question,
        caution: "The former user keeps its rights and password: drop it by hand.",
      }),
    volume: volumeName()
      .optional()
      .meta({
        description:
          "A volume that Docker has already, such as an earlier installation's, with the database's data. It is mounted " +
          "by its name; the stack never makes or deletes it. Without it: a volume of the stack's own.",
        caution: "Its data must be of the same major version of PostgreSQL.",
        examples: [`${name}_postgresql_volume`],
      }),
    volumeFolder: text(
      "a folder within the volume, such as pgdata, without . and ..",
      /^(?!\.)[A-Za-z0-9_.-]{1,100}(?:\/(?!\.)[A-Za-z0-9_.-]{1,100}){0,9}$/,
    )
      .optional()
      .meta({
        description: "Folder of `volume` that holds the data, where they are not at its top.",
        examples: ["pgdata"],
      }),
  };
}

/**
 * The rule that a folder is named only within a volume that is there.
 *
 * @param path where the database's group is in the system's settings
 */
export function volumeFolderHasVolume(system: string, path: string, settings: unknown, report: Report): void {
  if (valueAt(settings, [path, "volumeFolder"]) === undefined || valueAt(settings, [path, "volume"]) !== undefined)
    return;
  report([path, "volumeFolder"], `must not be set without ${system}.${path}.volume, whose folder it is`, {
    unset: `${system}.${path}.volumeFolder`,
  });
}
