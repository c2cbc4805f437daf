"""Image files put together piece by piece, as no encoder would."""

from __future__ import annotations

import io
import re
import struct
import zlib
from typing import Any

from PIL import Image

_SOS = 0xDA


def encode(image: Image.Image, image_format: str, **options: Any) -> bytes:
    """The bytes of a picture as a file."""
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def plain(image_format: str, size: tuple[int, int] = (64, 48), **options: Any) -> bytes:
    """A harmless file of a picture of one colour."""
    return encode(Image.new("RGB", size, (200, 120, 40)), image_format, **options)


def jpeg_segment(marker: int, content: bytes) -> bytes:
    """A segment of a JPEG."""
    return bytes((0xFF, marker)) + struct.pack(">H", len(content) + 2) + content


def png_chunk(name: bytes, content: bytes = b"") -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(size: tuple[int, int], depth: int, colour: int, *, interlaced: bool = False, level: int = 9) -> bytes:
    """A PNG of zeros whose lines are all filtered in the slowest way."""
    bits = depth * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    packer = zlib.compressobj(level)
    packed = [packer.compress(b"\4" + bytes((width * bits + 7) // 8)) for width in _lines(size, interlaced)]
    header = struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, interlaced)
    palette = png_chunk(b"PLTE", bytes(3 * 2**depth)) if colour == 3 else b""
    data = png_chunk(b"IDAT", b"".join([*packed, packer.flush()]))
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + palette + data + png_chunk(b"IEND")


def _lines(size: tuple[int, int], interlaced: bool) -> list[int]:
    """The pixels of each line of a PNG, in the order of the file."""
    width, height = size
    if not interlaced:
        return [width] * height
    passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    return [len(range(x, width, dx)) for x, y, dx, dy in passes for _ in range(y, height, dy)]


def exif(count: int, size: int) -> bytes:
    """A TIFF of ``count`` entries that all point to the same ``size`` bytes; 240 kB took 1.3 GB."""
    start = 8 + 2 + 12 * count + 4
    entries = b"".join(struct.pack("<HHLL", 1000 + number, 7, size, start) for number in range(count))
    return b"II*\0" + struct.pack("<LH", 8, count) + entries + bytes(4 + size)


def jpeg_with_exif(data: bytes) -> bytes:
    """EXIF data over as many segments as it needs."""
    pieces = [data[start : start + 65_000] for start in range(0, len(data), 65_000)]
    return b"\xff\xd8" + b"".join(jpeg_segment(0xE1, b"Exif\0\0" + piece) for piece in pieces) + plain("JPEG")[2:]


def png_with(*chunks: bytes) -> bytes:
    """Chunks behind the header of a PNG."""
    file = plain("PNG")
    return file[:33] + b"".join(chunks) + file[33:]


def _extended_webp() -> bytes:
    """The chunks of a WebP whose header announces metadata: without one, nothing behind the picture is looked at."""
    exif = Image.Exif()
    exif[0x0112] = 1
    return plain("WEBP", exif=exif)[12:]


def webp_with(name: bytes, content: bytes) -> bytes:
    """A WebP with one chunk more."""
    body = _extended_webp() + name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def webp_of_chunks(count: int) -> bytes:
    """A WebP with many empty chunks."""
    body = _extended_webp() + (b"junk" + bytes(4)) * count
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def gif_with(extension: bytes) -> bytes:
    """A GIF with an extension before its frame."""
    file = encode(Image.new("P", (64, 48), 3), "GIF")
    frame = file.index(b"!\xf9") if b"!\xf9" in file else file.rindex(b",", 0, 800)
    return file[:frame] + extension + file[frame:]


def scans(size: tuple[int, int], number: int, times: int, hidden: bytes = b"") -> bytes:
    """A progressive JPEG with one of its scans repeated, each time after the bytes ``hidden``."""
    file = plain("JPEG", size, progressive=True)
    marker = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
    starts = [found.start() for found in marker.finditer(file) if file[found.start() + 1] == _SOS]
    found = marker.search(file, starts[number] + 2 + file[starts[number] + 3])
    assert found
    return file[: found.start()] + (hidden + file[starts[number] : found.start()]) * times + file[found.start() :]


def bitmap_of_runs(size: tuple[int, int], runs: bytes) -> bytes:
    """A run-length encoded BMP of 256 colours."""
    header = struct.pack("<IiiHHIIiiII", 40, *size, 1, 8, 1, len(runs), 0, 0, 256, 0)
    palette = bytes(value if value % 4 else 7 for value in range(256)) * 4
    return b"BM" + struct.pack("<IHHI", 0, 0, 0, 54 + len(palette)) + header + palette + runs


class _Bits:
    """Bits to bytes, the lowest first."""

    def __init__(self) -> None:
        self._value = self._count = 0
        self._bytes = bytearray()

    def put(self, value: int, count: int) -> None:
        self._value |= value << self._count
        self._count += count
        while self._count >= 8:
            self._bytes.append(self._value & 255)
            self._value >>= 8
            self._count -= 8

    def finish(self) -> bytes:
        self.put(0, 7)
        return bytes(self._bytes) + bytes(64)


def webp_of_codes(width: int, height: int) -> bytes:
    """A lossless WebP of one colour with a set of codes for each 4×4 pixels: 300 kB took 365 MB for a megapixel."""
    bits = _Bits()
    bits.put(0x2F, 8)
    bits.put(width - 1, 14)
    bits.put(height - 1, 14)
    for value, count in ((0, 1), (0, 3), (0, 1), (0, 1), (1, 1), (0, 3), (0, 1)):  # no transform; codes by 4×4 pixels
        bits.put(value, count)
    for alphabet in (280, 256):  # codes of 8 bits for each value of the numbers' lower and upper bytes
        bits.put(0, 1)
        bits.put(12 - 4, 4)
        for symbol in (17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8):
            bits.put(symbol in (0, 8), 3)
        bits.put(0, 1)
        for symbol in range(alphabet):
            bits.put(symbol < 256, 1)
    for _ in range(3):
        bits.put(0b0001, 4)
    sets = -(-width // 4) * -(-height // 4)
    for number in range(sets):
        for byte in (number & 255, number >> 8 & 255):
            bits.put(int(f"{byte:08b}"[::-1], 2), 8)
    for _ in range(5 * min(sets, 65_536)):
        bits.put(0b0001, 4)
    data = bits.finish()
    chunk = b"VP8L" + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)
    return b"RIFF" + struct.pack("<I", len(chunk) + 4) + b"WEBP" + chunk


def text_chunk(name: bytes, length: int) -> bytes:
    packed = zlib.compress(bytes(length), 9)
    head = b"\0\0" if name != b"iTXt" else b"\0\1\0\0\0"
    return png_chunk(name, (b"XML:com.adobe.xmp" if name == b"iTXt" else b"Raw profile type exif") + head + packed)
