#!/usr/bin/env bash
# usage: deploy/release/make.sh --key FILE --out FOLDER [PROGRAM...]
# Makes a release that others can check: the built programs, what they are made of
# (utakata.cdx.json, CycloneDX), their checksums (SHA256SUMS), and the signature of these
# (SHA256SUMS.sig), in a folder. verify.sh checks it.
#
# --key FILE    the key that signs: `ssh-keygen -t ed25519 -f release` makes one, its public half is
#               release.pub; it may be in an agent or on a token, as ssh-keygen knows them
# --out FOLDER  made anew
# PROGRAM       the files; all that deploy/image/build.sh has built when not given
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
BUILT=$HERE/../../target/x86_64-unknown-linux-gnu/release
USAGE="usage: deploy/release/make.sh --key FILE --out FOLDER [PROGRAM...]"
# A signature counts for this purpose alone. The same in verify.sh.
PURPOSE=utakata-release

die() {
    echo "make.sh: $*" >&2
    exit 1
}

KEY=
OUT=
while [ $# -gt 0 ]; do
    case $1 in
    --key) KEY=${2:?$USAGE} && shift 2 ;;
    --out) OUT=${2:?$USAGE} && shift 2 ;;
    -*) die "$USAGE" ;;
    *) break ;;
    esac
done
[ -n "$KEY" ] && [ -n "$OUT" ] || die "$USAGE"
[ ! -e "$OUT" ] || die "there is $OUT already"
if [ $# -eq 0 ]; then
    [ -x "$BUILT/utakata" ] || die "nothing is built: deploy/image/build.sh builds it"
    set -- "$BUILT"/utakata "$BUILT"/utakata-worker-{snmp,redfish,modbus,nut,probe,http-json} \
        "$BUILT"/utakata-worker-{scrape,ssh,ipmi,libvirt,exec} \
        "$BUILT"/utakata-{confine,workbench,drill,simulator}
fi

# Complete, or not there.
unfinished=$(mktemp -d "$OUT.XXXXXX")
trap 'rm -rf "$unfinished"' EXIT
install -m 755 "$@" "$unfinished/"
"$HERE/sbom.py" "${@##*/}" >"$unfinished/utakata.cdx.json"
install -m 644 "$HERE/../../LICENSE" "$unfinished/"
cd "$unfinished"
# First all of them, then the file: it must not find itself.
sums=$(sha256sum -- * | LC_ALL=C sort -k 2)
echo "$sums" >SHA256SUMS
cd - >/dev/null
ssh-keygen -q -Y sign -f "$KEY" -n "$PURPOSE" "$unfinished/SHA256SUMS"
chmod 755 "$unfinished"
mv "$unfinished" "$OUT"
trap - EXIT
echo "$OUT"
