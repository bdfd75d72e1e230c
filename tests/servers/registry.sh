#!/usr/bin/env bash
# usage: registry.sh STATE PORT
# A registry of images (Debian's docker-registry) on 127.0.0.1:PORT, plain HTTP, in the foreground;
# what is pushed lies under STATE/data. Docker engines take a registry on the loopback without TLS.
source "$(dirname "${BASH_SOURCE[0]}")/foreground.sh"

[ $# -eq 2 ] || die "usage: registry.sh STATE PORT"
need docker docker-registry ss
STATE=$(state_directory "$1")
PORT=$2

cat >"$STATE/config.yml" <<CONF
version: 0.1
log:
  level: warn
storage:
  filesystem:
    rootdirectory: $STATE/data
  delete:
    enabled: true
http:
  addr: 127.0.0.1:$PORT
CONF

# shellcheck disable=SC2317 # called by `serve`
answers() {
    listens tcp "$1" "$PORT"
}

serve answers "tcp 127.0.0.1:$PORT" docker-registry serve "$STATE/config.yml"
