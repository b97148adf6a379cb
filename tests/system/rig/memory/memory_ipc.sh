#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rig: inside memory=224M long
# Segments and queues that outlive their users: what stood in them, looked for from outside.
# shellcheck source=tests/system/rig/lib/sweep_lib.sh
. "$(dirname "$0")/../lib/sweep_lib.sh"

# ipc_make segment PAGES | queue NAME MESSAGES: the id, or nothing; the maker has ended then.
ipc_make() {
    python3 - "$marks_word" "$@" <<'PYTHON'
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
word, what = sys.argv[1].encode(), sys.argv[2]
def mark(number):
    return ctypes.c_char_p(word), b"%08d" % number
if what == "segment":
    pages = int(sys.argv[3])
    ident = libc.shmget(0, pages * 4096 * 4, 0o1600)  # three of four pages stay holes
    libc.shmat.restype = ctypes.c_void_p
    at = libc.shmat(ident, None, 0)
    assert ident >= 0 and at not in (None, ctypes.c_void_p(-1).value)
    for page in range(pages):
        ctypes.memmove(at + page * 16384, word, 8)
        ctypes.memmove(at + page * 16384 + 8, b"%08d" % page, 8)
    print(ident)
else:
    class Attributes(ctypes.Structure):
        _fields_ = [(name, ctypes.c_long) for name in
                    ("flags", "maxmsg", "msgsize", "curmsgs", "a", "b", "c", "d")]
    count = int(sys.argv[4])
    queue = libc.mq_open(b"/" + sys.argv[3].encode(), os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600,
                         ctypes.byref(Attributes(0, count, 4096, 0)))
    assert queue >= 0, ctypes.get_errno()
    buffer = ctypes.create_string_buffer(4000)
    for number in range(count):
        buffer[100:108] = word
        buffer[108:116] = b"%08d" % number
        assert libc.mq_send(queue, buffer, 4000, 0) == 0
PYTHON
}

echo "== a segment is overwritten and gone; holes of it stay holes"
id=$(ipc_make segment 512)
before=$(marks)
[ "$before" -ge 512 ] || fail "only $before marks"
order "memory:sysv:$id"
erase
same "exit status" "$status" 0
same level "$(field level)" clear
[ "$(marks)" -le $((before - 512)) ] || fail "$(marks) marks are left of $before"
[ -z "$(ipcs -m | awk -v id="$id" '$2 == id')" ] || fail "the segment is still there"
same "bytes overwritten" "$(jq .predicate.sanitization.passes[0].bytesWritten \
    "$(field bundle)/certificate.json")" $((512 * 4096))
verified
echo "$before marks before, $(marks) after"

echo "== the same order again: done, as the segment is gone"
erase
same "exit status" "$status" 0
same changed "$(field changed)" false

echo "== one that is attached is refused"
id=$(ipc_make segment 16)
order "memory:sysv:$id"
python3 -c "
import ctypes, time
libc = ctypes.CDLL(None)
libc.shmat.restype = ctypes.c_void_p
assert libc.shmat($id, None, 0)
print('attached', flush=True)
time.sleep(1000)" >attached &
holder=$!
while [ ! -s attached ]; do sleep 0.1; done
erase
refused opened
kill "$holder"
wait "$holder" || true
erase
same "exit status" "$status" 0

echo "== a queue is emptied and gone: freed, which is no level, and swept afterwards"
before=$(marks)
ipc_make queue jobs 10
[ "$(marks)" -ge $((before + 10)) ] || fail "no marks of messages"
order memory:mqueue:jobs
jq '.sweep = true' order.json >swept.json && mv swept.json order.json
rm order.json.p7s
"$EFFACE" approve order.json --key alice >>setup.out
"$EFFACE" approve order.json --key bob >>setup.out
erase
same "exit status" "$status" 4
same level "$(field level)" none
same "level of the sweep" "$(jq -r .targets[1].level run.json)" clear
left=$(marks)
[ "$left" -lt $((before + 10)) ] || fail "$left marks are left: the sweep reached no message"
echo "$before marks before the queue, $left after it was erased and memory swept"
# The kernel kept the messages in slabs; one that shares its page with something in use is left, and
# that is why the queue has no level.
jq -e '[.targets[1].exceptions[].code] | index("kernel-keeps")' run.json >/dev/null ||
    fail "what a sweep does not reach is not named"
verified
echo "all gone"
