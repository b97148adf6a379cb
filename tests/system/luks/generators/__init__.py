# SPDX-License-Identifier: Apache-2.0
"""Small named generators, one for each LUKS case, all with known credentials.

`names()` lists them, `make(name, folder)` makes one image in an empty folder. Nothing here needs
a loop device or device-mapper; an image that wants to be seen through a loop device says so in
`Image.loop` and the test attaches it.
"""

from importlib import import_module

from generators.image import GENERATORS, Image, LoopWish  # noqa: F401

for _module in ("formats", "leftovers", "damage", "crafted", "reencryption", "places"):
    import_module(f"generators.{_module}")


def names():
    return list(GENERATORS)


def make(name, folder):
    """Makes the image `name` in `folder` (which must be empty) and remembers what it held."""
    image = Image(name, folder)
    GENERATORS[name](image)
    image.finish()
    return image
