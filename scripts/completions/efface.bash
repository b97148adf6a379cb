# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# bash completion for efface(8)

_efface_command() { # the words that are neither options nor their values, up to the cursor
    local index word skip=0
    command=()
    for ((index = 1; index < COMP_CWORD; index++)); do
        word=${COMP_WORDS[index]}
        if ((skip)); then
            skip=0
        elif [[ $word == --@(state-dir|organization|site|station|role|key|approval|plan|events|workers|root|log-key|log) ]]; then
            skip=1
        elif [[ $word != -* ]]; then
            command+=("$word")
        fi
    done
}

_efface_options() {
    case "${command[0]:-} ${command[1]:-}" in
    "keys init") echo --organization --site --station ;;
    "keys issue") echo --role ;;
    plan\ *) echo -J --json ;;
    approve\ *) echo --key --approval ;;
    "project erase") echo --approval --plan -J --json --events --workers ;;
    verify\ *) echo --root --log-key --log -J --json ;;
    show\ *) echo -J --json ;;
    list\ *) echo -J --json ;;
    "log check") echo -J --json ;;
    *) echo --state-dir --version --help ;;
    esac
}

_efface() {
    local command current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local words='' kind=''
    _efface_command
    case $previous in
    --role) words="approver operator witness" ;;
    --state-dir | --log) kind=directory ;;
    --approval | --events | --root | --log-key) kind='file' ;;
    --organization | --site | --station | --workers | --key | --plan) return ;;
    *)
        if [[ $current == -* ]]; then
            words=$(_efface_options)
        else
            case "${command[*]:-}" in
            "") words="keys plan approve project verify show list log" ;;
            keys) words="init issue" ;;
            project) words="erase" ;;
            log) words="check" ;;
            plan | approve | "project erase" | verify | show) kind='file' ;;
            esac
        fi
        ;;
    esac
    compopt +o filenames 2>/dev/null
    case $kind in
    file) compopt -o filenames && mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    directory) compopt -o filenames && mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
    *) mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current") ;;
    esac
}
complete -F _efface efface
