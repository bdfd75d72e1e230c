#!/usr/bin/env bash
# usage: libvirtd.sh STATE PORT MACHINES
# libvirtd (Debian's libvirt-daemon) on 127.0.0.1:PORT (TCP, nobody is asked who he is) and on
# STATE/libvirt-sock, in the foreground, with its test driver: MACHINES virtual machines in memory,
# vm1 and so on, all of them running. `virsh -c test+tcp://127.0.0.1:PORT/default` sees the same.
source "$(dirname "${BASH_SOURCE[0]}")/foreground.sh"

[ $# -eq 3 ] || die "usage: libvirtd.sh STATE PORT MACHINES"
need libvirt libvirtd virsh ss
STATE=$(state_directory "$1")
PORT=$2
MACHINES=$3
URI="test+unix:///default?socket=$STATE/libvirt-sock"

cat >"$STATE/libvirtd.conf" <<CONF
listen_tls = 0
listen_tcp = 1
tcp_port = "$PORT"
listen_addr = "127.0.0.1"
auth_tcp = "none"
auth_unix_rw = "none"
auth_unix_ro = "none"
unix_sock_dir = "$STATE"
host_uuid = "3f6b9c2e-0000-4000-8000-000000000001"
CONF

# The test driver forgets all when nobody is connected: somebody is, until the end.
keep() {
    local at
    until [ -S "$STATE/libvirt-sock" ]; do sleep 0.05; done
    {
        for ((at = 1; at <= MACHINES; at++)); do
            cat >"$STATE/vm$at.xml" <<XML
<domain type='test'><name>vm$at</name>
<uuid>$(printf '00000000-0000-4000-8000-%012d' "$at")</uuid>
<memory unit='MiB'>$((1024 * at))</memory><vcpu>$at</vcpu>
<os><type arch='x86_64'>hvm</type></os></domain>
XML
            echo "define $STATE/vm$at.xml"
            echo "start vm$at"
        done
        echo "echo --err kept"
        while sleep 1; do :; done
    } | exec virsh -q -c "$URI" >"$STATE/keeper.log" 2>&1
}

# shellcheck disable=SC2317 # called by `serve`
answers() {
    listens tcp "$1" "$PORT" && grep -q kept "$STATE/keeper.log" 2>/dev/null
}

# libvirtd of root keeps files in /run/libvirt, of which a second one is told that they are taken: each
# has its own. That of anybody else keeps them where it is told.
# shellcheck disable=SC2317 # called by `serve`
libvirtd_of_its_own() {
    local run=$STATE/run
    mkdir -p "$run"
    set -- libvirtd -f "$STATE/libvirtd.conf" -p "$STATE/pid" --listen
    if [ "$(id -u)" = 0 ]; then
        mkdir -p /run/libvirt # a fresh machine has none
        exec unshare -m sh -c 'mount --bind "$1" /run/libvirt && shift && exec "$@"' sh "$run" "$@"
    fi
    XDG_RUNTIME_DIR=$run exec "$@"
}

keep &
HELPERS+=($!)
serve answers "tcp 127.0.0.1:$PORT" libvirtd_of_its_own
