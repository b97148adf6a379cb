# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# bash completion for efface(8)

# Options whose next word is their value.
_efface_valued=(--state-dir --organization --site --station --role --key --approval --plan --out --events --workers
    --root --log-key --log --order --technique --pattern --verify --bad-blocks --min-rate --when-slow --deadline
    --when-late --max-temperature --when-hot --max-reallocated --max-pending --max-media-errors
    --max-hours --max-wear --min-spare)

_efface_command() { # the words that are neither options nor their values, up to the cursor
    local index word skip=0
    command=()
    state=()
    for ((index = 1; index < COMP_CWORD; index++)); do
        word=${COMP_WORDS[index]}
        if ((skip)); then
            skip=0
            [[ ${COMP_WORDS[index - 1]} != --state-dir ]] || state=(--state-dir "$word")
        elif [[ " ${_efface_valued[*]} " == *" $word "* ]]; then
            skip=1
        elif [[ $word != -* ]]; then
            command+=("$word")
        fi
    done
}

_efface_options() {
    local choices="--technique --pattern --verify --bad-blocks --min-rate --when-slow --deadline --when-late --max-temperature --when-hot --max-reallocated --max-pending --max-media-errors --max-hours --max-wear --min-spare --refuse-failing --sweep"
    case "${command[0]:-} ${command[1]:-}" in
    "keys init") echo --organization --site --station -J --json ;;
    "keys issue") echo --role -J --json ;;
    plan\ *) echo --order --out "$choices" -J --json ;;
    accept\ *) echo --key --reason --reject -J --json ;;
    approve\ *) echo --key --approval -J --json ;;
    erase\ *) echo --order --approval --plan "$choices" -J --json --events ;;
    "jobs forget") echo -J --json ;;
    status\ * | jobs\ * | certificates\ *) echo -J --json ;;
    resume\ *) echo -J --json --events ;;
    "project erase") echo --approval --plan -J --json --events --workers ;;
    verify\ *) echo --root --log-key --log --replay -J --json ;;
    show\ *) echo -J --json ;;
    list\ *) echo -J --json ;;
    "log check") echo --log --log-key -J --json ;;
    *) echo --state-dir --version --help ;;
    esac
}

_efface_devices() { # block devices that have a size: a loop device without a file has none
    local folder size
    for folder in /sys/class/block/*; do
        read -r size 2>/dev/null <"$folder/size" && [[ $size != 0 ]] && echo "/dev/${folder##*/}"
    done
}

_efface_memory() { # memory:KIND:PLACE
    local kind folder
    for kind in tmpfs ramfs hugetlbfs; do
        awk -v kind=$kind '$3 == kind { print "memory:" kind ":" $2 }' /proc/self/mounts
    done
    awk 'NR > 1 { print "memory:swap:" $1 }' /proc/swaps
    for folder in /sys/block/{zram,ram,pmem}[0-9]* /sys/bus/dax/devices/dax* /sys/bus/nd/devices/nmem* /sys/bus/cxl/devices/mem*; do
        [[ -e $folder ]] || continue
        case ${folder##*/} in
        zram*) kind=zram ;;
        ram*) kind=brd ;;
        pmem*) kind=pmem ;;
        dax*) kind=devdax ;;
        nmem*) kind=dimm ;;
        *) kind=cxl ;;
        esac
        echo "memory:$kind:${folder##*/}"
    done
    for folder in /sys/kernel/mm/hugepages/hugepages-*; do
        [[ ! -e $folder ]] || echo "memory:hugepages:${folder##*hugepages-}"
    done
    awk 'NR > 1 { print "memory:sysv:" $2 }' /proc/sysvipc/shm 2>/dev/null
    for folder in /dev/mqueue/*; do
        [[ ! -e $folder ]] || echo "memory:mqueue:${folder##*/}"
    done
    echo memory:file:/ memory:free
}

# A colon ends a word for readline: what stands before it is taken off the answers.
_efface_targets() {
    local whole=${COMP_LINE:0:COMP_POINT}
    whole=${whole##* }
    if [[ $whole == memory:* ]]; then
        compopt -o nospace
        mapfile -t COMPREPLY < <(compgen -W "$(_efface_memory)" -- "$whole")
        [[ $COMP_WORDBREAKS != *:* ]] || COMPREPLY=("${COMPREPLY[@]#"${whole%"${whole##*:}"}"}")
        return
    fi
    compopt -o filenames
    if [[ $whole == /dev/* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_efface_devices)" -- "$whole"; compgen -d -- "$whole")
    else
        mapfile -t COMPREPLY < <(compgen -W "$(_efface_devices) memory:" -- "$whole"; compgen -f -- "$whole")
    fi
    [[ ${COMPREPLY[*]} != memory: ]] || compopt +o filenames -o nospace
}

_efface() {
    local command state current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local words='' kind=''
    _efface_command
    case $previous in
    --role) words="approver operator witness" ;;
    --technique) words="overwrite-random overwrite-zero overwrite-pattern dod-5220.22-m dod-5220.22-m-ece hmg-is5-enhanced bsi-vsitr" ;;
    --verify) words="full representative none" ;;
    --bad-blocks) words="except fail" ;;
    --when-slow | --when-late) words="stop go-on" ;;
    --when-hot) words="pause stop go-on" ;;
    --state-dir | --log) kind=directory ;;
    --approval | --events | --root | --log-key | --order | --plan | --out) kind='file' ;;
    --organization | --site | --station | --workers | --key | --pattern | --min-rate | --deadline | --max-temperature | --max-reallocated | --max-pending | --max-media-errors | --max-hours | --max-wear | --min-spare) return ;;
    *)
        if [[ $current == -* ]]; then
            words=$(_efface_options)
        else
            case "${command[*]:-}" in
            "") words="keys plan accept approve erase status jobs resume project certificates verify show list log" ;;
            keys) words="init issue" ;;
            jobs) words="forget" ;;
            project) words="erase" ;;
            log) words="check" ;;
            plan* | erase*) kind=target ;;
            accept | approve | "project erase" | verify | show) kind='file' ;;
            resume) words=$("${COMP_WORDS[0]}" "${state[@]}" status 2>/dev/null | awk '$3 == "interrupted" { print $1 }') ;;
            esac
        fi
        ;;
    esac
    compopt +o filenames 2>/dev/null
    case $kind in
    target) _efface_targets ;;
    file) compopt -o filenames && mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    directory) compopt -o filenames && mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
    *) mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current") ;;
    esac
}
complete -F _efface efface
