"""Where the parts of a picture lie on the square canvas that the face detector looks at.

One network of one size does for every picture: OpenVINO keeps some 15 MB for each size, and takes a millisecond longer
for a network of any size. So a landscape of 4:3 lies at the top, a portrait at the left, and the strip that remains
holds a smaller copy of the whole picture, for faces too large for the first. A longer picture takes two canvases.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt
from face_boxes import Floats
from upright_picture import Box, UprightPicture

# Pixels: of the canvas, of the larger copy's shorter side, and of the strip for the smaller one.
SIDE: Final = 224
_LARGE: Final = 168
_STRIP: Final = 48
# Black between what must not be seen together: without it one in fifty faces is lost.
GAP: Final = SIDE - _LARGE - _STRIP
# The longer side by the shorter one of what fits beside the strip.
_RATIO: Final = SIDE / _LARGE
# By so much a picture may be longer, and is made a little smaller instead of taking two canvases.
_ENOUGH: Final = 1.07
# Of a very long picture each of the two canvases shows so much.
_HALF: Final = 0.55

Canvas = npt.NDArray[np.uint8]
Size = tuple[int, int]


@dataclass(frozen=True)
class Patch:
    """The part ``box`` of a picture, at ``size`` pixels, with its corner at ``corner`` of a canvas.

    Faces count here if their middle lies in ``own``, a part of the picture.
    """

    box: Box
    size: Size
    corner: Size
    own: Box

    @cached_property
    def scale(self) -> Floats:
        """Pixels of the picture by one of the canvas: across and down."""
        left, top, right, bottom = self.box
        return np.array([(right - left) / self.size[0], (bottom - top) / self.size[1]], np.float32)

    @cached_property
    def origin(self) -> Floats:
        """Where the corner of the canvas would be in the picture."""
        return np.array(self.box[:2], np.float32) - np.array(self.corner, np.float32) * self.scale

    @cached_property
    def _own_on_canvas(self) -> Floats:
        return (np.array(self.own, np.float32).reshape(2, 2) - self.origin) / self.scale

    def faces(self, points: Floats, scores: Floats) -> tuple[Floats, Floats]:
        """Those of a canvas's faces, (N, 8, 2) and (N,), that count here: in pixels of the picture."""
        middle = (points[:, 0] + points[:, 1]) / 2
        first, last = self._own_on_canvas
        here = ((middle >= first) & (middle < last)).all(axis=1)
        return points[here] * self.scale + self.origin, scores[here]


@lru_cache(maxsize=64)
def plan(size: Size) -> tuple[tuple[Patch, ...], ...]:
    """The patches of each canvas, one or two, for a picture of ``size``."""
    lying = size[0] >= size[1]
    longer, shorter = max(size), min(size)
    tiles = _tiles(longer, shorter)
    scale = min(SIDE / (tiles[0][1] - tiles[0][0]), _LARGE / shorter)
    canvases = [[_patch(tile, own, shorter, scale, 0, lying)] for tile, own in _owned(tiles, longer)]
    small = min(SIDE / longer, _STRIP / shorter)
    whole = (0.0, float(longer))
    canvases[0].append(_patch(whole, whole, shorter, small, SIDE - _STRIP, lying))
    return tuple(tuple(patches) for patches in canvases)


def paint(picture: UprightPicture, patches: Sequence[Patch]) -> Canvas:
    """The patches on black: uint8 (SIDE, SIDE, 3), RGB."""
    canvas = np.zeros((SIDE, SIDE, 3), np.uint8)
    for patch in patches:
        (left, top), (width, height) = patch.corner, patch.size
        canvas[top : top + height, left : left + width] = np.asarray(picture.glance(patch.box, patch.size))
    return canvas


def _tiles(longer: int, shorter: int) -> list[tuple[float, float]]:
    """Begin and end of the parts of the longer side that are looked at in turn."""
    if longer <= _RATIO * _ENOUGH * shorter:
        return [(0.0, float(longer))]
    length = max(_RATIO * shorter, _HALF * longer)
    return [(0.0, length), (longer - length, float(longer))]


def _owned(tiles: list[tuple[float, float]], longer: int) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """Each tile with the part of it in which faces count: of two that overlap, up to the middle."""
    if len(tiles) == 1:
        return [(tiles[0], tiles[0])]
    middle = longer / 2
    return [(tiles[0], (0.0, middle)), (tiles[1], (middle, float(longer)))]


def _patch(
    along: tuple[float, float], own: tuple[float, float], shorter: int, scale: float, across: int, lying: bool
) -> Patch:
    """The patch of a part of the longer side; ``across`` is where it lies on the canvas in the other direction."""
    length, breadth = max(1, round((along[1] - along[0]) * scale)), max(1, round(shorter * scale))
    if lying:
        return Patch((along[0], 0.0, along[1], shorter), (length, breadth), (0, across), (own[0], 0.0, own[1], shorter))
    return Patch((0.0, along[0], shorter, along[1]), (breadth, length), (across, 0), (0.0, own[0], shorter, own[1]))
