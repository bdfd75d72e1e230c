# shellcheck shell=bash
# Sourced by the scripts in this folder: one way to start a server in the foreground.
#
# The caller says what it needs (`need`), then calls `serve`. A script prints one line
# `ready ...` on stdout when its server answers, and lasts until it is told to end (TERM, INT,
# HUP) or its server ends. With UTAKATA_SERVER_HOLD=1 it also ends when its stdin ends, so that
# a server never outlives the test that started it, however that test died.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(cd "$HERE/../.." && pwd)
# shellcheck disable=SC2034 # for those who source this
TOOLS=$ROOT/.tools
PATH=$PATH:/usr/sbin:/sbin
# Only ends a hang, also on a busy machine; and before the tests do, which know less.
PATIENCE=220
export MIBS="" # numbers, not names: no MIB files are needed

die() {
    echo "${0##*/}: $*" >&2
    exit 1
}

# need GROUP PROGRAM...: every program is there, or the way to get it is said.
need() {
    local group=$1 program
    shift
    for program in "$@"; do
        command -v "$program" >/dev/null ||
            die "$program is not installed; run tests/servers/install.sh $group"
    done
}

# state_directory PATH: make it, and print its absolute name.
state_directory() {
    mkdir -p "$1"
    (cd "$1" && pwd)
}

# listens udp|tcp PID PORT: this very process has the port, not somebody else on it.
listens() {
    local family=-u
    [ "$1" = tcp ] && family=-t
    ss -Hlnp "$family" "sport = :$3" 2>/dev/null | grep -q "pid=$2,"
}

SERVER=
WATCH=
HELPERS=() # what a script has started beside its server, to be ended with it

# What a server leaves behind; a script may have a function of its own.
clean_up() {
    :
}

end_server() {
    trap '' TERM INT HUP
    local helper
    for helper in $WATCH "${HELPERS[@]}"; do
        kill "$helper" 2>/dev/null || true
    done
    if [ -n "$SERVER" ] && kill "$SERVER" 2>/dev/null; then
        local i
        for ((i = 0; i < 40; i++)); do
            kill -0 "$SERVER" 2>/dev/null || break
            sleep 0.05
        done
        kill -KILL "$SERVER" 2>/dev/null || true
    fi
    clean_up
}

# serve PROBE READY COMMAND...: start COMMAND, wait until the function PROBE (given the
# pid) succeeds, print "ready READY", and stay until the end.
serve() {
    local probe=$1 ready=$2
    shift 2
    trap end_server EXIT
    trap 'exit 0' TERM INT HUP
    "$@" </dev/null &
    SERVER=$!
    local limit=$((SECONDS + PATIENCE))
    until "$probe" "$SERVER"; do
        kill -0 "$SERVER" 2>/dev/null || die "the server ended before it answered: $1"
        [ "$SECONDS" -lt "$limit" ] || die "no answer within $PATIENCE seconds: $1"
        sleep 0.05
    done
    echo "ready $ready"
    if [ "${UTAKATA_SERVER_HOLD:-}" = 1 ]; then
        # A background job gets /dev/null for stdin unless it is given one.
        { cat >/dev/null; kill -TERM $$; } <&0 2>/dev/null &
        WATCH=$!
    fi
    local status=0
    wait "$SERVER" || status=$?
    SERVER=
    exit "$status"
}
