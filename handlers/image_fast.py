"""A decoded picture to 224×224 pixels by SIMD instructions, nearly as Pillow does: archives of fast preprocessing."""

from __future__ import annotations

import importlib
import importlib.util
from functools import cache
from typing import Any, Final

from image_resize import turn
from image_structure import SIZE
from PIL import Image

_LIBRARY: Final = "cykooz_resizer"  # fast_image_resize, https://github.com/Cykooz/cykooz.resizer
# Others are converted first, strip by strip, which image_resize does.
_MODES: Final = ("RGB", "L")
# The library may pass over the columns first, and then holds a picture of 224 lines as long as the original's.
_LONGEST_LINE: Final = 4096


def require() -> None:
    """Raise ValueError where the library is missing."""
    if importlib.util.find_spec(_LIBRARY) is None:
        raise ValueError(
            "this archive's fast preprocessing needs cykooz-resizer; install requirements.txt, or build it again with "
            "PREPROCESSING=exact"
        )


def can_shrink(image: Image.Image) -> bool:
    """Whether the picture is of a kind that is shrunk here, within the memory of the decoded picture."""
    return image.mode in _MODES and (min(image.size) >= SIZE or max(image.size) <= _LONGEST_LINE)


def shrink(image: Image.Image, orientation: int) -> Image.Image:
    """Shrink to 224×224 and turn: RGB or grey. Pillow's filter, rounded otherwise: a byte differs by one at most.

    In a picture that lies on its side, whose passes change places, by two.
    """
    small = Image.new(image.mode, (SIZE, SIZE))
    resizer, options = _library().Resizer(), _bilinear()  # a resizer is not to be shared by threads
    resizer.resize_pil(image, small, options)
    return turn(small, orientation)


@cache
def _library() -> Any:
    """Imported only by workers that use it."""
    return importlib.import_module(_LIBRARY)


@cache
def _bilinear() -> Any:
    library = _library()
    return library.ResizeOptions(resize_alg=library.ResizeAlg.convolution(library.FilterType.bilinear))
