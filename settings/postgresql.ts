import { text } from "./fields.ts";

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
        caution: "The former user keeps its rights and password: drop it by hand.",
      }),
  };
}
