/** Quotes a text for PostgreSQL's SQL, on one line. */
function sqlString(text: string): string {
  const escaped = text.replaceAll("\\", "\\\\").replaceAll("'", "''").replaceAll("\n", "\\n").replaceAll("\r", "\\r");
  return `E'${escaped}'`;
}

/** Quotes an identifier. */
function sqlName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Prints the software and its version, without what only mends it. */
export const versionStatement = "SELECT 'PostgreSQL ' || current_setting('server_version_num')::integer / 10000";

/** Prints the name of each table, and how many rows it has. */
export const rowsStatement =
  "SELECT format('%I.%I', schemaname, tablename), " +
  "(xpath('/row/rows/text()', query_to_xml(format('SELECT count(*) AS rows FROM %I.%I', schemaname, tablename), " +
  "false, true, '')))[1] FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1";

export interface PostgresqlIdentity {
  databaseName: string;
  userName: string;
  userPassword: string;
  createsDatabases: boolean;
}

/**
 * What the server's single-user mode runs before every start, one statement a line: it makes what is missing, and sets the
 * user's password and rights.
 *
 * `CREATE` knows no `IF NOT EXISTS` for users and databases, so its messages are silenced; had it failed for another
 * reason, the `ALTER` after it would say so. Statements that fail are never logged, because they hold the password.
 */
export function initialStatements(identity: PostgresqlIdentity): string {
  const [user, database] = [sqlName(identity.userName), sqlName(identity.databaseName)];
  return [
    "SET log_min_error_statement TO panic",
    "SET log_min_messages TO panic",
    // Made at the first start, with a password; who is in the container needs none.
    "ALTER ROLE postgres PASSWORD NULL",
    `CREATE ROLE ${user}`,
    `CREATE DATABASE ${database}`,
    "RESET log_min_messages",
    `ALTER ROLE ${user} LOGIN ${identity.createsDatabases ? "CREATEDB" : "NOCREATEDB"} PASSWORD ${sqlString(identity.userPassword)}`,
    `ALTER DATABASE ${database} OWNER TO ${user}`,
  ]
    .map((statement) => `${statement};\n`)
    .join("");
}

/**
 * A password file for the clients of PostgreSQL, with one user's password for every server and database.
 *
 * Source: https://www.postgresql.org/docs/15/libpq-pgpass.html
 */
export function passwordFile(userName: string, password: string): string {
  return `*:*:*:${passwordFileField(userName)}:${passwordFileField(password)}\n`;
}

function passwordFileField(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll(":", "\\:");
}
