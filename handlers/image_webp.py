"""A WebP's chunks: those of its first frame; and its orientation."""

from __future__ import annotations

import struct
from typing import Final

from image_exif import read_orientation
from image_structure import BlockCounter, Picture

_HEADER: Final = 12
_NEEDED: Final = frozenset((b"VP8X", b"ALPH", b"VP8 ", b"VP8L", b"ANIM", b"ANMF"))
_PICTURES: Final = (b"VP8 ", b"VP8L")
# In the flags of the extended header, https://developers.google.com/speed/webp/docs/riff_container#extended_file_format
_HAS_EXIF: Final = 8
_HAS_XMP: Final = 4
# Besides the pixels that it hands over, libwebp holds these and those before them; of lossless ones what it unpacks.
_DECODER_BYTES: Final = 8
_LOSSLESS_BYTES: Final = 4
# A lossless picture may have a set of codes for each 4×4 pixels, of 12 kB each, which no header tells. Up to 640×480
# it may have them all.
_CODE_PIXELS: Final = 16
_CODE_BYTES: Final = 12_000
_BOUNDED_PIXELS: Final = 640 * 480


def examine(data: bytes | bytearray) -> Picture:
    """The picture in a WebP file, of an animation its first frame.

    Raises ValueError, IndexError or struct.error if it is damaged, ImageError (413) if it has too many chunks.
    """
    chunks = _chunks(memoryview(data))
    content = _file([chunk for name, chunk in chunks.items() if name in _NEEDED])
    size = _size(chunks)
    lossless, pixels = _lossless(chunks), size[0] * size[1]
    unbounded = lossless and pixels > _BOUNDED_PIXELS
    codes = pixels // _CODE_PIXELS + 1 if lossless and not unbounded else 0
    return Picture(
        format="WEBP",
        kind="WebP",
        size=size,
        content=content,
        orientation=_orientation(chunks),
        decoder_bytes=pixels * (_DECODER_BYTES + _LOSSLESS_BYTES * lossless) + codes * _CODE_BYTES + len(content),
        unbounded=unbounded,
    )


def _chunks(view: memoryview) -> dict[bytes, memoryview]:
    """The first chunk of each name, header included, in the file's order.

    Without an extended header nothing counts that follows the picture, for libwebp as for this.
    """
    (stated,) = struct.unpack_from("<I", view, 4)
    if stated + 8 > len(view):
        raise ValueError("the file ends before its last chunk")
    chunks: dict[bytes, memoryview] = {}
    counter = BlockCounter("WebP")
    position = _HEADER
    while position + 8 <= stated + 8:
        counter.count()
        name, length = struct.unpack_from("<4sI", view, position)
        end = position + 8 + length + length % 2
        if end > len(view) + 1:
            raise ValueError(f"a chunk {name!r} of {length} bytes")
        chunks.setdefault(name, view[position:end])
        position = end
        if name in _PICTURES and b"VP8X" not in chunks:
            break
    return chunks


def _size(chunks: dict[bytes, memoryview]) -> tuple[int, int]:
    """Width and height in pixels, of an animation that of its canvas."""
    if b"VP8X" in chunks:
        body = chunks[b"VP8X"][8:]
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if b"VP8L" in chunks:
        (bits,) = struct.unpack_from("<I", chunks[b"VP8L"], 9)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if b"VP8 " not in chunks:
        raise ValueError("no picture")
    width, height = struct.unpack_from("<HH", chunks[b"VP8 "], 14)
    return width & 0x3FFF, height & 0x3FFF


def _orientation(chunks: dict[bytes, memoryview]) -> int:
    """From the EXIF and XMP data that the extended header announces; libwebp passes over others."""
    flags = chunks[b"VP8X"][8] if b"VP8X" in chunks else 0
    exif, xmp = (
        bytes(chunks[name][8:]) if flags & flag and name in chunks else b""
        for name, flag in ((b"EXIF", _HAS_EXIF), (b"XMP ", _HAS_XMP))
    )
    return read_orientation(exif, xmp)


def _lossless(chunks: dict[bytes, memoryview]) -> bool:
    """Whether the picture or its transparency is packed without loss."""
    frame = bytes(chunks.get(b"ANMF", b""))
    return any(name in chunks or name in frame for name in (b"VP8L", b"ALPH"))


def _file(chunks: list[memoryview]) -> bytes:
    body = b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body
