"""A decoded picture to 224×224 pixels by SIMD instructions, nearly as Pillow does: archives of fast preprocessing."""

from __future__ import annotations

import importlib
import importlib.util
from functools import cache
from typing import Any, Final

from image_resize import turn
from image_structure import SIZE
from PIL import Image

Box = tuple[float, float, float, float]
_LIBRARY: Final = "cykooz_resizer"  # fast_image_resize, https://github.com/Cykooz/cykooz.resizer
# Others are converted first, strip by strip, which image_resize does.
_MODES: Final = ("RGB", "L")
# The library may pass over the columns first, and then holds a picture of 224 lines as long as the original's.
_LONGEST_LINE: Final = 4096


@cache
def is_installed() -> bool:
    """Whether the library is there; it has no wheels for Arm."""
    return importlib.util.find_spec(_LIBRARY) is not None


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
    return turn(resize(image, (SIZE, SIZE)), orientation)


def resize(image: Image.Image, size: tuple[int, int], box: Box | None = None) -> Image.Image:
    """The part of an RGB or grey picture in ``box`` (left, top, right, bottom; default: all of it) at ``size``."""
    small = Image.new(image.mode, size)
    part = box and _library().CropBox(box[0], box[1], box[2] - box[0], box[3] - box[1])
    resizer = _library().Resizer()  # not to be shared by threads
    resizer.resize_pil(image, small, _options(part))
    return small


def _options(part: Any) -> Any:
    library = _library()
    return library.ResizeOptions(_bilinear(), crop_box=part)


@cache
def _library() -> Any:
    """Imported only by workers that use it."""
    return importlib.import_module(_LIBRARY)


@cache
def _bilinear() -> Any:
    library = _library()
    return library.ResizeAlg.convolution(library.FilterType.bilinear)
