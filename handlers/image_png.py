"""A PNG's chunks: header, palette and data; and its orientation, which may be in four others."""

from __future__ import annotations

import re
import struct
import zlib
from typing import Final

from image_error import damaged, unsupported
from image_exif import read_orientation
from image_structure import BlockCounter, Picture

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_HEADER_END: Final = len(_SIGNATURE) + 25
# By colour type: the depths in bits that there are, and the channels.
_COLOURS: Final = {0: ((1, 2, 4, 8, 16), 1), 2: ((8, 16), 3), 3: ((1, 2, 4, 8), 1), 4: ((8, 16), 2), 6: ((8, 16), 4)}
# What Pillow takes for the name of a chunk.
_NAME: Final = re.compile(rb"\w{4}")
_NEEDED: Final = frozenset((b"PLTE", b"IDAT", b"IEND"))
_TEXTS: Final = frozenset((b"tEXt", b"zTXt", b"iTXt"))
# ImageMagick's way of keeping EXIF data, from before the chunk for it.
_EXIF_KEY: Final = b"Raw profile type exif"
_XMP_KEY: Final = b"XML:com.adobe.xmp"
# Bytes of a text that are unpacked; an orientation stands at the beginning.
_MAX_TEXT: Final = 1 << 18


def examine(data: bytes | bytearray) -> Picture:
    """The picture in a PNG file, of an animation its default image.

    Raises ValueError, KeyError or struct.error if it is damaged, ImageError if it has too many chunks (413), is of
    Apple's form (415), or if its header or its palette has a wrong checksum (400).
    """
    width, height, depth, colour = _header(data)
    channels = _COLOURS[colour][1]
    kept, profiles = _chunks(data)
    return Picture(
        format="PNG",
        kind="PNG",
        size=(width, height),
        content=b"".join(kept),
        orientation=_orientation(profiles),
        pixel_bytes=depth // 8 or 1 if channels == 1 else 4,
        decoder_bytes=2 * (width * depth * channels // 8 + 2),
    )


def _header(data: bytes | bytearray) -> tuple[int, int, int, int]:
    """Width, height, bit depth and colour type."""
    length, name, width, height, depth, colour = struct.unpack_from(">I4sIIBB", data, len(_SIGNATURE))
    if name == b"CgBI":
        raise unsupported("a PNG in Apple's own form (CgBI), as in apps for iPhones", "save it as an ordinary PNG")
    if name != b"IHDR" or length != 13 or not width or not height or depth not in _COLOURS[colour][0]:
        raise ValueError("a header that Pillow does not decode")
    return width, height, depth, colour


def _chunks(data: bytes | bytearray) -> tuple[list[memoryview], dict[bytes, bytes]]:
    """The parts that the pixels need, and the texts that may hold an orientation, by their chunk or key."""
    view = memoryview(data)
    kept, profiles = [view[:_HEADER_END]], {}
    _check(view[len(_SIGNATURE) : _HEADER_END])
    counter = BlockCounter("PNG")
    name, end, in_pixels = b"", _HEADER_END, False
    while name != b"IEND" and end + 8 <= len(data):
        counter.count()
        start = end
        length, name = struct.unpack_from(">I4s", data, start)
        end = start + 12 + length
        if not _NAME.fullmatch(name):
            kept.append(view[start : start + 8])  # before the pixels' end an error to Pillow, behind it the file's end
            break
        if name == b"IHDR":
            raise ValueError("a second header, of which Pillow would take the size")
        if name in _NEEDED:
            kept.append(view[start:end])
            in_pixels = in_pixels or name == b"IDAT"
            if name == b"PLTE" and not in_pixels:
                _check(view[start:end])
        elif end - 4 > len(data):  # nobody checks its checksum
            raise ValueError(f"a chunk {name!r} of {length} bytes")
        elif name == b"eXIf":
            profiles[name] = bytes(view[start + 8 : end - 4])
        elif name in _TEXTS:
            profiles.update(_profile(name, bytes(view[start + 8 : end - 4])))
    return kept, profiles


def _check(chunk: memoryview) -> None:
    """Raises ImageError (400) for a whole chunk with a wrong checksum, which Pillow would not say."""
    (length,) = struct.unpack_from(">I", chunk)
    if len(chunk) == length + 12 and zlib.crc32(chunk[4:-4]) != int.from_bytes(chunk[-4:], "big"):
        name = bytes(chunk[4:8]).decode("ascii")
        raise damaged(f"The PNG image is damaged: its chunk {name} has a wrong checksum; save it again.")


def _profile(name: bytes, body: bytes) -> dict[bytes, bytes]:
    """The text of a chunk by its key, if it may hold an orientation and Pillow reads it."""
    key, _, text = body.partition(b"\0")
    if key not in (_EXIF_KEY, _XMP_KEY):
        return {}
    if name == b"tEXt":
        return {key: text}
    if name == b"zTXt":
        return {key: _unpacked(text[1:]) or b""}
    packed, method, parts = text[:1] != b"\0", text[1:2], text[2:].split(b"\0", 2)
    if len(parts) < 3 or (packed and method != b"\0"):
        return {}
    unpacked = _unpacked(parts[2]) if packed else parts[2]  # behind the language and the translated key
    return {} if unpacked is None else {key: unpacked}


def _unpacked(packed: bytes) -> bytes | None:
    """The beginning of a text; None if it is broken there."""
    try:
        return zlib.decompressobj().decompress(packed, _MAX_TEXT)
    except zlib.error:
        return None


def _orientation(profiles: dict[bytes, bytes]) -> int:
    exif = profiles.get(b"eXIf")
    if exif is None:
        lines = profiles.get(_EXIF_KEY, b"").split(b"\n")[3:]
        try:
            exif = bytes.fromhex(b"".join(lines).decode("ascii"))
        except ValueError:
            return 1
    return read_orientation(exif, profiles.get(_XMP_KEY, b""))
