"""Small pictures in every format and mode, the blocks of their files, and changes to these."""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Callable
from random import Random
from typing import Any

from PIL import Image

from tests.fuzz.mutations import changed_blocks, changed_bytes
from tests.handlers.exif import picture, tiff
from tests.support.crafted import bitmap_of_runs, encode, jpeg_segment, png, png_chunk, scans, webp_of_codes

_PNG_START = 8
_JPEG_MARKER = re.compile(rb"(?=\xff[\xc0-\xcf\xd8-\xfe])")
_GIF_BLOCK = re.compile(rb"(?=!\xf9\x04|!\xfe|!\xff\x0b|,\0\0\0\0)")
_XMP = b'<x:xmpmeta><rdf:Description tiff:Orientation="8"/></x:xmpmeta>'


def _exif(orientation: int, order: str = "<") -> bytes:
    value = struct.pack(order + "H", orientation)
    return tiff(order, (271, 2, 4, b"abc\0"), (0x0112, 3, 1, value), (305, 2, 9, b"\x3e"))


def _file(image_format: str, mode: str = "RGB", size: tuple[int, int] = (40, 30), **options: Any) -> bytes:
    return encode(picture(size, mode), image_format, **options)


def _transparent(image_format: str, mode: str, **options: Any) -> bytes:
    image = picture((40, 30)).convert(mode)
    image.putalpha(picture((40, 30), "L", 1))
    return encode(image, image_format, **options)


def _animation(image_format: str, **options: Any) -> bytes:
    frames = [picture((40, 30), seed=seed) for seed in range(3)]
    return encode(frames[0], image_format, save_all=True, append_images=frames[1:], **options)


# What Pillow cannot write: nothing says how much of memory or time they take, so they are decoded in a process of
# their own, which takes a hundred times as long as one of the others.
RARE: dict[str, tuple[bytes, ...]] = {
    "BMP": (bitmap_of_runs((40, 30), b"\x28\x07\0\0" * 30 + b"\0\1"), bitmap_of_runs((99, 9), b"\0\2\5\5\t\3\0\1")),
    "WEBP": (webp_of_codes(600, 520), _file("WEBP", size=(700, 500), lossless=True)),
}


def seeds() -> dict[str, list[bytes]]:
    """Whole files by format."""
    exif: dict[str, Any] = {"exif": b"Exif\0\0" + _exif(6)}
    return {
        "JPEG": [
            _file("JPEG", **exif),
            _file("JPEG", "L"),
            _file("JPEG", "CMYK"),
            _file("JPEG", progressive=True, xmp=_XMP),
            _file("JPEG", size=(300, 260), quality=20, restart_marker_blocks=3),
            _file("JPEG", subsampling=0, icc_profile=bytes(90), comment=b"note"),
            scans((40, 30), 1, 3),
            _animation("MPO"),
        ],
        "PNG": [
            _file("PNG", **exif),
            *(_file("PNG", mode) for mode in ("1", "L", "P", "I;16")),
            *(_transparent("PNG", mode) for mode in ("LA", "RGBA")),
            _file("PNG", "P", transparency=bytes(range(40)), bits=8),
            _animation("PNG"),
            png((40, 30), 16, 2),
            png((40, 30), 2, 3, interlaced=True),
        ],
        "WEBP": [
            _file("WEBP", **exif),
            _file("WEBP", lossless=True),
            _transparent("WEBP", "RGBA", quality=60),
            _transparent("WEBP", "RGBA", lossless=True, xmp=_XMP),
            _animation("WEBP", loop=0),
        ],
        "GIF": [
            _file("GIF", "P"),
            _file("GIF", "L"),
            _animation("GIF", comment=b"x" * 300),
            _file("GIF", "P", (300, 9)),
        ],
        "BMP": [_file("BMP", mode) for mode in ("1", "L", "P", "RGB")] + [_transparent("BMP", "RGBA")],
    }


def blocks_of(image_format: str, data: bytes) -> list[bytes]:
    """The parts that a file consists of; joined they are the file again."""
    if image_format == "JPEG":
        return [block for block in _JPEG_MARKER.split(data) if block]
    if image_format == "GIF":
        return [block for block in _GIF_BLOCK.split(data) if block]
    if image_format == "BMP":
        return [data[:14], data[14:54], data[54:]]
    start, letters = (_PNG_START, ">I") if image_format == "PNG" else (12, "<I")
    blocks = [data[:start]]
    while start + 8 <= len(data):
        if image_format == "PNG":
            end = start + 12 + struct.unpack_from(letters, data, start)[0]
        else:
            length = struct.unpack_from(letters, data, start + 4)[0]
            end = start + 8 + length + length % 2
        blocks.append(data[start:end])
        start = end
    return blocks


