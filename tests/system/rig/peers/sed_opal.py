#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sed_opal.py DEVICE COMMAND: the kernel's own Opal support (linux/sed-opal.h) as a peer of the drive
models. The password stands on standard input, without a line feed. `status` prints the flags;
the others print what the ioctl returns: 0, or the drive's own status. "errno N": the kernel refused."""

import fcntl
import struct
import sys

ADMIN1 = 0
READ_WRITE, LOCKED = 0x02, 0x04
FLAGS = ["supported", "locking-supported", "locking-enabled", "locked", "mbr-enabled", "mbr-done"]


def request(direction, number, size):
    return direction << 30 | size << 16 | ord("p") << 8 | number


def key(password):
    return struct.pack("BB6x256s", 0, len(password), password)


def session(password):
    return struct.pack("II", 0, ADMIN1) + key(password)


def status(device):
    flags, _ = struct.unpack("II", fcntl.ioctl(device, request(2, 236, 8), bytes(8)))
    print(" ".join(name for bit, name in enumerate(FLAGS) if flags >> bit & 1))


def main():
    commands = {  # number of the ioctl, and its argument
        "own": (222, key),
        "activate": (223, lambda password: key(password) + struct.pack("IB9B2x", 0, 1, *[0] * 9)),
        "revert": (226, key),
        "psid-revert": (232, key),
        "lock": (221, lambda password: session(password) + struct.pack("I4x", LOCKED)),
        "unlock": (221, lambda password: session(password) + struct.pack("I4x", READ_WRITE)),
    }
    with open(sys.argv[1], "rb") as device:
        if sys.argv[2] == "status":
            return status(device)
        number, encode = commands[sys.argv[2]]
        argument = encode(sys.stdin.buffer.read())
        print(fcntl.ioctl(device, request(1, number, len(argument)), bytearray(argument)))


try:
    main()
except OSError as error:
    print(f"errno {error.errno}")
