# SPDX-License-Identifier: Apache-2.0
"""DER taken apart and written again, right or wrong."""


def head(tag, size):
    if size < 0x80:
        return bytes([tag, size])
    count = (size.bit_length() + 7) // 8
    return bytes([tag, 0x80 | count]) + size.to_bytes(count, 'big')


class Node:
    """A DER element whose bytes can be written anew with one change below it."""

    def __init__(self, data):
        self.tag, size, start = data[0], data[1], 2
        if size > 0x80:
            start = 2 + (size & 0x7f)
            size = int.from_bytes(data[2:start], 'big')
        self.end = start + size
        self.content = data[start:self.end]
        self.children = []
        at = 0
        while self.tag & 0x20 and at < size:
            self.children.append(Node(self.content[at:]))
            at += self.children[-1].end

    def bytes(self, changed=None, how=None):
        if self is changed:
            return how(self)
        content = b''.join(child.bytes(changed, how) for child in self.children) \
            if self.tag & 0x20 else self.content
        return head(self.tag, len(content)) + content

    def all(self):
        yield self
        for child in self.children:
            yield from child.all()
