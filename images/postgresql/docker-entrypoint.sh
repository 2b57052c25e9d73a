#!/bin/bash
# Creates the data directory at the first start, then becomes the server.
#
# The official image's contract, as far as it goes here: POSTGRES_PASSWORD_FILE, POSTGRES_USER and POSTGRES_DB are read at
# the first start only; arguments that begin with "-" go to postgres; the data stand in PGDATA.
set -euo pipefail
umask 077

# A data directory is made in `making`, renamed to `made` when it is complete, and then moved to where it belongs,
# the file PG_VERSION last. Killed at any moment, the next start knows what is left to do.
making=$PGDATA/.making
made=$PGDATA/.made

die() {
  printf 'docker-entrypoint.sh: %s\n' "$1" >&2
  exit 1
}

make() {
  local file=${POSTGRES_PASSWORD_FILE:-} user=${POSTGRES_USER:-postgres}
  local database=${POSTGRES_DB:-$user}
  [ -n "$file" ] || die "no password for $user: set POSTGRES_PASSWORD_FILE to the path of a file that holds it."
  [ -r "$file" ] || die "the password's file \"$file\" cannot be read by user $(id -u)."
  [ -s "$file" ] || die "the password's file \"$file\" is empty."

  [ -z "$(find "$PGDATA" -mindepth 1 -maxdepth 1 ! -name "${making##*/}" ! -name lost+found -print -quit)" ] ||
    die "$PGDATA holds files but no database: mount an empty volume, or one that holds a database."

  echo "docker-entrypoint.sh: creating the data directory"
  trap 'exit 143' TERM INT
  rm -rf "$making"
  # Whoever is in the container may use its socket without a password: they can read the data's files as well.
  initdb --pgdata="$making" --username="$user" --pwfile="$file" --encoding=UTF8 --locale=C.UTF-8 \
    --auth-local=trust --auth-host=scram-sha-256 >/dev/null
  printf 'host all all all scram-sha-256\n' >>"$making/pg_hba.conf"
  if [ "$database" != postgres ]; then
    postgres --single -D "$making" postgres >/dev/null <<<"CREATE DATABASE \"${database//\"/\"\"}\""
  fi
  sync -f "$making"
  mv "$making" "$made"
}

if [ $# -eq 0 ] || [ "${1:0:1}" = - ]; then
  set -- postgres "$@"
fi

if [ "$1" = postgres ]; then
  [ -s "$PGDATA/PG_VERSION" ] || [ -d "$made" ] || make
  if [ -d "$made" ]; then
    find "$made" -mindepth 1 -maxdepth 1 ! -name PG_VERSION -exec mv -t "$PGDATA" {} +
    [ -s "$PGDATA/PG_VERSION" ] || mv "$made/PG_VERSION" "$PGDATA/PG_VERSION"
    rmdir "$made"
  fi
fi

exec "$@"
