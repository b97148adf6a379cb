# SPDX-License-Identifier: Apache-2.0
# fish completion for efface(8): the program itself knows what may stand where.

function __efface_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for answer in ($words[1] complete -- $words[2..-1] $current 2>/dev/null)
        switch $answer
            case ':files'
                __fish_complete_path $current
            case ':folders'
                __fish_complete_directories $current
            case '*'
                echo $answer
        end
    end
end

complete -c efface -f -a '(__efface_complete)'
