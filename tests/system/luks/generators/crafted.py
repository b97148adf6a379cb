# SPDX-License-Identifier: Apache-2.0
"""Headers with valid checksums that cryptsetup itself would not write, or does not understand."""

import os

import ondisk
from generators.formats import XTS
from generators.image import MIB, generator, plaintext


def _format(image, slots=1):
    image.format(*XTS, "--luks2-keyslots-size", "2m")
    for number in range(1, slots):
        image.add_key(b"passphrase %d" % number)


def _require(image, name):
    def change(document):
        document["config"].setdefault("requirements", {})["mandatory"] = [name]
    ondisk.rewrite(image.target, change)


@generator("luks2-unknown-requirement")
def unknown_requirement(image):
    _format(image)
    _require(image, "vendor-feature-9")


@generator("luks2-opal-requirement")
def opal_requirement(image):
    _format(image)
    _require(image, "opal")


@generator("luks2-opal-segment")
def opal_segment(image):
    """As a volume on a self-encrypting drive: the drive's own key does not lie in this header."""
    _format(image)

    def change(document):
        document["config"].setdefault("requirements", {})["mandatory"] = ["opal"]
        document["segments"]["0"].update(
            type="hw-opal-crypt", opal_segment_number=1, opal_key_size=32,
            opal_segment_size=str(MIB), size=str(MIB))

    def name(head):
        head[208:256] = b"HW-OPAL".ljust(48, b"\0")
    ondisk.rewrite(image.target, change, binary=name)


@generator("luks2-unknown-slot-type")
def unknown_slot(image):
    """A foreign type in the middle stops cryptsetup: the slots after it stay open."""
    _format(image, slots=3)

    def change(document):
        document["keyslots"]["1"]["type"] = "vendor-x"
    ondisk.rewrite(image.target, change)


@generator("luks2-overlapping-areas")
def overlapping_areas(image):
    _format(image, slots=2)

    def change(document):
        first = int(document["keyslots"]["0"]["area"]["offset"])
        document["keyslots"]["1"]["area"]["offset"] = str(first + 4096)
    ondisk.rewrite(image.target, change)


@generator("luks2-area-beyond-payload")
def area_beyond(image):
    """Slot 1 lies behind the payload's start, where nobody looks for key material."""
    _format(image, slots=2)
    start = int(image.saved.document["keyslots"]["1"]["area"]["offset"])
    length = int(image.saved.document["keyslots"]["1"]["area"]["size"])
    moved = image.data_offset() + 4096
    ondisk.write_at(image.target, moved, ondisk.read_at(image.target, start, length))
    ondisk.write_at(image.target, start, os.urandom(length))

    def change(document):
        document["keyslots"]["1"]["area"]["offset"] = str(moved)
    ondisk.rewrite(image.target, change)
    image.save_header()
    image.metadata_bytes = moved + length


@generator("luks2-linear-segment")
def linear_segment(image):
    """The second half of the payload was never encrypted."""
    _format(image)
    start = image.data_offset()
    half = MIB // 2
    ondisk.write_at(image.target, start + half, plaintext(half))

    def change(document):
        document["segments"]["0"]["size"] = str(half)
        document["segments"]["1"] = {"type": "linear", "offset": str(start + half),
                                     "size": "dynamic"}
    ondisk.rewrite(image.target, change)


@generator("luks2-cipher-null")
def cipher_null(image):
    _format(image)
    ondisk.write_at(image.target, image.data_offset(), plaintext(MIB))

    def change(document):
        document["segments"]["0"]["encryption"] = "cipher_null-ecb"
    ondisk.rewrite(image.target, change)


@generator("luks2-aes-ecb")
def aes_ecb(image):
    image.format("--cipher", "aes-ecb", "--key-size", "256", "--luks2-keyslots-size", "2m")


@generator("luks1-aes-ecb")
def luks1_aes_ecb(image):
    image.format("--cipher", "aes-ecb", "--key-size", "256", luks="luks1")


@generator("luks2-plaintext-payload")
def plaintext_payload(image):
    """Formatted on a used disk: what was there before is still there in clear."""
    _format(image)
    ondisk.write_at(image.target, image.data_offset() + MIB // 4, plaintext(MIB // 2))
