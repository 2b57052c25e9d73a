/** Where CamCOPS's database is, as an existing `camcops.conf` has it. */
export interface InstalledDatabase {
  server: string;
  port: number;
  database: string;
  userName: string;
  password: string;
  /** What stands behind the `?`. */
  options: string;
}

/**
 * Reads `DB_URL` of a `camcops.conf`: SQLAlchemy's URL of a MySQL or MariaDB database, with escapes in user and password.
 *
 * A password may hold a bare `@`, which the SQLAlchemy of 2020 took as a part of it.
 *
 * Source: `_parse_rfc1738_args` of SQLAlchemy 1.3 and `_parse_url` of SQLAlchemy 2.0, `sqlalchemy/engine/url.py`.
 *
 * @returns undefined for a URL of another form or of another kind of database.
 */
export function installedDatabase(url: string): InstalledDatabase | undefined {
  const match =
    /^(?:mysql|mariadb)(?:\+\w+)?:\/\/(?:(?<user>[^:/@]*)(?::(?<password>.*))?@)?(?:\[(?<ipv6>[^/?\]]+)\]|(?<host>[^/:?@]+))(?::(?<port>\d+))?\/(?<database>[^?/]+)(?:\?(?<options>.*))?$/s.exec(
      url,
    );
  if (match?.groups === undefined) return undefined;
  const { user = "", password = "", ipv6, host, port = "3306", database = "", options = "" } = match.groups;
  return {
    server: ipv6 ?? host ?? "",
    port: Number(port),
    database,
    userName: unquoted(user),
    password: unquoted(password),
    options,
  };
}

/** Undoes `urllib.parse.quote` as `unquote` does: what is no escape stays, and what is no UTF-8 becomes U+FFFD. */
function unquoted(text: string): string {
  return text.replace(/(?:%[0-9A-Fa-f]{2})+/g, (escapes) =>
    Buffer.from(escapes.replaceAll("%", ""), "hex").toString("utf8"),
  );
}

/** The URL as it may be shown. */
export function shownUrl(url: string): string {
  return url.replace(/(:\/\/[^:/@]*):.*@/s, "$1:(hidden)@");
}
