"""From a face to the square picture that the classifier takes: upright, with a margin."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt
from face_boxes import LANDMARKS, Face
from image_structure import SIZE
from PIL import Image
from upright_picture import Box, UprightPicture

# A head is turned upright from so many degrees on. The eyes are found with an error of a few, and the networks have
# seen heads as they are held.
MIN_TILT: Final = 8.0
# More than so many degrees is hardly a tilt that the eyes' places tell truly.
MAX_TILT: Final = 60.0


def crop(picture: UprightPicture, face: Face, margin: float, *, turn: bool = True) -> npt.NDArray[np.uint8]:
    """The face with ``margin``, a part of the side of its box, around it on every side: uint8 (224, 224, 3), RGB.

    What lies outside of the picture repeats its edge. ``turn``: a tilted head is turned upright about its middle.
    """
    left, top, right, bottom = face.box
    centre = ((left + right) / 2, (top + bottom) / 2)
    side = max(face.side * (1 + 2 * margin), 1.0)
    angle = tilt(face) if turn else 0.0
    if not angle:
        return square(picture, centre, side, SIZE)
    reach = abs(math.cos(math.radians(angle))) + abs(math.sin(math.radians(angle)))
    around = Image.fromarray(square(picture, centre, side * reach, round(SIZE * reach)))
    return np.asarray(_turned(around, angle))


def _turned(around: Image.Image, angle: float) -> Image.Image:
    """The middle of the square ``around``, SIZE by SIZE pixels, turned by ``angle`` degrees against the clock."""
    cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    half, middle = SIZE / 2, around.width / 2
    across = (cosine, -sine, middle - half * cosine + half * sine)
    down = (sine, cosine, middle - half * sine - half * cosine)
    return around.transform((SIZE, SIZE), Image.Transform.AFFINE, (*across, *down), Image.Resampling.BILINEAR)


def tilt(face: Face) -> float:
    """Degrees by which the line between the eyes falls from left to right; 0 below MIN_TILT."""
    (x, y), (other_x, other_y) = (face.landmarks[LANDMARKS.index(name)] for name in ("left_eye", "right_eye"))
    angle = math.degrees(math.atan2(other_y - y, other_x - x))
    return angle if MIN_TILT <= abs(angle) <= MAX_TILT else 0.0


def square(picture: UprightPicture, centre: tuple[float, float], side: float, pixels: int) -> npt.NDArray[np.uint8]:
    """The square of ``side`` about ``centre`` at ``pixels`` by ``pixels``; the edge is repeated outside."""
    area = (centre[0] - side / 2, centre[1] - side / 2, centre[0] + side / 2, centre[1] + side / 2)
    within = _within(area, picture.size)
    scale = pixels / side
    width, height = (max(1, round((within[i + 2] - within[i]) * scale)) for i in (0, 1))
    part = np.asarray(picture.cut(within, (min(width, pixels), min(height, pixels))))
    before = [min(max(0, round((within[i] - area[i]) * scale)), pixels - part.shape[1 - i]) for i in (0, 1)]
    after = [pixels - part.shape[1 - i] - before[i] for i in (0, 1)]
    if not any(before + after):
        return part
    return np.pad(part, ((before[1], after[1]), (before[0], after[0]), (0, 0)), mode="edge")


def _within(area: Box, size: tuple[int, int]) -> Box:
    """What of the area lies within the picture; at least a pixel at its edge."""
    left, top = (min(max(area[i], 0.0), size[i] - 1.0) for i in (0, 1))
    right, bottom = (max(min(area[i + 2], float(size[i])), start + 1.0) for i, start in ((0, left), (1, top)))
    return left, top, right, bottom
