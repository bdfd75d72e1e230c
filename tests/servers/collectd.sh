#!/usr/bin/env bash
# usage: collectd.sh STATE SECONDS TARGETS
# collectd (Debian's collectd-core) with its SNMP plugin, in the foreground; to measure against.
# TARGETS is a file with one HOST:PORT on each line. Each is polled every SECONDS, by v2c and
# community "public": the up time and nine columns of ifTable, named by ifDescr. (collectd keeps
# numbers only: texts are read where they name a row.) The values stay in its memory; read them on
# the socket STATE/socket, with its LISTVAL and GETVAL.
source "$(dirname "${BASH_SOURCE[0]}")/foreground.sh"

[ $# -eq 3 ] || die "usage: collectd.sh STATE SECONDS TARGETS"
need bench collectd
STATE=$(state_directory "$1")
INTERVAL=$2
TARGETS=$3
[ -r "$TARGETS" ] || die "cannot read $TARGETS"
NAMES=(uptime octets errors type mtu speed admin oper)

# write_column NAME TYPE OID...: one column of ifTable, or two that belong together.
write_column() {
    printf '  <Data "%s">\n    Type "%s"\n    Table true\n' "$1" "$2"
    printf '    TypeInstanceOID ".1.3.6.1.2.1.2.2.1.2"\n    TypeInstancePrefix "%s-"\n' "$1"
    shift 2
    printf '    Values'
    printf ' ".1.3.6.1.2.1.2.2.1.%s"' "$@"
    printf '\n  </Data>\n'
}

write_configuration() {
    cat <<CONF
Hostname "localhost"
FQDNLookup false
BaseDir "$STATE"
PIDFile "$STATE/pid"
PluginDir "/usr/lib/collectd"
TypesDB "/usr/share/collectd/types.db"
Interval $INTERVAL
ReadThreads 8
LoadPlugin logfile
LoadPlugin unixsock
LoadPlugin snmp
<Plugin logfile>
  LogLevel warning
  File stderr
</Plugin>
<Plugin unixsock>
  SocketFile "$STATE/socket"
  SocketGroup "$(id -gn)"
</Plugin>
<Plugin snmp>
  <Data "uptime">
    Type "uptime"
    Values ".1.3.6.1.2.1.1.3.0"
  </Data>
CONF
    write_column octets if_octets 10 16
    write_column errors if_errors 14 20
    write_column type gauge 3
    write_column mtu gauge 4
    write_column speed gauge 5
    write_column admin gauge 7
    write_column oper gauge 8
    local target
    while read -r target; do
        [ -n "$target" ] || continue
        printf '  <Host "%s">\n    Address "%s"\n    Version 2\n' "$target" "$target"
        printf '    Community "public"\n    BulkSize 25\n    Collect'
        printf ' "%s"' "${NAMES[@]}"
        printf '\n  </Host>\n'
    done <"$TARGETS"
    echo '</Plugin>'
}

# shellcheck disable=SC2317 # called by `serve`
answers() {
    [ -S "$STATE/socket" ]
}

write_configuration >"$STATE/collectd.conf"
serve answers "unix $STATE/socket" collectd -f -C "$STATE/collectd.conf"
