#!/usr/bin/env bash
# usage: snmp-exporter.sh STATE PORT
# Prometheus' SNMP exporter (Debian's prometheus-snmp-exporter) on 127.0.0.1:PORT (TCP), in the
# foreground; to measure against. Poll a device, by v2c and community "public":
#   curl 'http://127.0.0.1:PORT/snmp?module=interfaces&target=127.20.0.1:1161'
# The module is written by hand, after RFC 3418 and RFC 2863: the scalars of the system group by
# GET, the rows of ifTable by GETBULK of 25, a metric for each column that snmpd.sh --interfaces
# has. The MIBs that the exporter's own modules are generated from are not free. The module `ups` has
# upsOutputSource of RFC 1628.
source "$(dirname "${BASH_SOURCE[0]}")/foreground.sh"

[ $# -eq 2 ] || die "usage: snmp-exporter.sh STATE PORT"
need bench prometheus-snmp-exporter curl ss
STATE=$(state_directory "$1")
PORT=$2

# write_metric NAME OID TYPE [INDEX]
write_metric() {
    printf '    - name: %s\n      oid: %s\n      type: %s\n      help: %s\n' "$1" "$2" "$3" "$1"
    [ $# -lt 4 ] || printf '      indexes:\n        - labelname: %s\n          type: gauge\n' "$4"
}

write_configuration() {
    local system=1.3.6.1.2.1.1 entry=1.3.6.1.2.1.2.2.1 scalar
    printf 'interfaces:\n  version: 2\n  max_repetitions: 25\n  retries: 1\n  timeout: 2s\n'
    printf '  auth:\n    community: public\n'
    printf '  walk:\n    - %s\n  get:\n' "$entry"
    for scalar in 1 2 3 4 5 6 7; do
        printf '    - %s.%s.0\n' "$system" "$scalar"
    done
    printf '  metrics:\n'
    write_metric sysDescr "$system.1" DisplayString
    write_metric sysUpTime "$system.3" gauge
    write_metric sysContact "$system.4" DisplayString
    write_metric sysName "$system.5" DisplayString
    write_metric sysLocation "$system.6" DisplayString
    write_metric sysServices "$system.7" gauge
    write_metric ifDescr "$entry.2" DisplayString ifIndex
    write_metric ifType "$entry.3" gauge ifIndex
    write_metric ifMtu "$entry.4" gauge ifIndex
    write_metric ifSpeed "$entry.5" gauge ifIndex
    write_metric ifAdminStatus "$entry.7" gauge ifIndex
    write_metric ifOperStatus "$entry.8" gauge ifIndex
    write_metric ifInOctets "$entry.10" counter ifIndex
    write_metric ifInErrors "$entry.14" counter ifIndex
    write_metric ifOutOctets "$entry.16" counter ifIndex
    write_metric ifOutErrors "$entry.20" counter ifIndex
    local source=1.3.6.1.2.1.33.1.4.1
    printf 'ups:\n  version: 2\n  retries: 1\n  timeout: 2s\n  auth:\n    community: public\n'
    printf '  get:\n    - %s.0\n  metrics:\n' "$source"
    write_metric upsOutputSource "$source" gauge
}

# shellcheck disable=SC2317 # called by `serve`
answers() {
    listens tcp "$1" "$PORT" && curl -sf -m 2 -o /dev/null "http://127.0.0.1:$PORT/metrics"
}

write_configuration >"$STATE/snmp.yml"
serve answers "tcp 127.0.0.1:$PORT" \
    prometheus-snmp-exporter --config.file="$STATE/snmp.yml" \
    --web.listen-address="127.0.0.1:$PORT" --log.level=warn