def extra_blocks(image_format: str) -> list[bytes]:
    """Blocks that a decoder may stumble over."""
    found = {
        "JPEG": [
            jpeg_segment(0xE1, b"Exif\0\0" + _exif(8, ">")),
            jpeg_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + _XMP),
            jpeg_segment(0xEE, b"Adobe\0\x64\0\0\0\0\2"),
            jpeg_segment(0xDD, b"\0\1"),
            jpeg_segment(0xCC, b"\0\1"),
            jpeg_segment(0xFE, bytes(9)),
            b"\xff\xd8",
            b"\xff\xd9",
            b"\xff\xd0",
            b"\xff\xff\xff",
        ],
        "PNG": [
            png_chunk(b"eXIf", _exif(5)),
            png_chunk(b"tEXt", b"Raw profile type exif\0\nexif\n      8\n4d4d002a"),
            png_chunk(b"zTXt", b"XML:com.adobe.xmp\0\0" + zlib.compress(_XMP)),
            png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(_XMP + bytes(900_000))),
            png_chunk(b"iCCP", b"p\0\0" + zlib.compress(bytes(300_000))),
            png_chunk(b"tRNS", bytes(6)),
            png_chunk(b"PLTE", bytes(9)),
            png_chunk(b"acTL", struct.pack(">II", 2, 0)),
            png_chunk(b"IDAT"),
            png_chunk(b"IEND"),
        ],
        "WEBP": [
            b"EXIF" + struct.pack("<I", len(_exif(3))) + _exif(3),
            b"VP8X" + struct.pack("<I", 10) + b"\x10\0\0\0" + b"\xff\xff\0" * 2,
            b"ANIM" + struct.pack("<I", 6) + bytes(6),
            b"junk" + bytes(4),
        ],
        "GIF": [b"!\xfe\3abc\0", b"!\xf9\4\1\0\0\7\0", b"!\xff\x0bNETSCAPE2.0\3\1\0\0\0", b";", b"\0"],
        "BMP": [bytes(4), struct.pack("<IiiHHIIiiII", 40, 40, -30, 1, 4, 2, 0, 0, 0, 0, 0)],
    }
    return found[image_format]


def changed(noise: Random, image_format: str, data: bytes, others: list[bytes]) -> bytes:
    """The file with other blocks, or other bytes in its blocks, whose lengths and checksums are mostly right again."""
    blocks = blocks_of(image_format, data)
    for _ in range(noise.choice((0, 1, 1, 2))):
        blocks = changed_blocks(noise, blocks, others)
    for _ in range(noise.choice((0, 1, 1, 2))):
        place = noise.randrange(len(blocks))
        blocks[place] = _changed_block(noise, image_format, blocks[place])
    file = b"".join(blocks)
    if image_format == "WEBP" and noise.random() < 0.8:
        file = file[:4] + struct.pack("<I", max(0, len(file) - 8)) + file[8:]
    return changed_bytes(noise, file, 2) if noise.random() < 0.3 else file


def _changed_block(noise: Random, image_format: str, block: bytes) -> bytes:
    if image_format not in _REPAIRED or noise.random() < 0.2:
        return changed_bytes(noise, block)
    head, tail, repair = _REPAIRED[image_format]
    body = block[head : len(block) - tail]
    if block[4:8] == b"IDAT" and noise.random() < 0.5:
        try:
            body = zlib.compress(changed_bytes(noise, zlib.decompressobj().decompress(body, 1 << 20)))
        except zlib.error:
            return changed_bytes(noise, block)
    else:
        body = changed_bytes(noise, body)
    return repair(block[:head], body)


def _png_repaired(head: bytes, body: bytes) -> bytes:
    return png_chunk(head[4:], body)


def _webp_repaired(head: bytes, body: bytes) -> bytes:
    return head[:4] + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def _jpeg_repaired(head: bytes, body: bytes) -> bytes:
    return jpeg_segment(head[1], body[:65_000]) if len(head) == 4 and head[1] < 0xFF else head + body


# The bytes before and behind a block's content, and what puts it together again. Behind a JPEG's last segment are its
# pixels, so that their changes change the length too.
_REPAIRED: dict[str, tuple[int, int, Callable[[bytes, bytes], bytes]]] = {
    "PNG": (8, 4, _png_repaired),
    "WEBP": (8, 0, _webp_repaired),
    "JPEG": (4, 0, _jpeg_repaired),
}


def open_picture(data: bytes, most_pixels: int) -> Image.Image | None:
    """By Pillow alone: the picture, decoded; None if it cannot, or if it is larger than that."""
    try:
        image = Image.open(io.BytesIO(data))
        if image.width * image.height > most_pixels:
            return None
        image.load()
    except Exception:  # it raises whatever a broken file leads it to
        return None
    return image
