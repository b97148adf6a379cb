#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Which pieces a sampling reads: python3 places.py SEED-HEX PIECES CONFIDENCE FRACTION (permille).
import hashlib
import math
import sys


def numbers(seed):
    counter = 0
    while True:
        block = hashlib.sha256(seed + counter.to_bytes(8, "big")).digest()
        yield from (int.from_bytes(block[i:i + 8], "big") for i in range(0, 32, 8))
        counter += 1


def below(stream, bound):
    while True:
        value = next(stream)
        if value < 2**64 - 2**64 % bound:
            return value % bound


def pieces(seed, total, confidence, fraction):
    needed = math.ceil(math.log(1 - confidence / 1000) / math.log(1 - fraction / 1000))
    if total <= needed + 2:
        return list(range(total))
    stream = numbers(seed)
    chosen = set()
    for last in range(total - 2 - needed, total - 2):
        candidate = below(stream, last + 1)
        chosen.add(last if candidate in chosen else candidate)
    return [0] + sorted(1 + piece for piece in chosen) + [total - 1]


if __name__ == "__main__":
    print(*pieces(bytes.fromhex(sys.argv[1]), *map(int, sys.argv[2:5])), sep=", ")
