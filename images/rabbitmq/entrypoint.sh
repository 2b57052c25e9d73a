#!/bin/sh
# Starts RabbitMQ, which has no cluster here: its port for other nodes is open to this container alone. And tells it how
# much memory it may use: RabbitMQ 3.10 sees the host's memory, not the container's limit.
set -eu

args='-kernel inet_dist_use_interface {127,0,0,1}'

# Control groups of version 2, then of version 1. No limit reads "max", or as a number larger than any memory.
limit=$(cat /sys/fs/cgroup/memory.max 2>/dev/null || cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || echo max)
total=$(awk '$1 == "MemTotal:" { printf "%.0f", $2 * 1024 }' /proc/meminfo)
if [ "$limit" != max ] && [ "$limit" -lt "$total" ]; then
  args="$args -rabbit total_memory_available_override_value $limit"
fi
export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="$args"

exec /usr/lib/rabbitmq/bin/rabbitmq-server "$@"
