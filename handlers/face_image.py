"""Image bytes to the array the networks were trained on: 224×224 pixels, RGB, one byte a channel."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import nullcontext
from typing import Final

import image_bmp
import image_gif
import image_jpeg
import image_png
import image_webp
import numpy as np
import numpy.typing as npt
from image_budget import MemoryBudget
from image_decode import decode, scale
from image_error import ACCEPTED, ImageError
from image_limits import DEFAULT_MAX_MEMORY, DEFAULT_MAX_PIXELS, DEFAULT_MAX_SECONDS, check
from image_process import decode_in_process
from image_resize import shrink
from image_structure import SIZE, Picture

__all__ = ["ACCEPTED", "DEFAULT_MAX_MEMORY", "DEFAULT_MAX_PIXELS", "DEFAULT_MAX_SECONDS", "ImageError", "read_face"]

_EXAMINE: Final[dict[str, Callable[[bytes | bytearray], Picture]]] = {
    "JPEG": image_jpeg.examine,
    "PNG": image_png.examine,
    "WEBP": image_webp.examine,
    "GIF": image_gif.examine,
    "BMP": image_bmp.examine,
}
_BMP_HEADER_SIZES: Final = frozenset((12, 16, 40, 52, 56, 64, 108, 124))
# Formats that people send by mistake; an ISO media file is recognised by what follows its first bytes.
_KNOWN_OTHERS: Final = (
    (0, b"%PDF", "a PDF"),
    (0, b"II*\0", "a TIFF image"),
    (0, b"MM\0*", "a TIFF image"),
    (4, b"ftypavif", "an AVIF image"),
    (4, b"ftyphei", "a HEIC image"),
    (4, b"ftypmif1", "a HEIC image"),
    (0, b"<svg", "an SVG drawing"),
    (0, b"version https://git-lfs", "a Git LFS pointer"),
)

logger = logging.getLogger(__name__)


def read_face(
    data: bytes | bytearray,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    helper: Executor | None = None,
    *,
    reduced: bool = False,
    max_memory: int = DEFAULT_MAX_MEMORY,
    max_seconds: float = DEFAULT_MAX_SECONDS,
    budget: MemoryBudget | None = None,
) -> npt.NDArray[np.uint8]:
    """Decode the first frame of an image file and shrink it to what the networks take.

    Returns uint8 of shape (224, 224, 3), RGB: bit for bit torchvision's ``Resize((224, 224))`` on the PIL
    image after ``exif_transpose`` and ``convert("RGB")``. 16-bit grey is scaled to 8 bits. A ``helper`` shrinks a
    half of a large image while the caller shrinks the other. ``reduced`` lets libjpeg decode a large JPEG at
    a half, a quarter or an eighth of its size, but no smaller than 448×448: several times faster, and other bytes.
    A ``budget`` of memory, shared with other threads, is waited for.
    Raises ImageError: 400 for no data or a damaged file, 415 for another format, 413 for more than ``max_pixels``,
    or if decoding takes more than ``max_memory`` bytes or ``max_seconds`` of processor time.
    """
    if not data:
        raise ImageError("empty", 400, f"The image is empty (0 bytes); send a {ACCEPTED} file.")
    image_format = _format(data)
    try:
        picture = _EXAMINE[image_format](data)
        needed = check(picture, max_pixels, max_memory, scale(picture, reduced=reduced))
        with budget.reserve(needed) if budget else nullcontext():
            if picture.unbounded:
                pixels = decode_in_process(picture, max_memory, max_seconds, reduced=reduced)
                return np.frombuffer(pixels, np.uint8).reshape(SIZE, SIZE, 3)
            image = decode(picture, max_seconds, reduced=reduced)
            return np.asarray(shrink(image, picture.orientation, helper).convert("RGB"))
    except (ImageError, MemoryError):
        raise
    except Exception as error:  # Pillow's decoders raise whatever a broken file leads them to
        logger.debug("Pillow cannot decode a %s image of %d bytes: %s", image_format, len(data), error)
        raise ImageError(
            "damaged",
            400,
            f"The {image_format} image ({len(data)} bytes) is damaged or truncated; send the complete file.",
        ) from error


def _format(data: bytes | bytearray) -> str:
    """Pillow's name of the format, by the file's first bytes only."""
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WEBP"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    # Two letters are too few to tell a bitmap from a text: the size of the second header tells.
    if data.startswith(b"BM") and int.from_bytes(data[14:18], "little") in _BMP_HEADER_SIZES:
        return "BMP"
    raise ImageError("unsupported", 415, f"The file is {_description(data)}; send a {ACCEPTED} file.")


def _description(data: bytes | bytearray) -> str:
    for offset, signature, name in _KNOWN_OTHERS:
        if data[offset:].startswith(signature):
            return f"{name}, which is not accepted"
    return f"no image of an accepted format (it begins with the bytes {data[:8].hex(' ')})"
