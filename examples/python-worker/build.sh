#!/usr/bin/env bash
# usage: build.sh release DIR          the release as a folder: it runs with this machine's Python
#        build.sh image NAME [ROOT]    the image NAME, with a Python of its own
#
# An image is made FROM scratch on a root of Debian that debootstrap makes; with ROOT, a file, the
# root is kept there for the next time. UTAKATA_DEBIAN_MIRROR: from where it comes.
# Needs python3-grpcio; for an image root, debootstrap, and docker, too.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SDK=${UTAKATA_SDK:-$HERE/../../sdk/python}
MIRROR=${UTAKATA_DEBIAN_MIRROR:-http://deb.debian.org/debian}

die() {
    echo "build.sh: $*" >&2
    exit 1
}

release() {
    # The SDK lies beside the program: nothing needs to be installed.
    mkdir -p "$1/utakata_worker"
    install -m 644 "$SDK"/utakata_worker/*.py "$1/utakata_worker"
    install -m 755 "$HERE/worker.py" "$1"
    install -m 644 "$HERE/worker.toml" "$1"
}

# A small Debian with Python and gRPC, as an archive.
root() {
    local made
    made=$(mktemp -d)
    debootstrap --variant=minbase --include=python3,python3-grpcio,python3-protobuf bookworm "$made/root" "$MIRROR" >&2
    (cd "$made/root" && rm -rf var/cache/apt var/lib/apt/lists usr/share/doc usr/share/man usr/share/locale)
    tar -C "$made/root" --exclude='./dev/*' --exclude='./proc/*' --exclude='./sys/*' -cf "$1.new" .
    mv "$1.new" "$1"
    rm -rf "$made"
}

image() {
    local name=$1 kept=${2:-} work
    work=$(mktemp -d)
    # shellcheck disable=SC2064 # the folder of now
    trap "rm -rf '$work'" EXIT
    [ -n "$kept" ] || kept=$work/kept.tar
    [ -s "$kept" ] || root "$kept"
    ln "$kept" "$work/root.tar" 2>/dev/null || cp "$kept" "$work/root.tar"
    release "$work/release"
    printf 'FROM scratch\nADD root.tar /\nCOPY release/ /\n' >"$work/Dockerfile"
    DOCKER_BUILDKIT=0 docker build --quiet --tag "$name" \
        --label "org.utakata.manifest=$(cat "$HERE/worker.toml")" "$work"
}

case "${1:-}" in
release) [ $# -eq 2 ] || die "usage: build.sh release DIR" && release "$2" ;;
image) [ $# -ge 2 ] || die "usage: build.sh image NAME [ROOT]" && image "${@:2}" ;;
*) die "usage: build.sh release DIR | image NAME [ROOT]" ;;
esac
