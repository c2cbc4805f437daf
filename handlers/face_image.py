"""Image bytes to the array the networks were trained on: 224×224 pixels, RGB, one byte a channel."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import nullcontext
from typing import Final, TypeVar

import image_avif
import image_bmp
import image_fast
import image_gif
import image_jpeg
import image_png
import image_webp
import numpy as np
import numpy.typing as npt
from image_budget import MemoryBudget
from image_decode import decode, scale
from image_error import ACCEPTED, ACCEPTED_WITH_AVIF, ImageError, damaged, unsupported
from image_limits import DEFAULT_MAX_MEMORY, DEFAULT_MAX_PIXELS, DEFAULT_MAX_SECONDS, check
from image_others import describe, is_avif
from image_process import decode_in_process
from image_resize import shrink
from image_structure import SIZE, Picture

__all__ = [
    "ACCEPTED",
    "DEFAULT_MAX_MEMORY",
    "DEFAULT_MAX_PIXELS",
    "DEFAULT_MAX_SECONDS",
    "ImageError",
    "read_face",
    "within_limits",
]

T = TypeVar("T")

_EXAMINE: Final[dict[str, Callable[[bytes | bytearray], Picture]]] = {
    "JPEG": image_jpeg.examine,
    "PNG": image_png.examine,
    "WEBP": image_webp.examine,
    "GIF": image_gif.examine,
    "BMP": image_bmp.examine,
    "AVIF": image_avif.examine,
}
_BMP_HEADER_SIZES: Final = frozenset((12, 16, 40, 52, 56, 64, 108, 124))

logger = logging.getLogger(__name__)


def read_face(
    data: bytes | bytearray,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    helper: Executor | None = None,
    *,
    reduced: bool = False,
    avif: bool = False,
    fast: bool = False,
    max_memory: int = DEFAULT_MAX_MEMORY,
    max_seconds: float = DEFAULT_MAX_SECONDS,
    budget: MemoryBudget | None = None,
) -> npt.NDArray[np.uint8]:
    """Decode the first frame of an image file and shrink it to what the networks take.

    Returns uint8 of shape (224, 224, 3), RGB: bit for bit torchvision's ``Resize((224, 224))`` on the PIL
    image after ``exif_transpose`` and ``convert("RGB")``. 16-bit grey is scaled to 8 bits. A ``helper`` shrinks a
    half of a large image while the caller shrinks the other. ``reduced`` lets libjpeg decode a large JPEG at
    a half, a quarter or an eighth of its size, but no smaller than 448×448: several times faster, and other bytes.
    ``fast`` shrinks by SIMD instructions: sooner, and each byte within two of Pillow's.
    ``avif`` accepts AVIF images too. A ``budget`` of memory, shared with other threads, is waited for.
    Raises ImageError: 400 for no data or a damaged file, 415 for another format, 413 for more than ``max_pixels``,
    or if decoding takes more than ``max_memory`` bytes or ``max_seconds`` of processor time; 425 if it comes too late
    for its batch (``MemoryBudget``).
    """

    def shrunk(picture: Picture) -> npt.NDArray[np.uint8]:
        if picture.unbounded:
            pixels = decode_in_process(picture, max_memory, max_seconds, reduced=reduced)
            return np.frombuffer(pixels, np.uint8).reshape(SIZE, SIZE, 3)
        image = decode(picture, max_seconds, reduced=reduced)
        if fast and image_fast.can_shrink(image):
            return np.asarray(image_fast.shrink(image, picture.orientation).convert("RGB"))
        return np.asarray(shrink(image, picture.orientation, helper).convert("RGB"))

    return within_limits(
        data, shrunk, max_pixels=max_pixels, reduced=reduced, avif=avif, max_memory=max_memory, budget=budget
    )


def within_limits(
    data: bytes | bytearray,
    work: Callable[[Picture], T],
    *,
    max_pixels: int,
    reduced: bool,
    avif: bool,
    max_memory: int,
    budget: MemoryBudget | None,
    extra_memory: int = 0,
) -> T:
    """What ``work`` makes of the file's structure: it may decode the picture, whose memory is reserved meanwhile.

    ``extra_memory`` is what it takes beyond that, in bytes; it is waited for, and refuses no picture. The rest is as in
    ``read_face``, and so are the errors.
    """
    if not data:
        raise ImageError("empty", 400, f"The image is empty (0 bytes); send a {_accepted(avif=avif)} file.")
    image_format = _format(data, avif=avif)
    try:
        picture = _EXAMINE[image_format](data)
        needed = check(picture, max_pixels, max_memory, scale(picture, reduced=reduced)) + extra_memory
        with budget.reserve(needed) if budget else nullcontext():
            return work(picture)
    except (ImageError, MemoryError):
        raise
    except Exception as error:  # Pillow's decoders raise whatever a broken file leads them to
        logger.debug("Pillow cannot decode a %s image of %d bytes: %s", image_format, len(data), error)
        raise _failure(image_format, data, error) from error


def _failure(image_format: str, data: bytes | bytearray, error: Exception) -> ImageError:
    if "Unsupported BMP" in str(error):  # Pillow knows these kinds, unlike a damaged one
        return unsupported("a BMP image of a rare kind", "save it as a PNG, or as a BMP of 24 bits per pixel")
    return damaged(f"The {image_format} image ({len(data)} bytes) is damaged or truncated; send the complete file.")


def _accepted(*, avif: bool) -> str:
    return ACCEPTED_WITH_AVIF if avif else ACCEPTED


def _format(data: bytes | bytearray, *, avif: bool = False) -> str:
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
    if avif and is_avif(data):
        return "AVIF"
    what, remedy = describe(data)
    raise ImageError("unsupported", 415, f"The file is {what}; {remedy}send a {_accepted(avif=avif)} file.")
