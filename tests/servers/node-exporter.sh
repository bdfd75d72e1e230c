#!/usr/bin/env bash
# usage: node-exporter.sh STATE PORT [FILE]
# Prometheus' node exporter (Debian's) on 127.0.0.1:PORT (TCP), in the foreground. It tells the
# samples in FILE, too.
source "$(dirname "${BASH_SOURCE[0]}")/foreground.sh"

[ $# -ge 2 ] || die "usage: node-exporter.sh STATE PORT [FILE]"
need scrape prometheus-node-exporter curl ss
STATE=$(state_directory "$1")
PORT=$2
mkdir -p "$STATE/text"
[ $# -lt 3 ] || cp -- "$3" "$STATE/text/own.prom"

# shellcheck disable=SC2317 # called by `serve`
answers() {
    listens tcp "$1" "$PORT"
}

# Without what asks systemd, and without the sensors of this host, which FILE may tell in their place.
serve answers "tcp 127.0.0.1:$PORT" prometheus-node-exporter \
    --web.listen-address="127.0.0.1:$PORT" --collector.textfile.directory="$STATE/text" \
    --no-collector.systemd --no-collector.hwmon --log.level=error
