"""Images that clients send: seeded scenes in every accepted format, mode and orientation."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

WEBCAM = (640, 480)
ORIENTATION = 0x0112  # the EXIF tag


@dataclass(frozen=True)
class Sample:
    """An image file. Its answer must equal that of ``equivalent``, where Pillow cannot scale the file itself."""

    name: str
    content: bytes
    equivalent: bytes


@cache
def scene(seed: int, size: tuple[int, int] = WEBCAM) -> Image.Image:
    """A colourful RGB scene without any symmetry: soft patches, hard edges and a little noise."""
    rng = np.random.default_rng(seed)
    patches = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    image = patches.resize(WEBCAM, Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    for _ in range(12):
        x, y = int(rng.integers(0, 560)), int(rng.integers(0, 400))
        width, height = (int(side) for side in rng.integers(20, 160, 2))
        draw.ellipse((x, y, x + width, y + height), fill=tuple(int(c) for c in rng.integers(0, 256, 3)))
    noise = rng.integers(-12, 13, (WEBCAM[1], WEBCAM[0], 3))
    noisy = Image.fromarray(np.clip(np.asarray(image, dtype=np.int16) + noise, 0, 255).astype(np.uint8))
    return noisy if size == WEBCAM else noisy.resize(size, Image.Resampling.BICUBIC)


def encode(image: Image.Image, fmt: str, **options: object) -> bytes:
    """The bytes of ``image`` as a file of the format ``fmt``."""
    buffer = io.BytesIO()
    image.save(buffer, fmt, **options)
    return buffer.getvalue()


@cache
def frame(seed: int) -> bytes:
    """A webcam frame as the web client sends it: JPEG, 640 x 480, quality 0.8."""
    return encode(scene(seed), "JPEG", quality=80)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_header(width: int, height: int, depth: int = 8, colour: int = 2) -> bytes:
    """Signature and IHDR of a PNG. Colour types: 0 grey, 2 RGB, 4 grey and alpha, 6 RGBA."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header)


def png_16_bit(pixels: NDArray[np.uint8], colour: int) -> bytes:
    """A 16-bit PNG of ``pixels`` [height, width, channels]; each value v is stored as v * 257, its exact scaling."""
    height, width = pixels.shape[:2]
    rows = (pixels.astype(">u2") * 257).astype(">u2").reshape(height, -1)
    data = b"".join(b"\0" + row.tobytes() for row in rows)
    return png_header(width, height, 16, colour) + _chunk(b"IDAT", zlib.compress(data, 1)) + _chunk(b"IEND", b"")


def png_with_note(png: bytes, note: bytes) -> bytes:
    """The PNG with ``note`` in a private chunk, which decoders skip: any bytes, any length."""
    end = len(_chunk(b"IEND", b""))
    return png[:-end] + _chunk(b"noTe", note) + png[-end:]


def png_of_size(length: int, seed: int = 90) -> bytes:
    """A valid PNG of exactly ``length`` bytes."""
    image = encode(scene(seed, (64, 48)), "PNG")
    padded = png_with_note(image, bytes(length - len(png_with_note(image, b""))))
    assert len(padded) == length
    return padded


def blank_png(width: int, height: int) -> bytes:
    """A whole, valid 1-bit PNG: a few kilobytes, however many pixels."""
    return encode(Image.new("1", (width, height)), "PNG")


def oriented(orientation: int, fmt: str = "JPEG", seed: int = 40) -> bytes:
    """An image that its EXIF says to turn before it is shown."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return encode(scene(seed), fmt, exif=exif)


def _animated(fmt: str, **options: object) -> bytes:
    return encode(scene(50), fmt, save_all=True, append_images=[scene(51), scene(52)], **options)


def _palette_with_alpha() -> bytes:
    return encode(scene(22).quantize(64), "PNG", transparency=bytes(range(0, 256, 4)))


def _with_alpha() -> Image.Image:
    image = scene(23).convert("RGBA")
    image.putalpha(scene(24).convert("L"))
    return image


_PLAIN: dict[str, Callable[[], bytes]] = {
    "jpeg": lambda: frame(1),
    "jpeg-progressive": lambda: encode(scene(2), "JPEG", quality=95, progressive=True, subsampling=0),
    "jpeg-grey": lambda: encode(scene(3).convert("L"), "JPEG"),
    "jpeg-cmyk": lambda: encode(scene(4).convert("CMYK"), "JPEG"),
    "jpeg-of-several-pictures": lambda: _animated("MPO"),
    "jpeg-12-megapixels": lambda: encode(scene(5, (4000, 3000)), "JPEG", quality=85),
    "jpeg-tiny": lambda: encode(scene(6, (9, 7)), "JPEG"),
    "png": lambda: encode(scene(20), "PNG"),
    "png-grey-48x48": lambda: encode(scene(21, (48, 48)).convert("L"), "PNG"),
    "png-palette": lambda: encode(scene(22).quantize(64), "PNG"),
    "png-palette-alpha": _palette_with_alpha,
    "png-alpha": lambda: encode(_with_alpha(), "PNG"),
    "png-grey-alpha": lambda: encode(_with_alpha().convert("LA"), "PNG"),
    "png-1-bit": lambda: encode(scene(25).convert("1"), "PNG"),
    "png-1x1": lambda: encode(scene(26, (1, 1)), "PNG"),
    "png-1x700": lambda: encode(scene(27, (1, 700)), "PNG"),
    "png-animated": lambda: _animated("PNG"),
    "webp": lambda: encode(scene(30), "WEBP", quality=80),
    "webp-lossless-alpha": lambda: encode(_with_alpha().resize((160, 120)), "WEBP", lossless=True),
    "webp-animated": lambda: _animated("WEBP"),
    "bmp": lambda: encode(scene(31), "BMP"),
    "bmp-palette": lambda: encode(scene(32).quantize(32), "BMP"),
    "gif": lambda: encode(scene(33), "GIF"),
    "gif-animated": lambda: _animated("GIF"),
    **{f"jpeg-exif-{n}": lambda n=n: oriented(n) for n in range(1, 9)},  # type: ignore[misc]
    "png-exif-6": lambda: oriented(6, "PNG"),
    "webp-exif-8": lambda: oriented(8, "WEBP"),
}

# Pillow alone clips 16-bit grey, so these are held against the 8-bit image they scale to.
_SCALED: dict[str, tuple[int, str]] = {
    "png-16-bit-grey": (0, "L"),
    "png-16-bit-colour": (2, "RGB"),
    "png-16-bit-grey-alpha": (4, "LA"),
    "png-16-bit-alpha": (6, "RGBA"),
}

SAMPLE_NAMES = (*_PLAIN, *_SCALED)


@cache
def sample(name: str) -> Sample:
    """The sample of that name (one of SAMPLE_NAMES)."""
    if name in _PLAIN:
        content = _PLAIN[name]()
        return Sample(name, content, content)
    colour, mode = _SCALED[name]
    image = _with_alpha().resize((320, 240)).convert(mode)
    pixels = np.asarray(image).reshape(240, 320, -1)
    return Sample(name, png_16_bit(pixels, colour), encode(image, "PNG"))
