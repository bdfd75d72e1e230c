#!/usr/bin/env bash
# usage: dockerd.sh STATE PORT [DOCKERD-OPTION...]
#        dockerd.sh STATE clean
# A Docker engine of its own (Debian's docker.io) behind the socket STATE/docker.sock, in the
# foreground; images and containers under STATE. PORT is not used. It has no bridge and changes no
# rules of the firewall: its containers have the network "none" or "host".
#
# Started again with the same STATE it has the same images and containers, also after it was
# killed: containers outlive an engine that is killed, and are ended when it comes back (with
# --live-restore they go on). "clean" ends what is left of one that was killed.
#
# It needs root, and cgroups that it may write to.
source "$(dirname "${BASH_SOURCE[0]}")/foreground.sh"

[ $# -ge 2 ] || die "usage: dockerd.sh STATE PORT|clean [DOCKERD-OPTION...]"
need docker dockerd docker runc pgrep
[ "$(id -u)" = 0 ] || die "a Docker engine needs root: run the tests as root, or in a machine of their own"
STATE=$(state_directory "$1")
COMMAND=$2
shift 2
SOCKET=unix://$STATE/docker.sock

# What is under the engine outlives one that was killed, and keeps the next one from starting.
end_containerd() {
    pkill -KILL -f -- "containerd --config $STATE/exec/containerd/containerd.toml" || true
    rm -f "$STATE"/exec/containerd/containerd.{pid,sock,sock.ttrpc}
    # Another process may have its number by now.
    rm -f "$STATE/pid"
}

# Shims, and the containers below them, outlive an engine that was killed; mounts, too.
clean_up() {
    local shim mounted
    end_containerd
    for shim in $(pgrep -f -- "-address $STATE/exec/containerd/containerd.sock"); do
        pkill -KILL -P "$shim" || true
        kill -KILL "$shim" 2>/dev/null || true
    done
    # The innermost first.
    awk -v state="$STATE/" 'index($2, state) == 1 { print $2 }' /proc/mounts | sort -r |
        while read -r mounted; do umount -l "$mounted" || true; done
}

if [ "$COMMAND" = clean ]; then
    clean_up
    exit 0
fi

end_containerd

# shellcheck disable=SC2317 # called by `serve`
answers() {
    DOCKER_HOST=$SOCKET timeout 5 docker version >/dev/null 2>&1
}

# Not for whoever reads our line: what it starts keeps what it was given, and outlives it.
engine() {
    exec dockerd --host="$SOCKET" --data-root="$STATE/data" --exec-root="$STATE/exec" \
        --pidfile="$STATE/pid" --iptables=false --ip6tables=false --bridge=none \
        --log-level=warn --shutdown-timeout=1 "$@" >&2
}

serve answers "unix $STATE/docker.sock" engine "$@"
