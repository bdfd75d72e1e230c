#!/usr/bin/env bash
# usage: deploy/image/build.sh [--tag NAME] [--archive FILE]
# Builds the image of utakata from this repository: the program, its workers, the workbench for
# profiles, the drill, the simulator of devices, certificates.
# Nothing is pulled. The programs are linked statically, so the image needs no base.
#
# --tag NAME       the name of the image; utakata:VERSION when not given
# --archive FILE   write the image to FILE, for `docker load` or `podman load` elsewhere, by tar
#                  alone: no docker is needed
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

USAGE="usage: deploy/image/build.sh [--tag NAME] [--archive FILE]"
TARGET=x86_64-unknown-linux-gnu
PROGRAMS=target/$TARGET/release
# What is in the image is made here; it is made anew each time.
OUT=target/image
CERTIFICATES=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}
# Somebody who owns nothing elsewhere. The same number in the Dockerfile.
OWNER=65532

die() {
    echo "build.sh: $*" >&2
    exit 1
}

VERSION=$(sed -n '/^\[workspace.package\]/,/^\[/ s/^version = "\(.*\)"/\1/p' Cargo.toml)
REVISION=$(git rev-parse HEAD 2>/dev/null || echo unknown)
MADE=$(git log -1 --format=%cI 2>/dev/null || date -Is)
TAG=utakata:$VERSION
ARCHIVE=
while [ $# -gt 0 ]; do
    case $1 in
    --tag) TAG=${2:?$USAGE} ;;
    --archive) ARCHIVE=${2:?$USAGE} ;;
    *) die "$USAGE" ;;
    esac
    shift 2
done

programs() {
    [ -r "$CERTIFICATES" ] ||
        die "there is no $CERTIFICATES: install ca-certificates, or set SSL_CERT_FILE"
    RUSTFLAGS="${RUSTFLAGS:-} -C target-feature=+crt-static" \
        cargo build --release --locked --target "$TARGET" -p utakata \
        -p utakata-worker-snmp -p utakata-worker-redfish -p utakata-worker-modbus -p utakata-worker-nut \
        -p utakata-worker-probe -p utakata-worker-http-json -p utakata-worker-scrape \
        -p utakata-worker-ssh -p utakata-worker-ipmi -p utakata-worker-libvirt \
        -p utakata-confine -p utakata-worker-exec -p utakata-workbench \
        -p utakata-drill -p utakata-simulator
}

# lay_out: what is in the image, as a folder.
lay_out() {
    local root=$OUT/root
    rm -rf "$OUT"
    mkdir -p "$root"/{data,etc/ssl/certs,usr/bin,usr/libexec/utakata,tmp}
    install -m 755 "$PROGRAMS/utakata" "$root/usr/bin/"
    install -m 755 "$PROGRAMS"/utakata-worker-{snmp,redfish,modbus,nut,probe,http-json,scrape,ssh,ipmi,libvirt,exec} \
        "$PROGRAMS"/utakata-{confine,workbench,drill,simulator} \
        "$root/usr/libexec/utakata/"
    install -m 644 "$CERTIFICATES" "$root/etc/ssl/certs/ca-certificates.crt"
    install -m 644 LICENSE "$root/usr/libexec/utakata/"
    echo "utakata:x:$OWNER:$OWNER:utakata:/data:/" >"$root/etc/passwd"
    echo "utakata:x:$OWNER:" >"$root/etc/group"
    echo "hosts: files dns" >"$root/etc/nsswitch.conf"
    chmod 700 "$root/data"
    chmod 1777 "$root/tmp"
}

# pack FILE FOLDER NAME...: the same content gives the same bytes.
pack() {
    tar --create --file "$1" --directory "$2" --sort name --mtime "$MADE" --numeric-owner \
        "${@:3}"
}

# layer: all is root's but the data.
layer() {
    pack "$OUT/root.tar" "$OUT/root" --owner 0 --group 0 --exclude ./data .
    pack "$OUT/data.tar" "$OUT/root" --owner "$OWNER" --group "$OWNER" ./data
    tar --concatenate --file "$OUT/root.tar" "$OUT/data.tar"
    rm -r "$OUT/root" "$OUT/data.tar"
}

# configuration LAYER: what the Dockerfile says, as the archive has it. Times are nanoseconds.
configuration() {
    cat <<JSON
{
  "architecture": "amd64",
  "os": "linux",
  "created": "$MADE",
  "config": {
    "User": "$OWNER:$OWNER",
    "ExposedPorts": { "7700/tcp": {} },
    "Env": ["PATH=/usr/bin", "UTAKATA_DATA=/data", "UTAKATA__LOGIC__HTTP__INSECURE=true"],
    "Entrypoint": ["/usr/bin/utakata"],
    "Cmd": ["up", "--listen", "0.0.0.0:7700"],
    "Healthcheck": {
      "Test": ["CMD", "/usr/bin/utakata", "environment", "list"],
      "Interval": 10000000000,
      "Timeout": 5000000000,
      "StartPeriod": 30000000000,
      "Retries": 3
    },
    "Volumes": { "/data": {} },
    "WorkingDir": "/data",
    "Labels": {
      "org.opencontainers.image.title": "utakata",
      "org.opencontainers.image.description": "Observes and controls the equipment of a data centre",
      "org.opencontainers.image.licenses": "Apache-2.0",
      "org.opencontainers.image.version": "$VERSION",
      "org.opencontainers.image.revision": "$REVISION"
    }
  },
  "rootfs": { "type": "layers", "diff_ids": ["sha256:$1"] }
}
JSON
}

digest() {
    sha256sum "$1" | cut -d ' ' -f 1
}

# archive: as `docker save` writes it.
archive() {
    local folder=$OUT/archive layer name
    layer=$(digest "$OUT/root.tar")
    mkdir -p "$folder"
    mv "$OUT/root.tar" "$folder/$layer.tar"
    configuration "$layer" >"$OUT/configuration.json"
    name=$(digest "$OUT/configuration.json").json
    mv "$OUT/configuration.json" "$folder/$name"
    printf '[{"Config":"%s","RepoTags":["%s"],"Layers":["%s.tar"]}]\n' "$name" "$TAG" "$layer" \
        >"$folder/manifest.json"
    pack "$ARCHIVE" "$folder" --owner 0 --group 0 manifest.json "$name" "$layer.tar"
    echo "$TAG is in $ARCHIVE: docker load --input $ARCHIVE"
}

image() {
    command -v docker >/dev/null || die "docker is not here: give --archive FILE"
    docker build --quiet --file deploy/image/Dockerfile --tag "$TAG" \
        --build-arg VERSION="$VERSION" --build-arg REVISION="$REVISION" "$OUT" >/dev/null
    docker image inspect --format "$TAG: {{ .Size }} bytes" "$TAG"
}

programs
lay_out
layer
if [ -n "$ARCHIVE" ]; then archive; else image; fi
