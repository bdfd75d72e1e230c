
# Names of targets, kinds and environments, from the server that is meant.
function __fish_utakata_names
    set -l words (commandline -opc)
    $words[1] complete-names -- $words[2..] (commandline -ct) 2>/dev/null
end
complete -c utakata -f -a '(__fish_utakata_names)'
