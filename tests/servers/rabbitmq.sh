#!/usr/bin/env bash
# usage: rabbitmq.sh STATE PORT [--conf FILE]
# RabbitMQ (Debian's rabbitmq-server) in the foreground, on the loopback alone: AMQP 0-9-1 on
# 127.0.0.1:PORT, and on free ports its MQTT plugin, its management API, and what Erlang needs.
# It prints `ready tcp 127.0.0.1:PORT mqtt 127.0.0.1:MQTT management 127.0.0.1:MANAGEMENT`.
# User "admin", password "secret", an administrator; MQTT goes over the exchange amq.topic.
#
# STATE/ports  the ports, one `name number` a line: amqp, mqtt, management, distribution, epmd
# STATE/ctl    rabbitmqctl for this very server: STATE/ctl list_queues
# STATE/pid    the process id of the broker itself, to kill it
# A server that is started on the state and port of one that was killed has its ports and data.
#
# --conf FILE    add these lines to rabbitmq.conf, such as a TLS listener
source "$(dirname "${BASH_SOURCE[0]}")/foreground.sh"

USAGE="usage: rabbitmq.sh STATE PORT [--conf FILE]"
[ $# -ge 2 ] || die "$USAGE"
# The wrappers of the package change the user and the folders: what they wrap does not.
BIN=/usr/lib/rabbitmq/bin
need amqp "$BIN/rabbitmq-server" "$BIN/rabbitmqctl" erl epmd curl ss
STATE=$(state_directory "$1")
PORT=$2
shift 2
EXTRA=
while [ $# -gt 0 ]; do
    case $1 in
    --conf) EXTRA=${2:?$USAGE} ;;
    *) die "$USAGE" ;;
    esac
    shift 2
done

# free_port: one that nobody has, below those that the system gives to clients.
free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 12000))
        [ -n "$(ss -Htln "sport = :$port")" ] || break
    done
    echo "$port"
}

# port_of NAME: of the server that had this state before, else a free one.
port_of() {
    local port=
    [ ! -r "$STATE/ports" ] || port=$(awk -v name="$1" '$1 == name { print $2 }' "$STATE/ports")
    echo "${port:-$(free_port)}"
}

write_configuration() {
    cat <<CONF
listeners.tcp.1 = 127.0.0.1:$PORT
mqtt.listeners.tcp.1 = 127.0.0.1:$MQTT
mqtt.allow_anonymous = false
mqtt.exchange = amq.topic
management.tcp.ip = 127.0.0.1
management.tcp.port = $MANAGEMENT
default_user = admin
default_pass = secret
default_user_tags.administrator = true
loopback_users.none = true
vm_memory_high_watermark.absolute = 512MB
disk_free_limit.absolute = 50MB
log.console = true
log.console.level = warning
log.file = false
CONF
    [ -z "$EXTRA" ] || cat "$EXTRA"
}

# write_ctl: rabbitmqctl with the surroundings of this server.
write_ctl() {
    echo '#!/usr/bin/env bash'
    export -p | grep -E '^declare -x (RABBITMQ_|ERL_|HOME=)'
    printf 'exec "%s/rabbitmqctl" --quiet -n "%s" "$@"\n' "$BIN" "$RABBITMQ_NODENAME"
}

# shellcheck disable=SC2317 # called by `serve`
answers() {
    local port
    for port in "$PORT" "$MQTT" "$MANAGEMENT"; do
        listens tcp "$1" "$port" || return 1
    done
    curl -sf -m 2 -o /dev/null -u admin:secret \
        "http://127.0.0.1:$MANAGEMENT/api/health/checks/virtual-hosts"
}

MQTT=$(port_of mqtt)
MANAGEMENT=$(port_of management)
DISTRIBUTION=$(port_of distribution)
EPMD=$(port_of epmd)
printf '%s %s\n' amqp "$PORT" mqtt "$MQTT" management "$MANAGEMENT" \
    distribution "$DISTRIBUTION" epmd "$EPMD" >"$STATE/ports"

mkdir -p "$STATE/mnesia" "$STATE/log" "$STATE/home"
COOKIE=$STATE/home/.erlang.cookie
[ -f "$COOKIE" ] || (umask 377 && head -c 20 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$COOKIE")
echo '[rabbitmq_management,rabbitmq_mqtt].' >"$STATE/enabled_plugins"
write_configuration >"$STATE/rabbitmq.conf"

export HOME=$STATE/home
export RABBITMQ_NODENAME=rabbit$PORT@localhost RABBITMQ_USE_LONGNAME=false
export RABBITMQ_MNESIA_BASE=$STATE/mnesia RABBITMQ_LOG_BASE=$STATE/log RABBITMQ_PID_FILE=$STATE/pid
export RABBITMQ_CONFIG_FILE=$STATE/rabbitmq.conf RABBITMQ_CONF_ENV_FILE=/dev/null
export RABBITMQ_ENABLED_PLUGINS_FILE=$STATE/enabled_plugins
export RABBITMQ_DIST_PORT=$DISTRIBUTION ERL_EPMD_PORT=$EPMD ERL_EPMD_ADDRESS=127.0.0.1
export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}"
write_ctl >"$STATE/ctl"
chmod 755 "$STATE/ctl"

# What it says of itself does not belong between our lines. As for systemd, its script becomes the
# broker: one that stayed as its parent would leave an orphan when it is killed.
# shellcheck disable=SC2317 # called by `serve`
broker() {
    RUNNING_UNDER_SYSTEMD=true exec "$BIN/rabbitmq-server" >&2
}

# A name server of its own: the one that Erlang starts would outlive everything.
epmd -port "$EPMD" -address 127.0.0.1 </dev/null >/dev/null 2>&1 &
HELPERS+=($!)
serve answers "tcp 127.0.0.1:$PORT mqtt 127.0.0.1:$MQTT management 127.0.0.1:$MANAGEMENT" \
    broker
