"""A picture's pixels, by Pillow, within a budget of processor time."""

from __future__ import annotations

import io
import time
import warnings
from collections.abc import Callable
from typing import Final

from image_error import ImageError, too_large
from image_structure import SIZE, Picture
from PIL import Image, ImageFile, _webp

# Bytes that the decoder gets at once: it cannot be interrupted before it asks for more. 8 kB of a PNG unpack to 8 MB.
_READ_BYTES: Final = {"PNG": 8 << 10}
# The side from which on a JPEG may be decoded at a reduced size.
REDUCED_SIDE: Final = 2 * SIZE

Image.preinit()
# The limit here is max_pixels, checked before decoding, and answered as such.
Image.MAX_IMAGE_PIXELS = None
# What Pillow thinks of broken metadata does not belong in a service's log.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


def decode(picture: Picture, max_seconds: float, *, reduced: bool = False) -> Image.Image:
    """Decode a picture in the mode of its file.

    Raises ImageError (413) if this thread spends more than ``max_seconds`` of processor time on it, and whatever
    Pillow raises for a damaged file.
    """
    if picture.format == "WEBP":
        return _decode_webp(picture.content)
    image = Image.open(io.BytesIO(picture.content), formats=(picture.format,))
    assert isinstance(image, ImageFile.ImageFile)  # noqa: S101 - for mypy: an opened file is one
    if reduced and picture.format == "JPEG":
        image.draft(None, (REDUCED_SIDE, REDUCED_SIDE))
    image.decodermaxblock = _READ_BYTES.get(picture.format, image.decodermaxblock)
    _limit_time(image, picture, max_seconds)
    try:
        image.load()
    finally:
        # It refers to the image, which would then live on, pixels and all, until Python looks for such cycles.
        del image.__dict__["load_read"]
    return image


def scale(picture: Picture, *, reduced: bool) -> int:
    """The divisor of a side that Pillow lets libjpeg decode a reduced JPEG with."""
    if not reduced or picture.format != "JPEG":
        return 1
    most = min(side // REDUCED_SIDE for side in picture.size)
    return next((divisor for divisor in (8, 4, 2) if divisor <= most), 1)


def _decode_webp(content: bytes) -> Image.Image:
    """By Pillow's decoder without its plugin, which copies the pixels once more."""
    decoder = _webp.WebPAnimDecoder(content)
    size, _, _, _, mode = decoder.get_info()
    pixels, _ = decoder.get_next()
    return Image.frombuffer(mode, size, pixels, "raw", mode, 0, 1)


def _limit_time(image: ImageFile.ImageFile, picture: Picture, max_seconds: float) -> None:
    """Let Pillow's decoder ask for the next bytes of the file only as long as there is time."""
    assert image.fp is not None  # noqa: S101 - for mypy: it is open
    read: Callable[[int], bytes] = getattr(image, "load_read", image.fp.read)
    end = time.thread_time() + max_seconds

    def read_in_time(size: int) -> bytes:
        if time.thread_time() > end:
            raise too_slow(picture, max_seconds)
        return read(size)

    image.__dict__["load_read"] = read_in_time


def too_slow(picture: Picture, max_seconds: float) -> ImageError:
    """The answer to a picture that takes more time than it may."""
    width, height = picture.size
    return too_large(
        f"Decoding the {picture.kind} image of {width} x {height} pixels takes more than {max_seconds:g} seconds of "
        "processor time; send a smaller image, or save it as a baseline JPEG."
    )
