# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Sourced by the tests that have efface erase self-encrypting models behind the kernel's own stacks:
# passwords in files, and what stands on a medium behind the drive's back. After drive_lib.sh.

# Those of the models, unless an option says otherwise; and UIDs of methods (Core 2.01, section 6.3;
# Opal 2.30), as the model counts them.
# shellcheck disable=SC2034 # for those that source this
{
    psid=PSID0123456789PSID0123456789PSID
    msid=MSID0123456789MSID0123456789MSID
    locking_admin=the-admin-of-the-locking-sp
    reverts=tcg0000000600000202
    activates=tcg0000000600000203
    changes_of_keys=tcg0000000600000010
    start_sessions=tcg000000000000ff02
}

# with_password PASSWORD: the JSON of an order that has it in a file.
with_password() {
    printf '%s\n' "$1" >password
    jq -n --arg file "$PWD/password" '{credential_file: $file}'
}

# revert DEVICE TECHNIQUE PASSWORD: one order for it, carried out wholly.
revert() {
    purge "$1" "$2" "$(with_password "$3")"
}

# revert_in_background DEVICE TECHNIQUE PASSWORD: as in_background.
revert_in_background() {
    overwrite_in_background "$1" "$(with_password "$3" | jq --arg policy "$2" '. + {policy: $policy}')"
}

# all_changed BEFORE AFTER: no block of the one stands anywhere in the other, nor old data in it.
all_changed() {
    python3 - "$1" "$2" <<'PYTHON' || fail "what stood on the medium still stands there"
import sys
def blocks(path):
    content = open(path, "rb").read()
    return [content[at:at + 512] for at in range(0, len(content), 512)]
before = {block for block in blocks(sys.argv[1]) if len(set(block)) > 1}
after = blocks(sys.argv[2])
if len(before) < 1000 or not any(b"OLD-DATA" in block for block in before):
    sys.exit("the fixture is wrong: the medium held too little before")
left = [at for at, block in enumerate(after) if block in before or b"OLD-DATA" in block]
if left:
    sys.exit(f"{len(left)} blocks are left, the first {left[0]}")
PYTHON
}

# holds_old_data FILE: a medium that was not erased.
medium_holds_old_data() {
    grep -q OLD-DATA "$1" || fail "no old data on the medium: the fixture is wrong"
}

# told_nowhere PASSWORD: it stands in no file of this test but the one that it was given in, in no
# argument and no environment of a process, neither as it is nor in hexadecimal or Base64.
told_nowhere() {
    local patterns=$TMPDIR/patterns.$$ found
    printf '%s\n%s\n%s\n' "$1" "$(printf %s "$1" | od -An -v -tx1 | tr -d ' \n')" \
        "$(printf %s "$1" | base64 -w 0 | cut -c 1-40)" >"$patterns"
    found=$(grep -rlaiF -f "$patterns" .)
    same "files with the password" "$found" ./password
    found=$(grep -laiF -f "$patterns" /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null || true)
    same "processes with the password" "$found" ""
}
