#!/usr/bin/env bash
# usage: virtualpdu.sh STATE PORT URI MACHINES
# OpenStack's virtualpdu on 127.0.0.1:PORT (UDP), in the foreground: a rack PDU of APC whose outlet N
# feeds the virtual machine vmN of the libvirtd at URI. Community "private" (v1, v2c) may do all.
source "$(dirname "${BASH_SOURCE[0]}")/foreground.sh"

[ $# -eq 4 ] || die "usage: virtualpdu.sh STATE PORT URI MACHINES"
need world "$TOOLS/world/bin/virtualpdu" ss
STATE=$(state_directory "$1")
PORT=$2

ports=
for ((at = 1; at <= $4; at++)); do
    ports+=${ports:+,}$at:vm$at
done
cat >"$STATE/virtualpdu.ini" <<INI
[global]
libvirt_uri = $3
outlet_default_state = ON
[pdu]
listen_address = 127.0.0.1
listen_port = $PORT
community = private
ports = $ports
INI

# shellcheck disable=SC2317 # called by `serve`
answers() {
    listens udp "$1" "$PORT"
}

serve answers "udp 127.0.0.1:$PORT" "$TOOLS/world/bin/python" "$TOOLS/world/bin/virtualpdu" \
    "$STATE/virtualpdu.ini"
