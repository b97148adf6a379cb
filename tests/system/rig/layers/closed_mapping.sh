#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside long
# Volumes that were open, used and closed again are erased: LUKS1 and LUKS2, both usual ciphers.
# shellcheck source=tests/system/rig/lib/lib.sh
. "$(dirname "$0")/../lib/lib.sh"

one=$(disk one 64)
two=$(disk two 64)
three=$(disk three 64)
luks "$one" --type luks1 --cipher aes-xts-plain64 --key-size 512
luks "$two" --cipher aes-xts-plain64 --key-size 512
luks "$three" --cipher aes-cbc-essiv:sha256 --key-size 256
for device in "$one" "$two" "$three"; do
    cryptsetup open --key-file passphrase "$device" volume
    fill volume
    cryptsetup close volume
done
# A LUKS1 region ends where its payload begins; taking more would count ciphertext as metadata.
luks1_bytes=$(($(cryptsetup luksDump "$one" | sed -n 's/^Payload offset:[^0-9]*//p') * 512))
head -c "$luks1_bytes" "$one" >one.old
head -c "${metadata_mib}M" "$two" >two.old
head -c "${metadata_mib}M" "$three" >three.old
project "$one" "$two" "$three"

erase
[ "$status" -eq 0 ] || fail "exit status $status, not 0"
[ "$(jq -r '[.volumes[].status] | unique | join(" ")' run.json)" = sanitized ] ||
    fail "not every volume is sanitized"
expect_erased "$one" one.old
expect_erased "$two" two.old
expect_erased "$three" three.old
verified

# The same order again: the same certificate, nothing done.
digest=$(jq -r .certificateSha256 run.json)
erase
[ "$status" -eq 0 ] || fail "second run: exit status $status, not 0"
[ "$(jq -r .changed run.json)" = false ] || fail "second run: changed is not false"
[ "$(jq -r .certificateSha256 run.json)" = "$digest" ] || fail "second run: another certificate"
