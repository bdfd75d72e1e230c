#!/usr/bin/env bash
# usage: deploy/compose/prepare.sh
# Makes passwords, and the files of compose.yaml that have them, below secrets/ beside it. What is
# there stays as it is: for new passwords, remove secrets/ and the volumes of the servers.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

ENVIRONMENTS=(hall-1-a hall-1-b hall-2-a hall-2-b)
ZONES=(hall-1 hall-2)
SECRETS=secrets

command -v openssl >/dev/null || {
    echo "prepare.sh: openssl is not installed" >&2
    exit 1
}

# write FILE: what comes by standard input, unless the file is there. Users within containers read
# it; other users of this host do not come into the folder.
write() {
    if [ -e "$SECRETS/$1" ]; then
        cat >/dev/null
        return
    fi
    cat >"$SECRETS/$1.new"
    chmod 444 "$SECRETS/$1.new"
    mv "$SECRETS/$1.new" "$SECRETS/$1"
}

# password NAME: the one that was made for it before, or a new one.
password() {
    openssl rand -hex 24 | write "password-$1"
    cat "$SECRETS/password-$1"
}

# hash PASSWORD: as RabbitMQ keeps it: four bytes of salt, and SHA-256 of these and the password.
hash() {
    local salt
    salt=$(openssl rand -hex 4 | sed 's/../\\x&/g')
    {
        printf '%b' "$salt"
        printf '%b%s' "$salt" "$1" | openssl dgst -sha256 -binary
    } | openssl base64 -A
}

# rabbitmq: the definitions, with a hash for each user, in their order.
rabbitmq() {
    local user hashes=()
    for user in utakata-le "${ZONES[@]/#/utakata-}"; do
        hashes+=("$user=$(hash "$(password "amqp-$user")")")
    done
    awk -v list="${hashes[*]}" '
        BEGIN {
            count = split(list, pairs, " ")
            for (i = 1; i <= count; i++) {
                at = index(pairs[i], "=")
                hash[substr(pairs[i], 1, at - 1)] = substr(pairs[i], at + 1)
            }
        }
        /"name":/ { split($0, parts, "\""); name = parts[4] }
        /"password_hash": ""/ { sub(/""/, "\"" hash[name] "\"") }
        { print }
    ' ../rabbitmq/definitions.json
}

# mosquitto: users and passwords; they are hashed in the container.
mosquitto() {
    local user
    for user in utakata-le "${ENVIRONMENTS[@]}" onlooker; do
        echo "$user:$(password "mqtt-$user")"
    done
}

# fill TEMPLATE WORD=VALUE...: the template with values for words. By a file of its own: what is on
# a command line can be seen by everybody on this host.
fill() {
    sed -f <(printf '%s\n' "${@:2}" | sed 's/\(.*\)=\(.*\)/s|\1|\2|g/') "$1"
}

# le NAME: the configuration of a logic environment.
le() {
    fill le.toml NAME="$1" STORE_PASSWORD="$(password store)" \
        AMQP_PASSWORD="$(password amqp-utakata-le)" MQTT_PASSWORD="$(password mqtt-utakata-le)"
}

# wee NAME ZONE: the configuration of an environment.
wee() {
    fill wee.toml NAME="$1" ZONE="$2" \
        AMQP_PASSWORD="$(password "amqp-utakata-$2")" MQTT_PASSWORD="$(password "mqtt-$1")"
}

mkdir -p "$SECRETS"
chmod 700 "$SECRETS"
openssl rand -hex 32 | write token
openssl rand -base64 32 | write site.key
openssl rand -base64 32 | write join
openssl rand -hex 24 | write postgres
password store | write utakata
rabbitmq | write rabbitmq.json
mosquitto | write mosquitto
for name in le-1 le-2; do
    le "$name" | write "$name.toml"
done
for name in "${ENVIRONMENTS[@]}"; do
    wee "$name" "${name%-*}" | write "$name.toml"
done
echo "all is in $PWD/$SECRETS; next: docker compose up --detach"
