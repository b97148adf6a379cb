#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# decommission.sh ORDER...: what a workflow without a person does with efface. Erases what each order
# names, verifies what it got, and says on one line per order what is to be done with the storage:
#   release | release-with-exceptions | keep | repair-station | ask-people | in-use | again | deliver
# Exits with 0 only if everything may be released. EFFACE_STATE_DIR names the state folder.
set -u

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

erase() { # ORDER: the exit status; the document is in $work/run.json
    local order=$1 tries=0 status
    while :; do
        efface erase --order "$order" --json </dev/null >"$work/run.json" 2>"$work/words"
        status=$?
        # Only these two get better by themselves: busy, and interrupted.
        [[ $status == 75 || $status == 8 ]] || return $status
        ((++tries < ${TRIES:-3})) || return $status
        sleep "${PAUSE:-1}"
    done
}

proved() { # every bundle of the run; what is not proved is not released
    local -a bundles
    mapfile -t bundles < <(jq -r '.targets[].bundle | select(. != "")' "$work/run.json")
    ((${#bundles[@]})) || return 1
    efface verify "${bundles[@]}" --json >"$work/verify.json" 2>>"$work/words"
}

for order; do
    erase "$order"
    status=$?
    case $status in
    0) if proved; then action=release; else action=keep; fi ;;
    4) if proved; then action=release-with-exceptions; else action=keep; fi ;;
    5) action=deliver ;;       # erased; the same command delivers the evidence
    3) action=keep ;;          # old data may be there, whatever else is said
    6) action=ask-people ;;    # approvals, dates, rights
    7) action=in-use ;;        # nothing was changed
    8 | 75) action=again ;;    # later
    2) action=fix-order ;;     # malformed, or the target is not there
    *) action=repair-station ;;
    esac
    reason=$(jq -r '(.error // .targets[0].error // {}) | .reason // "-"' "$work/run.json")
    changed=$(jq -r .changed "$work/run.json")
    printf '%s %s %s changed=%s reason=%s\n' "$(basename "$order")" "$status" "$action" "$changed" "$reason"
    [[ $action == release || $action == release-with-exceptions ]] || failed=1
done
exit $failed
