#!/usr/bin/env bash
# usage: deploy/image/worker.sh KIND [--tag NAME] [--archive FILE]
# Builds an image of one of the kinds that come with utakata, for workers in containers or as pods:
# its program, linked statically, and its manifest. Nothing is pulled.
#
# KIND             snmp, apc-pdu, raritan-pdu, ups, cisco-env, redfish, modbus, nut, probe, http-json, servertech-pdu, scrape, ssh, ipmi, libvirt
# --tag NAME       the name of the image; utakata-worker-KIND:VERSION when not given
# --archive FILE   write the image to FILE, for `docker load` elsewhere, by tar alone
#
# PROGRAM=FILE takes a program that is built already. The version is that of the kind with .1 after
# it: a version means one release, and this is another one than the program's.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

USAGE="usage: deploy/image/worker.sh KIND [--tag NAME] [--archive FILE]"
TARGET=x86_64-unknown-linux-gnu
OUT=target/image-worker
OWNER=65532

die() {
    echo "worker.sh: $*" >&2
    exit 1
}

KIND=${1:-}
[ -n "$KIND" ] || die "$USAGE"
shift
RELEASE=$(echo workers/*/releases/"$KIND")
[ -r "$RELEASE/worker.toml" ] || die "there is no kind $KIND: $(cd workers && echo */releases/*)"
TAG='' ARCHIVE=''
while [ $# -gt 0 ]; do
    case $1 in
    --tag) TAG=${2:?$USAGE} ;;
    --archive) ARCHIVE=${2:?$USAGE} ;;
    *) die "$USAGE" ;;
    esac
    shift 2
done
MADE=$(git log -1 --format=%cI 2>/dev/null || date -Is)
NAME=$(sed -n 's/^program = "\(.*\)"/\1/p' "$RELEASE/worker.toml" | head -n 1)
VERSION=$(sed -n 's/^version = "\(.*\)"/\1/p' "$RELEASE/worker.toml" | head -n 1).1
: "${TAG:=utakata-worker-$KIND:$VERSION}"

# manifest: that of the kind, with a version of its own, and a network: a container has none.
manifest() {
    sed -e "0,/^version = /s/^version = .*/version = \"$VERSION\"/" \
        -e '/^program = /a network = "bridge"' "$RELEASE/worker.toml"
}

program() {
    if [ -n "${PROGRAM:-}" ]; then
        echo "$PROGRAM"
        return
    fi
    RUSTFLAGS="${RUSTFLAGS:-} -C target-feature=+crt-static" \
        cargo build --release --locked --target "$TARGET" -p "$NAME" >&2
    echo "target/$TARGET/release/$NAME"
}

# pack FILE FOLDER NAME...: the same content gives the same bytes.
pack() {
    tar --create --file "$1" --directory "$2" --sort name --mtime "$MADE" --numeric-owner \
        --owner 0 --group 0 "${@:3}"
}

digest() {
    sha256sum "$1" | cut -d ' ' -f 1
}

# text FILE: as a text of JSON.
text() {
    sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/\t/\\t/g' -e 's/$/\\n/' "$1" | tr -d '\n'
}

# archive FILE: as `docker save` writes it.
archive() {
    local folder=$OUT/archive layer configuration
    mkdir -p "$folder"
    layer=$(digest "$OUT/layer.tar")
    cp "$OUT/layer.tar" "$folder/$layer.tar"
    cat >"$OUT/configuration.json" <<JSON
{
  "architecture": "amd64",
  "os": "linux",
  "created": "$MADE",
  "config": {
    "User": "$OWNER:$OWNER",
    "Entrypoint": ["/$NAME"],
    "Labels": { "org.utakata.manifest": "$(text "$OUT/files/worker.toml")" }
  },
  "rootfs": { "type": "layers", "diff_ids": ["sha256:$layer"] }
}
JSON
    configuration=$(digest "$OUT/configuration.json").json
    mv "$OUT/configuration.json" "$folder/$configuration"
    printf '[{"Config":"%s","RepoTags":["%s"],"Layers":["%s.tar"]}]\n' \
        "$configuration" "$TAG" "$layer" >"$folder/manifest.json"
    pack "$1" "$folder" manifest.json "$configuration" "$layer.tar"
}

rm -rf "$OUT"
mkdir -p "$OUT/files/tmp"
chmod 1777 "$OUT/files/tmp"
install -m 755 "$(program)" "$OUT/files/$NAME"
manifest >"$OUT/files/worker.toml"
chmod 644 "$OUT/files/worker.toml"
pack "$OUT/layer.tar" "$OUT/files" .
if [ -n "$ARCHIVE" ]; then
    archive "$ARCHIVE"
    echo "$TAG is in $ARCHIVE: docker load --input $ARCHIVE"
else
    command -v docker >/dev/null || die "docker is not here: give --archive FILE"
    archive "$OUT/image.tar"
    docker load --quiet --input "$OUT/image.tar"
fi
rm -rf "$OUT"
