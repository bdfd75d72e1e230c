#!/usr/bin/env bash
# usage: prometheus.sh STATE PORT CONFIG
# Prometheus (Debian's prometheus) on 127.0.0.1:PORT (TCP), in the foreground, with this
# configuration.
source "$(dirname "${BASH_SOURCE[0]}")/foreground.sh"

[ $# -eq 3 ] || die "usage: prometheus.sh STATE PORT CONFIG"
need prometheus prometheus promtool curl ss
STATE=$(state_directory "$1")
PORT=$2
CONFIG=$3

# shellcheck disable=SC2317 # called by `serve`
answers() {
    listens tcp "$1" "$PORT" && curl -sf -m 2 -o /dev/null "http://127.0.0.1:$PORT/-/ready"
}

promtool check config "$CONFIG" >&2
serve answers "tcp 127.0.0.1:$PORT" \
    prometheus --config.file="$CONFIG" --storage.tsdb.path="$STATE/data" \
    --web.listen-address="127.0.0.1:$PORT" --log.level=warn
