
# Names of targets, kinds and environments, from the server that is meant.
_utakata_with_names() {
    _utakata "$@"
    local name
    while IFS= read -r name; do
        COMPREPLY+=("$name")
    done < <("${COMP_WORDS[0]}" complete-names -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _utakata_with_names -o nosort -o bashdefault -o default utakata
