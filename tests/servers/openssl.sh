#!/usr/bin/env bash
# usage: openssl.sh STATE PORT [DAYS]
# OpenSSL's own server on 127.0.0.1:PORT (TCP), in the foreground: TLS 1.2 and 1.3, and a page about
# the connection for whoever asks with HTTP. Its certificate is its own, for 127.0.0.1, and valid for
# DAYS days (30).
#
# STATE/server.crt   the certificate
source "$(dirname "${BASH_SOURCE[0]}")/foreground.sh"

[ $# -ge 2 ] || die "usage: openssl.sh STATE PORT [DAYS]"
need mqtt openssl ss
STATE=$(state_directory "$1")
PORT=$2
DAYS=${3:-30}

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days "$DAYS" \
    -subj "/CN=probe" -addext "subjectAltName=IP:127.0.0.1" -addext "basicConstraints=critical,CA:FALSE" \
    -keyout "$STATE/server.key" -out "$STATE/server.crt" 2>/dev/null

# shellcheck disable=SC2317 # called by `serve`
answers() {
    listens tcp "$1" "$PORT"
}

serve answers "tcp 127.0.0.1:$PORT" openssl s_server -quiet -www \
    -accept "127.0.0.1:$PORT" -cert "$STATE/server.crt" -key "$STATE/server.key"
