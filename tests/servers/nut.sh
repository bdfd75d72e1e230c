#!/usr/bin/env bash
# usage: nut.sh STATE PORT [NAME=FILE]...
# Network UPS Tools (Debian's): upsd on 127.0.0.1:PORT (TCP), in the foreground, with one driver
# "dummy-ups" for each NAME, which tells what is in FILE (lines of `name: value`). User "admin",
# password "secret", may set every variable and run every command; "viewer" (the same password) may
# nothing of it.
#
# STATE/NAME.dev   what the driver tells: written anew, it tells the new values within a second. Its
#                  only command is load.off, which it does not know how to do.
# STATE/NAME.pid   the process id of the driver, to stop or to kill it
source "$(dirname "${BASH_SOURCE[0]}")/foreground.sh"

[ $# -ge 2 ] || die "usage: nut.sh STATE PORT [NAME=FILE]..."
UPSD=/lib/nut/upsd
DRIVER=/lib/nut/dummy-ups
need nut "$UPSD" "$DRIVER" upsc ss
STATE=$(state_directory "$1")
PORT=$2
shift 2
mkdir -p "$STATE/conf" "$STATE/state"
chmod 700 "$STATE/state"

write_configuration() {
    local pair name
    cat >"$STATE/conf/upsd.conf" <<CONF
LISTEN 127.0.0.1 $PORT
MAXAGE 5
STATEPATH $STATE/state
CONF
    cat >"$STATE/conf/upsd.users" <<CONF
[admin]
password = secret
actions = SET
instcmds = ALL
[viewer]
password = secret
CONF
    {
        echo "user = $(id -un)"
        echo "pollinterval = 1"
        echo "maxretry = 1"
        for pair in "$@"; do
            name=${pair%%=*}
            printf '[%s]\ndriver = dummy-ups\nport = %s.dev\n' "$name" "$STATE/$name"
        done
    } >"$STATE/conf/ups.conf"
    echo "MODE=netserver" >"$STATE/conf/nut.conf"
    chmod 640 "$STATE"/conf/*
}

# shellcheck disable=SC2317 # called by `serve`
answers() {
    listens tcp "$1" "$PORT" || return 1
    local name last
    for name in "${NAMES[@]}"; do
        # They become known one by one, in the order of the file.
        last=$(sed -n '$s/:.*//p' "$STATE/$name.dev")
        upsc "$name@127.0.0.1:$PORT" "$last" >/dev/null 2>&1 || return 1
    done
}

# A driver that a test has stopped ends once it goes on.
clean_up() {
    kill -CONT "${HELPERS[@]}" 2>/dev/null || true
}

NAMES=()
for PAIR in "$@"; do
    NAMES+=("${PAIR%%=*}")
    cp -- "${PAIR#*=}" "$STATE/${PAIR%%=*}.dev"
done
write_configuration "$@"
export NUT_CONFPATH=$STATE/conf NUT_STATEPATH=$STATE/state NUT_ALTPIDPATH=$STATE/state
export NUT_QUIET_INIT_UPSNOTIFY=true
for NAME in "${NAMES[@]}"; do
    "$DRIVER" -F -a "$NAME" -u "$(id -un)" </dev/null >"$STATE/$NAME.log" 2>&1 &
    HELPERS+=($!)
    echo $! >"$STATE/$NAME.pid"
done
serve answers "tcp 127.0.0.1:$PORT" "$UPSD" -F -u "$(id -un)"
