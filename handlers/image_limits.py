"""Check a picture's header against the limits, before anything is decoded."""

from __future__ import annotations

from typing import Final

from image_error import ImageError, too_large
from image_structure import Picture

DEFAULT_MAX_PIXELS: Final = 50_000_000
DEFAULT_MAX_MEMORY: Final = 256_000_000
DEFAULT_MAX_SECONDS: Final = 2.0
# Usual progressive JPEGs have some ten scans, which go over each pixel eight times, or fourteen with full colours.
# A scan costs time even where it has no data: a nanosecond a pixel, and for its tables.
MAX_SCANS: Final = 100
MAX_SCAN_PIXELS: Final = 1_000_000_000


def check(picture: Picture, max_pixels: int, max_memory: int, scale: int) -> int:
    """How many bytes of memory a picture takes at most while it is decoded at a ``scale``-th of its size.

    Raises ImageError (413) for a picture over a limit.
    """
    if picture.pixels > max_pixels:
        width, height = picture.size
        raise too_large(
            f"The image has {width} x {height} = {picture.pixels} pixels, the limit is {max_pixels}; "
            "send a smaller image."
        )
    if picture.scans > MAX_SCANS or picture.scan_pixels > MAX_SCAN_PIXELS:
        raise too_large(
            f"The progressive JPEG image has {picture.scans} scans over {picture.scan_pixels} pixels, the limits are "
            f"{MAX_SCANS} and {MAX_SCAN_PIXELS}; save it as a baseline JPEG."
        )
    memory = picture.memory(scale)
    if memory > max_memory:
        raise too_much(picture, max_memory, memory)
    return max_memory if picture.unbounded else memory


def too_much(picture: Picture, max_memory: int, memory: int | None = None) -> ImageError:
    """The answer to a picture that takes more bytes of memory than it may, ``memory`` where that is known."""
    width, height = picture.size
    needed = f"would take {_megabytes(memory)} of memory" if memory else "takes more memory than it may"
    return too_large(
        f"Decoding the {picture.kind} image of {width} x {height} pixels {needed}, the limit is "
        f"{_megabytes(max_memory)}; send a smaller image, or save it as a baseline JPEG."
    )


def _megabytes(count: int) -> str:
    return f"{-(-count // 1_000_000)} MB"
