#!/usr/bin/env bash
# usage: deploy/release/verify.sh --key FILE.pub FOLDER
# Checks a release that make.sh has made: it was signed with the other half of this key, each file
# is as it was signed, and there is no other. It needs ssh-keygen (openssh-client) and sha256sum.
set -euo pipefail

USAGE="usage: deploy/release/verify.sh --key FILE.pub FOLDER"
PURPOSE=utakata-release

die() {
    echo "verify.sh: $*" >&2
    exit 1
}

[ $# -eq 3 ] && [ "$1" = --key ] || die "$USAGE"
[ -r "$2" ] || die "there is no $2"
KEY=$(cat "$2")
cd "$3"

signers=$(mktemp)
trap 'rm -f "$signers"' EXIT
echo "release namespaces=\"$PURPOSE\" $KEY" >"$signers"
ssh-keygen -q -Y verify -f "$signers" -I release -n "$PURPOSE" -s SHA256SUMS.sig <SHA256SUMS ||
    die "the checksums in $3 were not signed with this key"
sha256sum --check --strict --quiet SHA256SUMS || die "$3 is not as it was signed"
there=$(find . -mindepth 1 ! -name SHA256SUMS ! -name SHA256SUMS.sig -printf '%P\n' | LC_ALL=C sort)
signed=$(sed 's/^[0-9a-f]* [ *]//' SHA256SUMS | LC_ALL=C sort)
[ "$there" = "$signed" ] || die "$3 has a file that was not signed"
echo "$3 is as it was signed"
