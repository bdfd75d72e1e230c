
# Names of targets, kinds and environments, from the server that is meant.
_utakata_or_file() {
    local -a line names
    line=(${(z)LBUFFER})
    [[ $LBUFFER == *' ' ]] && line+=('')
    names=(${(f)"$($line[1] complete-names -- "${(@Q)line[2,-1]}" 2>/dev/null)"})
    if (( $#names )); then
        compadd -a names
    else
        _default "$@"
    fi
}

