#!/usr/bin/env bash
# usage: deploy/rabbitmq/add-zone.sh ZONE [USER] <password
# Makes the user for the environments of a zone, utakata-ZONE if none is named, with the rights of
# definitions.json; run it where rabbitmqctl reaches the broker. The password is one line of
# standard input. For a user who is there already only the rights are set.
#
# RABBITMQCTL   what to call in place of rabbitmqctl
# VHOST         the virtual host; utakata when not set
set -euo pipefail

USAGE="usage: deploy/rabbitmq/add-zone.sh ZONE [USER] <password"
ZONE=${1:?$USAGE}
USER=${2:-utakata-$ZONE}
VHOST=${VHOST:-utakata}
CTL=${RABBITMQCTL:-rabbitmqctl}

# A dot divides what a queue's name is made of; within the name of a zone it is written as ~.
WORD=${ZONE//./\~}
[[ $WORD =~ ^[A-Za-z0-9][A-Za-z0-9_~-]*$ ]] || {
    echo "add-zone.sh: \"$ZONE\" is not the name of a zone" >&2
    exit 2
}
KEY="$WORD\\.[^.]+\\.(control|observe)"

# rabbitmqctl reads standard input to its end, whether it wants it or not.
users() {
    "$CTL" --quiet list_users --no-table-headers </dev/null | cut -f 1
}

if ! grep -qxF -- "$USER" <<<"$(users)"; then
    read -r PASSWORD
    # By standard input: what is on a command line can be seen by everybody on this machine.
    "$CTL" --quiet add_user "$USER" <<<"$PASSWORD"
fi
"$CTL" --quiet set_permissions -p "$VHOST" "$USER" \
    "^utakata\\.$KEY\$" "^utakata\\.(tasks|dead|$KEY)\$" "^utakata\\.(tasks|$KEY)\$"
"$CTL" --quiet set_topic_permissions -p "$VHOST" "$USER" utakata.tasks "^$KEY\$" "^$KEY\$"
echo "$USER may do in $VHOST what environments of the zone $ZONE do"
