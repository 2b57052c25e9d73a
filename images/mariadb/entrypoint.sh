#!/bin/bash
# Creates the data directory at the first start, then becomes the server.
#
# The official image's contract, as far as it goes here: MARIADB_ROOT_PASSWORD_FILE (or MYSQL_ROOT_PASSWORD_FILE) is read
# at the first start only; arguments that begin with "-" go to mariadbd; the data stand in /var/lib/mysql.
set -euo pipefail
umask 077

data=/var/lib/mysql
# A data directory is made in `making`, renamed to `made` when it is complete, and then moved to where it belongs,
# the folder `mysql` last. Killed at any moment, the next start knows what is left to do.
making=$data/.making
made=$data/.made

die() {
  printf 'mariadb-entrypoint: %s\n' "$1" >&2
  exit 1
}

# Quotes $1 as an SQL string.
quote() {
  local text=${1//\\/\\\\}
  printf "'%s'" "${text//\'/\'\'}"
}

make() {
  local file=${MARIADB_ROOT_PASSWORD_FILE:-${MYSQL_ROOT_PASSWORD_FILE:-}}
  [ -n "$file" ] || die "no root password: set MARIADB_ROOT_PASSWORD_FILE to the path of a file that holds it."
  [ -r "$file" ] || die "the root password's file \"$file\" cannot be read by user $(id -u)."
  local password
  password=$(<"$file")
  [ -n "$password" ] || die "the root password's file \"$file\" is empty."

  [ -z "$(find "$data" -mindepth 1 -maxdepth 1 ! -name "${making##*/}" ! -name lost+found -print -quit)" ] ||
    die "$data holds files but no database: mount an empty volume, or one that holds a database."

  echo "mariadb-entrypoint: creating the data directory"
  trap 'exit 143' TERM INT
  rm -rf "$making"
  mariadb-install-db --datadir="$making" --auth-root-authentication-method=normal --skip-test-db --skip-name-resolve >/dev/null
  mariadbd --datadir="$making" --bootstrap <<SQL
DELETE FROM mysql.global_priv WHERE User <> 'mariadb.sys' AND (User <> 'root' OR Host <> 'localhost');
DELETE FROM mysql.proxies_priv WHERE Host <> 'localhost';
FLUSH PRIVILEGES;
SET NAMES utf8mb4;
ALTER USER 'root'@'localhost' IDENTIFIED BY $(quote "$password");
SQL
  sync -f "$making"
  mv "$making" "$made"
}

if [ $# -eq 0 ] || [ "${1:0:1}" = - ]; then
  set -- mariadbd "$@"
fi

if [ "$1" = mariadbd ]; then
  [ -d "$data/mysql" ] || [ -d "$made" ] || make
  if [ -d "$made" ]; then
    find "$made" -mindepth 1 -maxdepth 1 ! -name mysql -exec mv -t "$data" {} +
    [ -d "$data/mysql" ] || mv "$made/mysql" "$data/mysql"
    rmdir "$made"
  fi
fi

exec "$@"
