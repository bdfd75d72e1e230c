#!/usr/bin/env bash
# usage: mosquitto.sh STATE PORT [--acl FILE] [--user NAME]... [--tls] [--conf FILE]
# Mosquitto (Debian's) on 127.0.0.1:PORT (TCP), in the foreground: MQTT 3.1.1 and 5 on one port.
# User "admin", password "secret"; nobody else, and nobody without a password. What is retained,
# and what waits for a client that is away, is kept on disk, as of the last second.
#
# STATE/pid      the process id of the broker itself, to kill or to stop it
# STATE/ca.crt   with --tls: who vouches for the broker (127.0.0.1, localhost); STATE/client.crt and
#                STATE/client.key are for a client, STATE/other.crt vouches for nobody
#
# --acl FILE     who may read and write what; without it everybody may everything
# --user NAME    one more user, of the same password
# --tls          TLS alone, and only for clients with a certificate
# --conf FILE    add these lines to mosquitto.conf
source "$(dirname "${BASH_SOURCE[0]}")/foreground.sh"

USAGE="usage: mosquitto.sh STATE PORT [--acl FILE] [--user NAME]... [--tls] [--conf FILE]"
[ $# -ge 2 ] || die "$USAGE"
need mqtt mosquitto mosquitto_passwd openssl ss
STATE=$(state_directory "$1")
PORT=$2
shift 2
ACL=
TLS=
EXTRA=
USERS=(admin)
while [ $# -gt 0 ]; do
    case $1 in
    --acl) ACL=${2:?$USAGE} ;;
    --user) USERS+=("${2:?$USAGE}") ;;
    --conf) EXTRA=${2:?$USAGE} ;;
    --tls)
        TLS=1
        shift
        continue
        ;;
    *) die "$USAGE" ;;
    esac
    shift 2
done

write_users() {
    local user
    rm -f "$STATE/passwords"
    (umask 077 && : >"$STATE/passwords")
    for user in "${USERS[@]}"; do
        mosquitto_passwd -b "$STATE/passwords" "$user" secret
    done
}

# write_authority NAME: a certificate that signs others.
write_authority() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
        -subj "/CN=$1" -addext "keyUsage=critical,keyCertSign" \
        -keyout "$STATE/$1.key" -out "$STATE/$1.crt"
}

# write_certificate NAME EXTENSION: signed by the authority "ca".
write_certificate() {
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$1" \
        -keyout "$STATE/$1.key" -out "$STATE/$1.csr"
    openssl x509 -req -in "$STATE/$1.csr" -CA "$STATE/ca.crt" -CAkey "$STATE/ca.key" \
        -CAcreateserial -days 30 -extfile <(echo "$2") -out "$STATE/$1.crt"
}

write_certificates() {
    [ ! -e "$STATE/ca.crt" ] || return 0
    write_authority ca
    write_authority other
    write_certificate server "subjectAltName=IP:127.0.0.1,DNS:localhost"
    write_certificate client "extendedKeyUsage=clientAuth"
}

write_configuration() {
    # It stays the user that it is started as, and an own folder is its place.
    cat <<CONF
listener $PORT 127.0.0.1
user $(id -un)
pid_file $STATE/pid
allow_anonymous false
password_file $STATE/passwords
persistence true
persistence_location $STATE/
autosave_interval 1
set_tcp_nodelay true
max_queued_messages 100000
max_inflight_messages 100
log_dest stderr
log_type error
log_type warning
log_type notice
CONF
    [ -z "$ACL" ] || echo "acl_file $ACL"
    [ -z "$TLS" ] || cat <<CONF
cafile $STATE/ca.crt
certfile $STATE/server.crt
keyfile $STATE/server.key
require_certificate true
CONF
    [ -z "$EXTRA" ] || cat "$EXTRA"
}

# shellcheck disable=SC2317 # called by `serve`
answers() {
    listens tcp "$1" "$PORT"
}

write_users
[ -z "$TLS" ] || write_certificates 2>/dev/null
write_configuration >"$STATE/mosquitto.conf"
serve answers "tcp 127.0.0.1:$PORT" mosquitto -c "$STATE/mosquitto.conf"
