"""A GIF's blocks up to the first frame."""

from __future__ import annotations

import struct
from typing import Final

from image_structure import BlockCounter, Picture

_SCREEN: Final = 13
_EXTENSION, _FRAME, _END = b"!,;"
# The extension with the index of the transparent colour, which fills what the frame leaves free.
_GRAPHIC_CONTROL: Final = 0xF9
_COMMENT: Final = 0xFE
_APPLICATION: Final = 0xFF
_LOOPS: Final = b"NETSCAPE2.0"


def examine(data: bytes | bytearray) -> Picture:
    """The first frame of a GIF file.

    Raises ValueError, IndexError or struct.error if there is none, ImageError (413) if too many blocks come before it.
    """
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    start = _SCREEN + _palette_bytes(flags)
    kept, frame = _extensions(data, start)
    left, top, frame_width, frame_height = struct.unpack_from("<4H", data, frame + 1)
    size = (max(width, left + frame_width), max(height, top + frame_height))
    if not all(size):
        raise ValueError("a picture of no size")
    return Picture(
        format="GIF",
        kind="GIF",
        size=size,
        content=b"".join([data[:start], *kept, memoryview(data)[frame:]]),
        pixel_bytes=2,  # of the frame, and of what is shown after it
    )


def _palette_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 128 else 0


def _extensions(data: bytes | bytearray, position: int) -> tuple[list[bytes | bytearray], int]:
    """The extensions that matter, and where the first frame begins."""
    kept: list[bytes | bytearray] = []
    counter = BlockCounter("GIF")
    while data[position] != _FRAME:
        counter.count()
        start = position
        if data[start] == _END:
            raise ValueError("no frame")
        position += 1  # anything else is skipped, as by Pillow
        if data[start] == _EXTENSION:
            position = _extension_end(data, start, counter)
            if data[start + 1] == _GRAPHIC_CONTROL:
                kept.append(data[start:position])
    return kept, position


def _extension_end(data: bytes | bytearray, start: int, counter: BlockCounter) -> int:
    """Where Pillow goes on behind an extension.

    It takes some blocks for granted. Where one of them is the empty block that ends an extension, it reads on to the
    next empty block, and a frame in between does not count.
    """
    position = start + 2
    for _ in range(_granted(data, start)):
        counter.count()
        position += 1 + data[position]
    while data[position]:
        counter.count()
        position += 1 + data[position]
    return position + 1


def _granted(data: bytes | bytearray, start: int) -> int:
    """How many blocks Pillow takes for granted: none of a comment, of others the first, and the number of loops."""
    if data[start + 1] == _COMMENT:
        return 0
    first = data[start + 3 : start + 3 + data[start + 2]]
    return 2 if data[start + 1] == _APPLICATION and first.startswith(_LOOPS) else 1
