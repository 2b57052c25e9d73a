/** Quotes a text for MySQL's and MariaDB's SQL, in which backslashes escape. */
function sqlString(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "''").replaceAll("\n", "\\n").replaceAll("\r", "\\r")}'`;
}

/** Quotes an identifier. */
function sqlName(name: string): string {
  return `\`${name.replaceAll("`", "``")}\``;
}

/** Prints the software and its version, without what only mends it. */
export const versionStatement =
  "SELECT CONCAT(IF(VERSION() LIKE '%MariaDB%', 'MariaDB ', 'MySQL '), SUBSTRING_INDEX(VERSION(), '.', 2))";

/** Prints the name of each table of the current database, and how many rows it has. */
export const rowsStatements = [
  "SET SESSION group_concat_max_len = 16000000",
  "SELECT GROUP_CONCAT('SELECT ', QUOTE(table_name), ', COUNT(*) FROM `', REPLACE(table_name, '`', '``'), '`' " +
    "ORDER BY table_name SEPARATOR ' UNION ALL ') INTO @statement FROM information_schema.tables " +
    "WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'",
  "SET @statement = IFNULL(@statement, 'DO 0')",
  "PREPARE statement FROM @statement",
  "EXECUTE statement",
].join("; ");

/** Makes a database anew, empty, with the character set that it had. Caution: what was in it is lost. */
export function emptyingStatements(databaseName: string): string {
  const name = sqlName(databaseName);
  return [
    "SELECT CONCAT(' CHARACTER SET ', default_character_set_name, ' COLLATE ', default_collation_name) INTO @characters " +
      `FROM information_schema.schemata WHERE schema_name = ${sqlString(databaseName)}`,
    `SET @statement = CONCAT(${sqlString(`CREATE DATABASE ${name}`)}, IFNULL(@characters, ''))`,
    "PREPARE statement FROM @statement",
    `DROP DATABASE IF EXISTS ${name}`,
    "EXECUTE statement",
    `USE ${name}`,
  ]
    .map((statement) => `${statement};\n`)
    .join("");
}

export interface DatabaseIdentity {
  databaseName: string;
  userName: string;
  userPassword: string;
  rootPassword: string;
}

/**
 * What the server runs at every start, one statement a line: it makes what is missing and sets both passwords.
 *
 * `root` exists at `localhost` only. In a `GRANT`, `_` and `%` of a database's name are wildcards unless escaped.
 */
export function initialStatements({ databaseName, userName, userPassword, rootPassword }: DatabaseIdentity): string {
  const user = `${sqlString(userName)}@'%'`;
  const granted = sqlName(databaseName.replaceAll("_", "\\_").replaceAll("%", "\\%"));
  return [
    "SET NAMES utf8mb4",
    `CREATE DATABASE IF NOT EXISTS ${sqlName(databaseName)} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci`,
    `CREATE USER IF NOT EXISTS ${user} IDENTIFIED BY ${sqlString(userPassword)}`,
    `ALTER USER ${user} IDENTIFIED BY ${sqlString(userPassword)}`,
    `GRANT ALL PRIVILEGES ON ${granted}.* TO ${user}`,
    `ALTER USER 'root'@'localhost' IDENTIFIED BY ${sqlString(rootPassword)}`,
  ]
    .map((statement) => `${statement};\n`)
    .join("");
}

/**
 * An option file for the clients of MySQL and MariaDB, with a user's name and password, whatever their characters are.
 *
 * Source: https://mariadb.com/kb/en/configuring-mariadb-with-option-files/#option-file-syntax
 */
export function clientOptions(userName: string, password: string): string {
  return `[client]\nuser = ${optionValue(userName)}\npassword = ${optionValue(password)}\n`;
}

function optionValue(value: string): string {
  const escaped = value
    .replaceAll("\\", "\\\\")
    .replaceAll('"', '\\"')
    .replaceAll("\n", "\\n")
    .replaceAll("\r", "\\r")
    .replaceAll("\t", "\\t");
  return `"${escaped}"`;
}
