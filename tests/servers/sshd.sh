#!/usr/bin/env bash
# usage: sshd.sh STATE PORT
# OpenSSH (Debian's) on 127.0.0.1:PORT (TCP), in the foreground. The user who runs the tests gets in
# with a key; passwords are asked for, and none is right.
#
# STATE/host, STATE/host.pub   the key of the host: removed, it has another one at its next start
# STATE/user                   the private key of the user
# STATE/log                    the log of the server
source "$(dirname "${BASH_SOURCE[0]}")/foreground.sh"

[ $# -eq 2 ] || die "usage: sshd.sh STATE PORT"
SSHD=/usr/sbin/sshd
need ssh "$SSHD" ssh-keygen ss
STATE=$(state_directory "$1")
PORT=$2
# The server wants this folder, which its package makes only at the start of its service.
[ -d /run/sshd ] || mkdir -p /run/sshd

for key in host user; do
    [ -f "$STATE/$key" ] || ssh-keygen -q -t ed25519 -N '' -f "$STATE/$key"
done
cp "$STATE/user.pub" "$STATE/authorized_keys"
cat >"$STATE/sshd_config" <<CONF
ListenAddress 127.0.0.1:$PORT
HostKey $STATE/host
AuthorizedKeysFile $STATE/authorized_keys
PidFile $STATE/sshd.pid
StrictModes no
UsePAM no
PasswordAuthentication yes
KbdInteractiveAuthentication no
PermitRootLogin yes
MaxStartups 100
LogLevel VERBOSE
# The shell of the user does not read its files for each command.
SetEnv SHLVL=9
CONF

# shellcheck disable=SC2317 # called by `serve`
answers() {
    listens tcp "$1" "$PORT"
}

serve answers "tcp 127.0.0.1:$PORT" "$SSHD" -D -E "$STATE/log" -f "$STATE/sshd_config"
