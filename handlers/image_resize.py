"""A decoded picture to 224×224 pixels, RGB: the same bytes, however it is divided among threads and strips."""

from __future__ import annotations

from concurrent.futures import Executor
from typing import Final

import numpy as np
from image_structure import SIZE, STRIP
from PIL import Image

TRANSPOSE: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Pixels from which on shrinking an image takes longer than waking another thread.
_WORTH_HELP: Final = 100_000
READY: Final = ("RGB", "L")
_GREY: Final = ("1", "L", "LA")
_SIXTEEN_TO_EIGHT_BITS: Final = ((np.arange(65536, dtype=np.uint32) + 128) // 257).astype(np.uint8)


def shrink(image: Image.Image, orientation: int, helper: Executor | None) -> Image.Image:
    """Shrink to 224×224 and turn: RGB or grey. A ``helper`` does half of the work on a large image.

    Pillow resizes one side first, then the other, and rounds in between. In the first pass no line depends on another.
    Shrinking first and turning afterwards gives the same bytes as the other way round, if the same side comes first.
    """
    upright = not _height_first(image.size, orientation)
    divided = image.width * image.height >= (_WORTH_HELP if helper else STRIP)
    if image.mode not in READY or divided:
        image = _first_pass(image, upright, helper if divided else None)
    elif not upright:
        image = image.resize((image.width, SIZE), Image.Resampling.BILINEAR)
    image = image.resize((SIZE, SIZE), Image.Resampling.BILINEAR)
    return turn(image, orientation)


def turn(image: Image.Image, orientation: int) -> Image.Image:
    """Apply EXIF's orientation."""
    return image.transpose(TRANSPOSE[orientation]) if orientation in TRANSPOSE else image


def _height_first(size: tuple[int, int], orientation: int) -> bool:
    """Whether the height of the picture as it lies is shrunk first.

    Pillow takes the width first, but for pictures a hundred times as high as wide. Of a picture that lies on its
    side, height and width change places.
    """
    width, height = size
    if orientation >= 5:
        return not width > max(100 * height, SIZE)
    return height > max(100 * width, SIZE)


def _first_pass(image: Image.Image, upright: bool, helper: Executor | None) -> Image.Image:
    """Shrink the width (``upright``) or the height alone to 224, in strips, and convert to RGB or grey."""
    image.info.pop("transparency", None)  # dropped by the conversion anyway, with a warning
    width, height = image.size
    lines = height if upright else width
    narrow = Image.new(_mode(image), (SIZE, height) if upright else (width, SIZE))
    middle = lines // 2 if helper else 0
    other = helper.submit(_shrink_lines, image, narrow, upright, 0, middle) if helper and middle else None
    _shrink_lines(image, narrow, upright, middle, lines)
    if other:
        other.result()
    return narrow


def _shrink_lines(image: Image.Image, narrow: Image.Image, upright: bool, first: int, last: int) -> None:
    """The first pass over the rows (``upright``) or columns from ``first`` to before ``last``."""
    width, height = image.size
    step = max(1, STRIP // (width if upright else height))
    for start in range(first, last, step):
        end = min(start + step, last)
        box = (0, start, width, end) if upright else (start, 0, end, height)
        size = (SIZE, end - start) if upright else (end - start, SIZE)
        strip = image if box == (0, 0, width, height) else image.crop(box)
        narrow.paste(to_8_bits(strip).resize(size, Image.Resampling.BILINEAR), box[:2] if upright else (start, 0))


def _mode(image: Image.Image) -> str:
    """L where all three channels would be the same, else RGB."""
    return "L" if image.mode in _GREY or image.mode.startswith("I") else "RGB"


def to_8_bits(image: Image.Image) -> Image.Image:
    """The image in the mode that ``_mode`` says; 16-bit grey is scaled."""
    if image.mode.startswith("I"):
        return Image.fromarray(_SIXTEEN_TO_EIGHT_BITS[np.asarray(image).clip(0, 65535)])
    mode = _mode(image)
    return image if image.mode == mode else image.convert(mode)
