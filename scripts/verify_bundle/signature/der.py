# SPDX-License-Identifier: Apache-2.0
"""DER (X.690) read strictly: definite lengths in their shortest form, nothing behind an element,
bounded in depth and number. Elements and object identifiers."""
from common import need

DEPTH_MAX = 24
CHILDREN_MAX = 4096
BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, NULL, OID = 1, 2, 3, 4, 5, 6
UTC_TIME, GENERALIZED_TIME = 0x17, 0x18
SEQUENCE, SET = 0x30, 0x31
CONSTRUCTED, CLASS = 0x20, 0xc0


def oid(text):
    numbers = [int(part) for part in text.split('.')]
    out = b''
    for number in [40 * numbers[0] + numbers[1]] + numbers[2:]:
        piece = [number & 0x7f]
        while number > 0x7f:
            number >>= 7
            piece.append(0x80 | (number & 0x7f))
        out += bytes(reversed(piece))
    return bytes([OID, len(out)]) + out


def length_at(data, at):
    """The length that stands at `at`, and where the content begins."""
    need(at < len(data), 'a signature or certificate is truncated')
    first = data[at]
    if first < 0x80:
        return first, at + 1
    count = first & 0x7f
    need(1 <= count <= 3 and at + 1 + count <= len(data), 'a signature or certificate is not DER')
    length = int.from_bytes(data[at + 1:at + 1 + count], 'big')
    need(length >= 0x80 and length >> (8 * (count - 1)), 'a signature or certificate is not DER')
    return length, at + 1 + count


class Der:
    """One DER element: tag, its whole bytes, its content."""

    def __init__(self, data, at=0, depth=0):
        need(at < len(data), 'a signature or certificate is truncated')
        need(depth <= DEPTH_MAX, 'a signature or certificate is nested too deep')
        self.tag, self.depth = data[at], depth
        number, constructed = self.tag & 0x1f, bool(self.tag & CONSTRUCTED)
        need(number != 0x1f and
             (self.tag & CLASS or constructed == (number in (SEQUENCE & 0x1f, SET & 0x1f))),
             'a signature or certificate is not DER')
        length, start = length_at(data, at + 1)
        self.end = start + length
        need(self.end <= len(data), 'a signature or certificate is truncated')
        self.whole, self.content = data[at:self.end], data[start:self.end]

    @classmethod
    def alone(cls, data, tag):
        """The one element that `data` is, of this tag, read to its depths."""
        element = cls(data)
        need(element.end == len(data), 'bytes follow a signature or certificate')
        need(element.tag == tag, 'a signature or certificate is malformed')
        return element.walk()

    def children(self, tag=None):
        """`tag`: what this element must be."""
        need(self.tag & CONSTRUCTED and tag in (None, self.tag),
             'a signature or certificate is malformed')
        found, at = [], 0
        while at < len(self.content):
            need(len(found) < CHILDREN_MAX, 'a signature or certificate has too many parts')
            found.append(Der(self.content, at, self.depth + 1))
            at = found[-1].end
        return found

    def members(self, tag=None):
        """The children of a SET OF, in the order of their bytes (X.690 section 11.6)."""
        found = self.children(tag)
        wholes = [child.whole for child in found]
        need(wholes == sorted(wholes), 'a set is not in DER order')
        return found

    def walk(self):
        """Everything inside is read."""
        if self.tag & CONSTRUCTED:
            for child in self.members() if self.tag == SET else self.children():
                child.walk()
        return self

    def boolean(self):
        need(self.tag == BOOLEAN and self.content in (b'\0', b'\xff'), 'a boolean is malformed')
        return self.content == b'\xff'

    def bits(self):
        """The bytes of a bit string, whose last unused bits must be zero."""
        need(self.tag == BIT_STRING and self.content, 'a bit string is malformed')
        unused, data = self.content[0], self.content[1:]
        need(unused <= 7 and (data or not unused) and
             (not data or not data[-1] & ((1 << unused) - 1)), 'a bit string is malformed')
        return data
