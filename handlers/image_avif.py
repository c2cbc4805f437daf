"""An AVIF's size, from the boxes of its file: https://aomediacodec.github.io/av1-avif/"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from image_structure import BlockCounter, Picture


def examine(data: bytes | bytearray) -> Picture:
    """The picture in an AVIF file, of an animation its first frame. Its orientation is known when it is decoded.

    Raises ValueError or struct.error if it is damaged, ImageError (413) if it has too many boxes.
    """
    counter = BlockCounter("AVIF")
    box = memoryview(data)
    # The "meta" box begins with four bytes more than others.
    for name, skipped in ((b"meta", 4), (b"iprp", 0), (b"ipco", 0)):
        box = next((body for found, body in _boxes(box, counter) if found == name), memoryview(b""))[skipped:]
    sizes = [struct.unpack_from(">II", body, 4) for name, body in _boxes(box, counter) if name == b"ispe"]
    # Of a picture in tiles and of its thumbnail too; the whole is the largest.
    width, height = max(sizes, key=lambda size: size[0] * size[1], default=(0, 0))
    if not width or not height:
        raise ValueError("no size")
    return Picture(format="AVIF", kind="AVIF", size=(width, height), content=bytes(data), unbounded=True)


def _boxes(parent: memoryview, counter: BlockCounter) -> Iterator[tuple[bytes, memoryview]]:
    """The boxes in another one, or in the file: name and content."""
    start = 0
    while start + 8 <= len(parent):
        counter.count()
        length, name = struct.unpack_from(">I4s", parent, start)
        head = 8
        if length == 1:
            head = 16
            (length,) = struct.unpack_from(">Q", parent, start + 8)
        end = start + length if length else len(parent)
        if end < start + head or end > len(parent):
            raise ValueError(f"a box {name!r} of {length} bytes")
        yield name, parent[start + head : end]
        start = end
