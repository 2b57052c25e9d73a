/** Quotes a text for MySQL's and MariaDB's SQL, in which backslashes escape. */
function sqlString(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "''").replaceAll("\n", "\\n").replaceAll("\r", "\\r")}'`;
}

/** Quotes an identifier. */
function sqlName(name: string): string {
  return `\`${name.replaceAll("`", "``")}\``;
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
