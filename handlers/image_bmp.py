"""A bitmap's header."""

from __future__ import annotations

import struct
from typing import Final

from image_error import unsupported
from image_structure import Picture

_FILE_HEADER: Final = 14
# The oldest header has sides of 16 bits.
_OLDEST: Final = 12
_RUN_LENGTHS: Final = (1, 2)
_OS2_HEADER: Final = 64
# https://learn.microsoft.com/en-us/windows/win32/api/wingdi/ns-wingdi-bitmapinfoheader
_COMPRESSIONS: Final = {
    4: "that wraps a JPEG image",
    5: "that wraps a PNG image",
    6: "of Windows CE",
    11: "of four inks (CMYK)",
    12: "of four inks (CMYK)",
    13: "of four inks (CMYK)",
}
_DEPTHS: Final = (2, 64)
_REMEDY: Final = "save it as a PNG, or as a BMP of 24 bits per pixel"


def examine(data: bytes | bytearray) -> Picture:
    """The picture in a BMP file.

    Raises ValueError or struct.error if it is damaged, ImageError (415) if it is of a kind that is not decoded.
    """
    (header,) = struct.unpack_from("<I", data, _FILE_HEADER)
    compression = 0
    if header == _OLDEST:
        width, height, _, bits = struct.unpack_from("<4H", data, _FILE_HEADER + 4)
    else:
        width, height, _, bits, compression = struct.unpack_from("<IiHHI", data, _FILE_HEADER + 4)
    if compression in _COMPRESSIONS and header != _OS2_HEADER:
        raise unsupported(f"a BMP image {_COMPRESSIONS[compression]}", _REMEDY)
    if bits in _DEPTHS:
        raise unsupported(f"a BMP image of {bits} bits per pixel", _REMEDY)
    size = (width, abs(height))  # from the top down, if negative
    if not all(size):
        raise ValueError("a picture of no size")
    return Picture(
        format="BMP",
        kind="BMP",
        size=size,
        content=bytes(data),
        pixel_bytes=1 if bits <= 8 else 4,
        decoder_bytes=3 * size[0] * size[1] if compression in _RUN_LENGTHS else size[0] * bits // 8,
        # A run may pass over 255 lines, and Pillow unpacks them in Python.
        unbounded=compression in _RUN_LENGTHS,
    )
