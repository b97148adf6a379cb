# SPDX-License-Identifier: Apache-2.0
"""DER (X.690): elements and object identifiers."""
from common import need


def oid(text):
    numbers = [int(part) for part in text.split('.')]
    out = b''
    for number in [40 * numbers[0] + numbers[1]] + numbers[2:]:
        piece = [number & 0x7f]
        while number > 0x7f:
            number >>= 7
            piece.append(0x80 | (number & 0x7f))
        out += bytes(reversed(piece))
    return bytes([6, len(out)]) + out


class Der:
    """One DER element: tag, its whole bytes, its content."""

    def __init__(self, data, at=0):
        need(at + 2 <= len(data), 'a signature or certificate is truncated')
        self.tag, length, start = data[at], data[at + 1], at + 2
        need(self.tag & 0x1f != 0x1f and length != 0x80, 'a signature or certificate is not DER')
        if length > 0x80:
            count = length & 0x7f
            need(count <= 3 and start + count <= len(data), 'a signature or certificate is not DER')
            length = int.from_bytes(data[start:start + count], 'big')
            need(length >= 0x80 and length >> (8 * (count - 1)), 'a signature or certificate is not DER')
            start += count
        self.end = start + length
        need(self.end <= len(data), 'a signature or certificate is truncated')
        self.whole, self.content = data[at:self.end], data[start:self.end]

    def children(self, tag=None):
        """`tag`: what this element must be."""
        need(self.tag & 0x20 and tag in (None, self.tag), 'a signature or certificate has an odd form')
        found, at = [], 0
        while at < len(self.content):
            found.append(Der(self.content, at))
            at = found[-1].end
        return found
