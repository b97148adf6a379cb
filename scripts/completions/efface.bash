# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# bash completion for efface(8): the program itself knows what may stand where.

_efface() {
    local line=${COMP_LINE:0:COMP_POINT} word answer kind=''
    local -a words=()
    read -ra words <<<"$line"
    [[ $line != *[[:space:]] ]] || words+=('')
    word=${words[-1]}
    COMPREPLY=()
    while IFS= read -r answer; do
        case $answer in
        :files | :folders) kind=$answer ;;
        *) COMPREPLY+=("${answer%%$'\t'*}") ;;
        esac
    done < <("${words[0]}" complete -- "${words[@]:1}" 2>/dev/null)
    case $kind in
    :files) mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "$word") ;;
    :folders) mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -d -- "$word") ;;
    esac
    [[ -z $kind || $word == memory:* ]] || compopt -o filenames 2>/dev/null
    # A colon ends a word for readline: what stands before it is taken off the answers.
    [[ $word != *:* || $COMP_WORDBREAKS != *:* ]] || COMPREPLY=("${COMPREPLY[@]#"${word%"${word##*:}"}"}")
}
complete -F _efface efface
