#!/usr/bin/env bash
# usage: openid.sh STATE PORT
# oidc-provider, a certified OpenID provider, at http://127.0.0.1:PORT, in the foreground. Its people
# are those of STATE/accounts.json, by subject, read each time:
#   {"0042": {"preferred_username": "ana", "groups": ["netops"]}}
# Any password is right. Clients, each with the device flow and the redirect
# http://127.0.0.1:ANY/v1/login/callback, and PKCE needed of all:
#   utakata       with the secret "a secret: 100% +/=?"
#   public        without one; ID tokens are signed with ES256
#   browser-only  without one, and without the device flow
# IN_ID_TOKEN=1: names and groups are in the ID token; otherwise they are asked for with the access
# token. openid/person.mjs is a person with a browser.
source "$(dirname "${BASH_SOURCE[0]}")/foreground.sh"

[ $# -eq 2 ] || die "usage: openid.sh STATE PORT"
need openid node ss
LIBRARY=$TOOLS/openid/node_modules/oidc-provider/lib/index.js
[ -e "$LIBRARY" ] || die "oidc-provider is not installed; run tests/servers/install.sh openid"
STATE=$(state_directory "$1")
PORT=$2
[ -e "$STATE/accounts.json" ] || echo '{}' >"$STATE/accounts.json"

# shellcheck disable=SC2317 # called by `serve`
answers() {
    listens tcp "$1" "$PORT"
}

serve answers "tcp 127.0.0.1:$PORT" node "$HERE/openid/provider.mjs" "$LIBRARY" "$STATE" "$PORT"
