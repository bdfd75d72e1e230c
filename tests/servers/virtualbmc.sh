#!/usr/bin/env bash
# usage: virtualbmc.sh STATE PORT URI MACHINE
# OpenStack's virtualbmc on 127.0.0.1:PORT (UDP), in the foreground: the BMC, by IPMI, of a virtual
# machine of the libvirtd at URI. User "admin", password "secret". Its power, and no sensors.
source "$(dirname "${BASH_SOURCE[0]}")/foreground.sh"

[ $# -eq 4 ] || die "usage: virtualbmc.sh STATE PORT URI MACHINE"
need world "$TOOLS/world/bin/vbmc" ss
STATE=$(state_directory "$1")
PORT=$2

# One of those that vbmcd starts, without vbmcd: it would need a port of its own to be told which.
cat >"$STATE/bmc.py" <<'BMC'
import sys
from virtualbmc.vbmc import VirtualBMC
port, uri, machine = sys.argv[1:]
bmc = VirtualBMC("admin", "secret", int(port), "127.0.0.1", machine, uri)
bmc.listen(timeout=1)
BMC

# shellcheck disable=SC2317 # called by `serve`
answers() {
    listens udp "$1" "$PORT"
}

serve answers "udp 127.0.0.1:$PORT" "$TOOLS/world/bin/python" "$STATE/bmc.py" "$PORT" "$3" "$4"
