#!/usr/bin/env bash
# usage: sushy.sh STATE PORT emulator SYSTEMS
#        sushy.sh STATE PORT machines URI
#        sushy.sh STATE PORT tree FOLDER
# OpenStack's sushy-tools on 127.0.0.1:PORT (TLS, with a certificate of its own), in the foreground.
#
# emulator   machines 10000000-0000-4000-8000-00000000000N whose power changes 1 to 11 s after it was
#            asked for; user "admin", password "secret", by Basic alone
# machines   the virtual machines of the libvirtd at URI, switched at once; the same user
# tree       the resources in FOLDER (an index.json in a folder for each), for anybody; every change
#            is answered 204, and nothing changes
source "$(dirname "${BASH_SOURCE[0]}")/foreground.sh"

[ $# -eq 4 ] || die "usage: sushy.sh STATE PORT emulator SYSTEMS | machines URI | tree FOLDER"
GROUP=redfish
[ "$3" != machines ] || GROUP=world
need $GROUP "$TOOLS/$GROUP/bin/sushy-emulator" openssl ss
STATE=$(state_directory "$1")
PORT=$2
BIN=$TOOLS/$GROUP/bin

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
    -subj "/CN=bmc" -keyout "$STATE/server.key" -out "$STATE/server.crt" 2>/dev/null

write_configuration() {
    mkdir -p "$STATE/state"
    "$BIN/python" - >"$STATE/users" <<'USERS'
import bcrypt
print("admin:" + bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode())
USERS
    cat <<CONF
SUSHY_EMULATOR_LISTEN_IP = '127.0.0.1'
SUSHY_EMULATOR_LISTEN_PORT = $PORT
SUSHY_EMULATOR_AUTH_FILE = '$STATE/users'
SUSHY_EMULATOR_STATE_DIR = '$STATE/state'
SUSHY_EMULATOR_SSL_CERT = '$STATE/server.crt'
SUSHY_EMULATOR_SSL_KEY = '$STATE/server.key'
CONF
}

write_systems() {
    local number
    cat <<CONF
SUSHY_EMULATOR_FAKE_DRIVER = True
SUSHY_EMULATOR_FAKE_SYSTEMS = [
CONF
    for ((number = 1; number <= $1; number++)); do
        printf "    {'uuid': '10000000-0000-4000-8000-%012d', 'name': 'srv%d',\n" "$number" "$number"
        printf "     'power_state': 'On', 'boot_device': 'Hdd', 'nics': []},\n"
    done
    echo "]"
}

# shellcheck disable=SC2317 # called by `serve`
answers() {
    listens tcp "$1" "$PORT"
}

serve_emulator() {
    serve answers "tcp 127.0.0.1:$PORT" "$BIN/python" "$BIN/sushy-emulator" \
        --config "$STATE/sushy.conf"
}

case $3 in
emulator)
    { write_configuration && write_systems "$4"; } >"$STATE/sushy.conf"
    serve_emulator
    ;;
machines)
    { write_configuration && echo "SUSHY_EMULATOR_LIBVIRT_URI = '$4'"; } >"$STATE/sushy.conf"
    serve_emulator
    ;;
tree)
    serve answers "tcp 127.0.0.1:$PORT" "$BIN/python" "$BIN/sushy-static" -i 127.0.0.1 -p "$PORT" \
        -m "$4" -c "$STATE/server.crt" -k "$STATE/server.key"
    ;;
*) die "no such server: $3" ;;
esac
