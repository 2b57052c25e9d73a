# Usage: start.sh COMMAND… Gives an agent its part of the site configuration, as a file, then becomes the agent.
set -eu
mkdir -p "$OCS_CONFIG_DIR"
printf '%s' "$OCS_SITE_CONFIG" >"$OCS_CONFIG_DIR/default.yaml"
exec "$@"
