#!/usr/bin/env bash
# usage: snmpd.sh STATE PORT [--addresses N] [--interfaces N] [--conf FILE]
# A real agent, net-snmp's, on 127.0.0.1:PORT (UDP), in the foreground; state under STATE.
#
# v1, v2c  community "public" reads, "private" writes
# v3       user        authentication       privacy
#          utakata     SHA-256 authsecret1  AES-128 privsecret1   authPriv
#          strong      SHA-512 authsecret1  AES-256 privsecret1   authPriv
#          authonly    SHA     authsecret1  none                  authNoPriv
#
# sysName, sysContact and sysLocation can be written. So can the objects of an eight-outlet APC
# PDU (PowerNet rPDU: load in tenths of an ampere, outlet commands) and, under
# 1.3.6.1.4.1.8072.9999.9999, one object of each type: .1.0 INTEGER, .2.0 Unsigned, .3.0 STRING,
# .4.0 OID. The agent answers wrongType, notWritable and noAccess as it should.
#
# --addresses N  answer on 127.20.0.1 and up (N addresses, 250 to a 127.20.X.0) instead
# --interfaces N N interfaces that do not change, in place of this machine's; of ifTable index, name,
#                type, MTU, speed, both states, octets and errors (no 64-bit counters)
# --conf FILE    add these lines to snmpd.conf
source "$(dirname "${BASH_SOURCE[0]}")/foreground.sh"

USAGE="usage: snmpd.sh STATE PORT [--addresses N] [--interfaces N] [--conf FILE]"
[ $# -ge 2 ] || die "$USAGE"
need snmp snmpd snmpget ss
STATE=$(state_directory "$1")
PORT=$2
shift 2
ADDRESSES=0
INTERFACES=0
EXTRA=
while [ $# -gt 0 ]; do
    case $1 in
    --addresses) ADDRESSES=${2:?$USAGE} ;;
    --interfaces) INTERFACES=${2:?$USAGE} ;;
    --conf) EXTRA=${2:?$USAGE} ;;
    *) die "$USAGE" ;;
    esac
    shift 2
done

write_configuration() {
    # A line for sysName, sysContact or sysLocation would make that object read-only.
    cat <<'CONF'
rocommunity public 127.0.0.0/8
rwcommunity private 127.0.0.0/8
createUser utakata SHA-256 authsecret1 AES privsecret1
rwuser utakata authpriv
createUser strong SHA-512 authsecret1 AES-256 privsecret1
rwuser strong authpriv
createUser authonly SHA authsecret1
rwuser authonly auth
dontLogTCPWrappersConnects yes
override -rw .1.3.6.1.4.1.8072.9999.9999.1.0 integer 42
override -rw .1.3.6.1.4.1.8072.9999.9999.2.0 uinteger 42
override -rw .1.3.6.1.4.1.8072.9999.9999.3.0 octet_str "forty-two"
override -rw .1.3.6.1.4.1.8072.9999.9999.4.0 object_id .1.3.6.1.4.1.42
CONF
    local pdu=.1.3.6.1.4.1.318.1.1.12 outlet
    echo "override $pdu.1.5.0 octet_str \"AP7921\""
    echo "override -rw $pdu.2.3.1.1.2.1 uinteger 37"
    for outlet in 1 2 3 4 5 6 7 8; do
        echo "override $pdu.3.3.1.1.2.$outlet octet_str \"Outlet $outlet\""
        echo "override -rw $pdu.3.3.1.1.4.$outlet integer 1"
    done
    local row
    for ((row = 1; row <= INTERFACES; row++)); do
        write_interface "$row"
    done
    [ -z "$EXTRA" ] || cat "$EXTRA"
}

# write_interface ROW: one row of ifTable (RFC 2863), and its ifName.
write_interface() {
    local entry=.1.3.6.1.2.1.2.2.1
    cat <<CONF
override $entry.1.$1 integer $1
override $entry.2.$1 octet_str "GigabitEthernet0/$1"
override $entry.3.$1 integer 6
override $entry.4.$1 integer 1500
override $entry.5.$1 uinteger 1000000000
override $entry.7.$1 integer 1
override $entry.8.$1 integer $((1 + $1 % 2))
override $entry.10.$1 counter $((1000000 * $1))
override $entry.14.$1 counter $1
override $entry.16.$1 counter $((2000000 * $1))
override $entry.20.$1 counter 0
override .1.3.6.1.2.1.31.1.1.1.1.$1 octet_str "Gi0/$1"
CONF
}

# On the command line: an agentaddress line in the file is cut after some 100 addresses.
LISTEN=()
FIRST=127.0.0.1
if [ "$ADDRESSES" -gt 0 ]; then
    FIRST=127.20.0.1
    for ((i = 0; i < ADDRESSES; i++)); do
        LISTEN+=("udp:127.20.$((i / 250)).$((i % 250 + 1)):$PORT")
    done
else
    LISTEN=("udp:$FIRST:$PORT")
fi

# shellcheck disable=SC2317 # called by `serve`
answers() {
    listens udp "$1" "$PORT" &&
        snmpget -v2c -c public -r0 -t1 -Oqv "$FIRST:$PORT" .1.3.6.1.2.1.1.3.0 >/dev/null 2>&1
}

WITHOUT=smux,mteTrigger,mteTriggerConf
[ "$INTERFACES" -eq 0 ] || WITHOUT=$WITHOUT,ifTable,ifXTable

mkdir -p "$STATE/persist"
(umask 077 && write_configuration >"$STATE/snmpd.conf")
export SNMP_PERSISTENT_DIR="$STATE/persist" SNMPCONFPATH="$STATE"
serve answers "udp $FIRST:$PORT" \
    snmpd -f -Le -C -c "$STATE/snmpd.conf" -I "-$WITHOUT" "${LISTEN[@]}"
