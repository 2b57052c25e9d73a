/** Where a database is. */
export interface DatabaseAddress {
  /** Host name or IP address. */
  server: string;
  port: number;
  /** Letters, digits, `_`, `-` and `$`, as the settings allow. */
  database: string;
  /** The path of the file made by {@link databaseCredentials}, in the container. */
  credentialsFile: string;
}

/**
 * The database's address for CamCOPS, as an SQLAlchemy URL for mysqlclient.
 *
 * User and password are left to a file that mysqlclient reads itself, because no way of writing them into the URL works
 * for all passwords: SQLAlchemy wants `@` as `%40`, whereas Alembic, to which `camcops_server upgrade_db` hands the same
 * URL, refuses every `%` ("invalid interpolation syntax"). SQLAlchemy hands unknown parameters of the URL to the driver.
 *
 * Sources: `make_url` of SQLAlchemy 2.0.39, `Config.set_main_option` of Alembic 1.14.1, `upgrade_database` of
 * cardinal-pythonlib 2.0.5.
 */
export function databaseUrl({ server, port, database, credentialsFile }: DatabaseAddress): string {
  const host = server.includes(":") ? `[${server}]` : server;
  return `mysql+mysqldb://${host}:${String(port)}/${database}?charset=utf8mb4&read_default_file=${credentialsFile}`;
}

/**
 * The content of an option file of MySQL and MariaDB clients that holds a user's name and password, whatever their
 * characters are (but for NUL, which no client can send).
 *
 * Source: https://mariadb.com/kb/en/configuring-mariadb-with-option-files/#option-file-syntax
 */
export function databaseCredentials(user: string, password: string): string {
  return `[client]\nuser = ${quote(user)}\npassword = ${quote(password)}\n`;
}

function quote(value: string): string {
  const escaped = value
    .replaceAll("\\", "\\\\")
    .replaceAll('"', '\\"')
    .replaceAll("\n", "\\n")
    .replaceAll("\r", "\\r")
    .replaceAll("\t", "\\t");
  return `"${escaped}"`;
}
