#!/usr/bin/env bash
# usage: ipmi-sha256.sh STATE PORT
# A BMC made of pyghmi on 127.0.0.1:PORT (UDP), in the foreground, with what ipmi_sim lacks: cipher
# suite 17 alone, power by DCMI, sensors that are not linear, and states. User "admin", password
# "secret".
#
# STATE/power    the state of the power: on or off
# STATE/orders   what the chassis was told, a line each
source "$(dirname "${BASH_SOURCE[0]}")/foreground.sh"

[ $# -eq 2 ] || die "usage: ipmi-sha256.sh STATE PORT"
need ipmi "$TOOLS/ipmi/bin/python" ipmitool ss
STATE=$(state_directory "$1")
PORT=$2

# shellcheck disable=SC2317 # called by `serve`
answers() {
    listens udp "$1" "$PORT"
}

serve answers "udp 127.0.0.1:$PORT" "$TOOLS/ipmi/bin/python" "$HERE/ipmi-sha256.py" "$STATE" "$PORT"
