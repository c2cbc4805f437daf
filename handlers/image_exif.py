"""The orientation of a picture: one number of its EXIF data or, where that has none, of its XMP data.

Pillow's ``getexif`` gives the same one, but reads every entry for it, and what the entries point to, which may be any
part of the file as often as there are entries.
"""

from __future__ import annotations

import re
import struct
from typing import Final

_TAG: Final = 0x0112
# Pillow takes some wrong ones too.
_BYTE_ORDERS: Final = {b"II*\0": "<", b"MM\0*": ">", b"II\0*": "<", b"MM*\0": ">", b"MM\0+": ">"}
# Entries that are read; cameras write some twenty.
_MAX_ENTRIES: Final = 1000
_XMP_BYTES: Final = 1 << 20
# The types of EXIF's values: their size in bytes, and struct's letter of those that can be a number from 1 to 8.
_SIZES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8}
_NUMBERS: Final = {3: "H", 4: "L", 6: "b", 8: "h", 9: "l", 11: "f", 12: "d", 13: "L", 16: "Q"}
_XMP_PATTERN: Final = re.compile(rb'tiff:Orientation(?:="|>)([0-9])')


def read_orientation(exif: bytes, xmp: bytes = b"") -> int:
    """EXIF's orientation, 1 to 8, as Pillow finds it; 1 if there is none or the data cannot be read.

    ``exif`` is a TIFF file, with or without ``Exif`` and two zeros before it; ``xmp`` counts if it has no orientation.
    """
    try:
        value = _exif_value(exif)
    except (struct.error, ValueError):
        return 1
    if value is None:
        found = _XMP_PATTERN.search(xmp[:_XMP_BYTES])
        value = int(found[1]) if found else 1
    return int(value) if value in range(1, 9) else 1


def _exif_value(exif: bytes) -> float | None:
    """The orientation's first value; None without one. 0 stands for a value that is not a number."""
    start = 0
    while exif.startswith(b"Exif\0\0", start):
        start += 6
    if start == len(exif):
        return None
    tiff = memoryview(exif)[start:]
    order = _BYTE_ORDERS.get(bytes(tiff[:4]))
    if order is None:
        raise ValueError("no TIFF header")
    (directory,) = struct.unpack_from(order + "L", tiff, 4)
    if directory + 2 > len(tiff):
        return None
    (entries,) = struct.unpack_from(order + "H", tiff, directory)
    value: float | None = None
    for entry in range(min(entries, _MAX_ENTRIES)):
        at = directory + 2 + 12 * entry
        if at + 12 > len(tiff):
            break
        tag, kind, count = struct.unpack_from(order + "HHL", tiff, at)
        size = count * _SIZES.get(kind, 0)
        at += 8
        if size > 4:
            (at,) = struct.unpack_from(order + "L", tiff, at)
        if at + size > len(tiff):  # Pillow reads no further
            break
        if tag == _TAG and size:
            value = struct.unpack_from(order + _NUMBERS[kind], tiff, at)[0] if kind in _NUMBERS else 0
    return value
