#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside
# Eight sectors of the metadata region can be neither read nor written: never plain sanitized, the
# place is named, and everything around it is gone.
# shellcheck source=tests/system/rig/lib/lib.sh
. "$(dirname "$0")/../lib/lib.sh"

below=$(disk below 64)
sectors=$(blockdev --getsz "$below")
bad=20480 # 10 MiB in, inside the keyslots area
dmsetup create worn --table "0 $sectors linear $below 0"
luks /dev/mapper/worn
cryptsetup open --key-file passphrase /dev/mapper/worn volume
fill volume
cryptsetup close volume
head -c "${metadata_mib}M" "$below" >old
project /dev/mapper/worn
dmsetup suspend worn
dmsetup load worn <<TABLE
0 $bad linear $below 0
$bad 8 error
$((bad + 8)) $((sectors - bad - 8)) linear $below $((bad + 8))
TABLE
dmsetup resume worn

erase
case $status in
3) [ "$(volume_field status)" = not-sanitized ] || fail "status is $(volume_field status)" ;;
4) [ "$(volume_field status)" = sanitized-with-exceptions ] ||
    fail "status is $(volume_field status)" ;;
*) fail "exit status $status, not 3 or 4" ;;
esac
jq -e --argjson place $((bad * 512)) '[.predicate.volumes[0].locations[0] | .. | numbers]
    | index($place)' "$(jq -r .bundle run.json)/certificate.json" >/dev/null ||
    fail "the certificate does not name the place"
left=$(left_of old "$below")
[ -z "$left" ] || [ "$left" = $((bad / 8)) ] || fail "old blocks are left elsewhere: ${left:0:200}"
verified
