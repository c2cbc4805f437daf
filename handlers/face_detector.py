"""Finds the faces of a picture of any size: candidates in two small copies of it, then a closer look at them."""

from __future__ import annotations

from concurrent.futures import Executor
from typing import Final

import numpy as np
import numpy.typing as npt
from face_boxes import Face, Floats, anchors, decode, merge, overlap
from face_crop import square
from face_network import FaceNetwork
from PIL import Image
from upright_picture import UprightPicture

# The shorter and the longer side of an input in pixels: for squares, 4:3 and 16:9. A few, since OpenVINO keeps memory
# for each. In between there are black bars, as MediaPipe puts them. A second, smaller copy shows large faces, of which
# the first one misses a third (docs/faces.md has what both find).
_Sides = tuple[tuple[int, int], ...]
_COPIES: Final[tuple[_Sides, ...]] = (
    ((192, 192), (192, 256), (192, 352)),
    ((128, 128), (128, 160), (128, 224)),
)
# How much smaller than the shorter side an input may make a picture, to do without a larger input.
_ENOUGH: Final = 0.93
# A candidate that scores less is looked at again, which tells small faces from things better than any limit of the
# score: without it, something is taken for a face in one of fifteen drawn scenes without people. To be a candidate at
# all, it needs this part of the least score.
_SURE: Final = 0.75
_CANDIDATE: Final = 0.6
# The closer look: how much of the surroundings, in sides of the face, at how many pixels; and at how many candidates.
_AROUND: Final = 2.2
_CLOSE: Final = 128
_MAX_LOOKS: Final = 16
# A face that a closer look finds is the candidate if their boxes share so much.
_SAME: Final = 0.4


class FaceDetector:
    """Finds faces with ``network``."""

    def __init__(self, network: FaceNetwork) -> None:
        self._network = network

    def find(self, picture: UprightPicture, min_score: float, helper: Executor | None = None) -> list[Face]:
        """The faces that score at least ``min_score``, in pixels of the picture: the largest first.

        Boxes may reach over the picture's edges. A ``helper`` looks at one of the copies.
        """
        candidates = self._candidates(picture, min_score * _CANDIDATE, helper)
        sure = [face for face in candidates if face.score >= max(_SURE, min_score)]
        unsure = [face for face in candidates if face.score < _SURE][:_MAX_LOOKS]
        seen = [self._look(picture, face, min_score) for face in unsure]
        return sorted(sure + [face for face in seen if face], key=lambda face: -face.area)

    def _candidates(self, picture: UprightPicture, min_score: float, helper: Executor | None) -> list[Face]:
        """What may be a face, the highest score first."""
        canvases = [_canvas(picture.size, sides) for sides in _COPIES]
        sizes = [_fitting(picture.size, canvas) for canvas in canvases]
        large = picture.cut((0.0, 0.0, float(picture.size[0]), float(picture.size[1])), sizes[0])
        small = large.resize(sizes[1], Image.Resampling.BILINEAR)
        other = helper.submit(self._in_copy, small, canvases[1], min_score) if helper else None
        found = self._in_copy(large, canvases[0], min_score)
        rest = other.result() if other else self._in_copy(small, canvases[1], min_score)
        scales = [(np.array(picture.size) / size).astype(np.float32) for size in sizes]
        points = np.concatenate([found[0] * scales[0], rest[0] * scales[1]])
        return merge(points, np.concatenate([found[1], rest[1]]))

    def _look(self, picture: UprightPicture, face: Face, min_score: float) -> Face | None:
        """The candidate as it is seen from near; None if it is no face then."""
        left, top, right, bottom = face.box
        side = max(face.side * _AROUND, 1.0)
        centre = ((left + right) / 2, (top + bottom) / 2)
        pixels = square(picture, centre, side, _CLOSE)
        points, scores = self._decoded(pixels, min_score)
        corner = np.array([centre[0] - side / 2, centre[1] - side / 2], np.float32)
        seen = merge(points * np.float32(side / _CLOSE) + corner, scores)
        shared = overlap(_corners(face), np.array([_corners(other) for other in seen]).reshape(-1, 2, 2))
        return next((other for other, part in zip(seen, shared, strict=True) if part > _SAME), None)

    def _in_copy(self, copy: Image.Image, canvas: tuple[int, int], min_score: float) -> tuple[Floats, Floats]:
        """What ``decode`` says of a copy in the middle of a black canvas, in pixels of the copy."""
        left, top = (canvas[0] - copy.width) // 2, (canvas[1] - copy.height) // 2
        pixels = np.zeros((canvas[1], canvas[0], 3), np.uint8)
        pixels[top : top + copy.height, left : left + copy.width] = np.asarray(copy)
        points, scores = self._decoded(pixels, min_score)
        return points - np.array([left, top], np.float32), scores

    def _decoded(self, pixels: npt.NDArray[np.uint8], min_score: float) -> tuple[Floats, Floats]:
        regressors, raw_scores = self._network.infer(pixels)
        return decode(regressors, raw_scores, anchors(pixels.shape[1], pixels.shape[0]), min_score)


def _corners(face: Face) -> Floats:
    return np.array(face.box, np.float32).reshape(2, 2)


def _canvas(size: tuple[int, int], sides: _Sides) -> tuple[int, int]:
    """Width and height of the input for a picture of ``size``."""
    ratio = max(size) / min(size)
    shorter, longer = next((pair for pair in sides if pair[1] >= _ENOUGH * ratio * pair[0]), sides[-1])
    return (longer, shorter) if size[0] >= size[1] else (shorter, longer)


def _fitting(size: tuple[int, int], canvas: tuple[int, int]) -> tuple[int, int]:
    """Width and height at which a picture of ``size`` just fits into the canvas."""
    scale = min(canvas[0] / size[0], canvas[1] / size[1])
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
