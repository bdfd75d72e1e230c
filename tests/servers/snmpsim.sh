#!/usr/bin/env bash
# usage: snmpsim.sh STATE PORT RECORDINGS
# Plays back recordings of real devices (PyPI snmpsim) on 127.0.0.1:PORT (UDP), in the
# foreground; state under STATE. RECORDINGS is a folder of NAME.snmprec: the v2c community NAME
# reads that device; v3 user "utakata" (SHA-256 authsecret1, AES-128 privsecret1), context NAME.
#
# For fidelity, not for speed: it answers a few hundred requests a second, takes a SET of a
# read-only object without an error, and does not answer an unknown community.
source "$(dirname "${BASH_SOURCE[0]}")/foreground.sh"

[ $# -eq 3 ] || die "usage: snmpsim.sh STATE PORT RECORDINGS"
need snmp "$TOOLS/snmp/bin/snmpsim-command-responder" snmpgetnext ss
STATE=$(state_directory "$1")
PORT=$2
RECORDINGS=$(cd "$3" && pwd)
FILES=("$RECORDINGS"/*.snmprec)
[ -f "${FILES[0]}" ] || die "no .snmprec file in $RECORDINGS"
FIRST=$(basename "${FILES[0]}" .snmprec)

# A private copy: the index files go beside it, and two servers must not share them.
mkdir -p "$STATE/cache" "$STATE/data"
cp -- "$RECORDINGS"/*.snmprec "$STATE/data/"

# shellcheck disable=SC2317 # called by `serve`
answers() {
    listens udp "$1" "$PORT" &&
        snmpgetnext -v2c -c "$FIRST" -r0 -t1 "127.0.0.1:$PORT" .1.3 >/dev/null 2>&1
}

export SNMP_PERSISTENT_DIR="$STATE/persist" SNMPSIM_ALLOW_ROOT=true
# The engine comes before what belongs to it: its data, users and address.
serve answers "udp 127.0.0.1:$PORT" \
    "$TOOLS/snmp/bin/snmpsim-command-responder" \
    --process-user="$(id -un)" --process-group="$(id -gn)" \
    --cache-dir="$STATE/cache" --logging-method=stderr --log-level=error \
    --v3-engine-id=auto --data-dir="$STATE/data" \
    --v3-user=utakata --v3-auth-key=authsecret1 --v3-auth-proto=SHA256 \
    --v3-priv-key=privsecret1 --v3-priv-proto=AES128 \
    --agent-udpv4-endpoint="127.0.0.1:$PORT"
