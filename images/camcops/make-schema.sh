#!/bin/bash
# Writes the schema that CamCOPS's migrations make in an empty database to the file $1, for camcops-upgrade-db.
set -euo pipefail
umask 077
work=$(mktemp -d)
socket=$work/socket
export CAMCOPS_CONFIG_FILE=$work/camcops.conf

mariadb-install-db --user=root --datadir="$work/data" --auth-root-authentication-method=normal --skip-test-db >"$work/log"
mariadbd --user=root --datadir="$work/data" --socket="$socket" --skip-networking --innodb-flush-log-at-trx-commit=0 2>>"$work/log" &
server=$!
until mariadb-admin --socket="$socket" --silent ping 2>/dev/null; do
  kill -0 "$server" || { cat "$work/log"; exit 1; }
  sleep 0.1
done

mariadb --socket="$socket" --execute='CREATE DATABASE camcops CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci'
camcops_server demo_camcops_config --docker 2>/dev/null |
  sed --expression="s|^DB_URL = .*|DB_URL = mysql+mysqldb://root@localhost/camcops?charset=utf8mb4\&unix_socket=$socket|" \
    --expression='/^SSL_/d' >"$CAMCOPS_CONFIG_FILE"
camcops_server upgrade_db --no_reindex --config "$CAMCOPS_CONFIG_FILE" 2>>"$work/log" || { cat "$work/log"; exit 1; }

ask() { mariadb --socket="$socket" --batch --skip-column-names camcops --execute="$1"; }
dump() { mariadb-dump --socket="$socket" --compact --skip-lock-tables "$@"; }
{
  echo "-- CamCOPS revision $(ask 'SELECT version_num FROM _alembic_version') MariaDB $(ask 'SELECT VERSION()')"
  # The revision comes last: a database that has one has all tables.
  dump --no-data --ignore-table=camcops._alembic_version camcops
  dump --insert-ignore camcops _alembic_version
} | sed 's/^CREATE TABLE /CREATE TABLE IF NOT EXISTS /' >"$1"
chmod 0644 "$1"

mariadb-admin --socket="$socket" shutdown
wait "$server"
