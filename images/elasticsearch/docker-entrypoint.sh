#!/bin/bash
# Starts Elasticsearch with the settings and the password that the environment gives.
#
# The official image's contract, as far as it goes here: a variable whose name holds a dot, such as discovery.type, is a
# setting; ELASTIC_PASSWORD_FILE names the file with the password of the user `elastic`.
set -euo pipefail

if [ -n "${ELASTIC_PASSWORD_FILE:-}" ]; then
  elasticsearch-keystore add --force --stdin bootstrap.password <"$ELASTIC_PASSWORD_FILE"
fi

settings=()
while IFS='=' read -r -d '' name value; do
  if [[ $name =~ ^[a-z0-9_]+\.[a-z0-9_.]+$ ]]; then settings+=("-E$name=$value"); fi
done < <(env --null)
exec elasticsearch "${settings[@]}"
