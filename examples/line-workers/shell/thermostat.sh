#!/bin/bash
# One task, in the environment; what is secret of it comes by standard input. One line of answer.
say() { printf '{"status": "%s"%s}\n' "$1" "$2"; exit; }
exec 3<>"/dev/tcp/${UTAKATA_ADDRESS%:*}/${UTAKATA_ADDRESS##*:}" ||
    say failed ', "problem": {"code": "unreachable", "message": "it does not answer", "cure": "retry"}'
case $UTAKATA_ACTION in
read) echo get >&3 ;;
set) echo "set $UTAKATA_PARAMETER_CELSIUS" >&3 ;;
esac
read -r answer <&3 || exit 1 # No answer: of a set, nobody knows then whether it was done.
case $UTAKATA_ACTION/$answer in
set/ok) say succeeded ;;
set/no) say failed ;; # By its protocol a refusal: nothing was begun.
set/*) say unknown ;; # Anything else proves nothing.
esac
say succeeded ', "readings": [{"metric": "hw.temperature", "unit": "Cel", "value": '"$answer"'}]'
