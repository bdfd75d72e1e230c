#!/usr/bin/env bash
# usage: postgres.sh STATE PORT [POSTGRES-OPTION...]
# PostgreSQL on 127.0.0.1:PORT (TCP), in the foreground; state under STATE. Started again with
# the same STATE it has the same databases, also after it was killed.
#
# Superuser "postgres", password "secret" (SCRAM), database "postgres". What is committed is on
# disk (fsync). More options are the server's own, such as: -c max_connections=5
#
# As root it runs as the user "postgres", who must be able to go through the folders above STATE.
source "$(dirname "${BASH_SOURCE[0]}")/foreground.sh"

[ $# -ge 2 ] || die "usage: postgres.sh STATE PORT [POSTGRES-OPTION...]"
# Debian keeps the programs of each version in a folder of its own: the newest is taken.
for folder in /usr/lib/postgresql/*/bin; do
    PATH=$folder:$PATH
done
need sql postgres initdb psql ss
STATE=$(state_directory "$1")
PORT=$2
shift 2
DATA=$STATE/data

AS_SERVER=()
if [ "$(id -u)" = 0 ]; then
    need sql setpriv
    AS_SERVER=(setpriv --reuid=postgres --regid=postgres --init-groups)
    chown postgres: "$STATE"
    "${AS_SERVER[@]}" test -w "$STATE" ||
        die "the user postgres cannot reach $STATE: a folder above it keeps others out"
fi
cd "$STATE"

# Processes of a server that was killed end a moment after it, and let the next one in then.
wait_for_the_last_one() {
    local limit=$((SECONDS + 10)) process is_there=1
    while [ -n "$is_there" ]; do
        is_there=
        for process in /proc/[0-9]*; do
            [ "$(readlink "$process/cwd" 2>/dev/null)" != "$DATA" ] || is_there=1
        done
        [ "$SECONDS" -lt "$limit" ] || die "another server uses $DATA"
        [ -z "$is_there" ] || sleep 0.02
    done
    # PostgreSQL believes in one that is dead, and that nobody has buried yet.
    rm -f "$DATA/postmaster.pid"
}

if [ ! -f "$DATA/PG_VERSION" ]; then
    echo secret >"$STATE/password"
    "${AS_SERVER[@]}" initdb --pgdata="$DATA" --username=postgres --auth=scram-sha-256 \
        --pwfile="$STATE/password" --no-sync --encoding=UTF8 --locale=C.UTF-8 >"$STATE/initdb.log" 2>&1 ||
        die "initdb failed: $(tail -n 5 "$STATE/initdb.log")"
fi
wait_for_the_last_one

# shellcheck disable=SC2317 # called by `serve`
answers() {
    listens tcp "$1" "$PORT" && PGPASSWORD=secret PGCONNECT_TIMEOUT=2 \
        psql -h 127.0.0.1 -p "$PORT" -U postgres -Atqc 'SELECT 1' >/dev/null 2>&1
}

serve answers "tcp 127.0.0.1:$PORT" \
    "${AS_SERVER[@]}" postgres -D "$DATA" -p "$PORT" -c listen_addresses=127.0.0.1 \
    -c unix_socket_directories= -c shared_buffers=32MB "$@"
