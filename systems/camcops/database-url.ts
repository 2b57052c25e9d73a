/** Where a database is. */
export interface DatabaseAddress {
  /** Host name or IP address. */
  server: string;
  port: number;
  /** Letters, digits, `_`, `-` and `$`, as the settings allow. */
  database: string;
  /** The path in the container of an option file with user and password, from `clientOptions`. */
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
