#!/usr/bin/env bash
# usage: alertmanager.sh STATE PORT [WEBHOOK]
# Alertmanager (Debian's prometheus-alertmanager) on 127.0.0.1:PORT (TCP), in the foreground. It
# groups, and tells the webhook as soon as it may, or nobody; `amtool alert query --alertmanager.url http://127.0.0.1:PORT` shows what
# it has. With the same STATE it goes on with its silences and its log of notifications; alerts are
# in its memory alone.
source "$(dirname "${BASH_SOURCE[0]}")/foreground.sh"

[ $# -eq 2 ] || [ $# -eq 3 ] || die "usage: alertmanager.sh STATE PORT [WEBHOOK]"
need alerts prometheus-alertmanager amtool curl ss
STATE=$(state_directory "$1")
PORT=$2

WEBHOOK=${3:+", webhook_configs: [{ url: \"$3\", send_resolved: true }]"}

cat >"$STATE/alertmanager.yml" <<CONF
route: { receiver: one, group_by: [alertname], group_wait: 0s, group_interval: 1s }
receivers: [{ name: one$WEBHOOK }]
CONF

# shellcheck disable=SC2317 # called by `serve`
answers() {
    listens tcp "$1" "$PORT" && curl -sf -m 2 -o /dev/null "http://127.0.0.1:$PORT/-/ready"
}

serve answers "tcp 127.0.0.1:$PORT" \
    prometheus-alertmanager --config.file="$STATE/alertmanager.yml" --storage.path="$STATE/data" \
    --web.listen-address="127.0.0.1:$PORT" --cluster.listen-address= --log.level=warn
