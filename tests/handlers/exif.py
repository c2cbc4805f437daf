"""Pictures with EXIF data of their own, and what Pillow makes of them."""

from __future__ import annotations

import io
import struct

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

ORIENTATION = 0x0112
SHORT, LONG = 3, 4


def picture(size: tuple[int, int], mode: str = "RGB", seed: int = 0) -> Image.Image:
    """Noise, grey from left to right, so that no part equals another."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (7, 5, 3), dtype=np.uint8)).resize(size)
    if mode == "I;16":
        return Image.fromarray(np.asarray(coarse.convert("L")).astype(np.uint16) * 251 + 100)
    return coarse.quantize(40) if mode == "P" else coarse.convert(mode)


def reference(data: bytes) -> npt.NDArray[np.uint8]:
    """Pillow alone: upright, RGB, bilinear; 16-bit grey first scaled to 8 bits, as Pillow would clip it."""
    image: Image.Image = Image.open(io.BytesIO(data))
    if image.mode.startswith("I"):
        exif = image.getexif()
        image = Image.fromarray(np.round(np.asarray(image) / 257).astype(np.uint8))
        image.getexif().update(exif)
    upright = ImageOps.exif_transpose(image).convert("RGB")
    return np.asarray(upright.resize((224, 224), Image.Resampling.BILINEAR))


def tiff(order: str, *entries: tuple[int, int, int, bytes]) -> bytes:
    """EXIF data of one directory: tag, type, count and the four bytes of the value of each entry."""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "LH", 8, len(entries))
    packed = [
        struct.pack(order + "HHL", tag, kind, count) + value.ljust(4, b"\0") for tag, kind, count, value in entries
    ]
    return head + b"".join(packed) + bytes(4)
