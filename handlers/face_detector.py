"""Finds the faces of a picture of any size: large ones in a small copy of it, small ones in a larger copy."""

from __future__ import annotations

from typing import Final

import numpy as np
from face_boxes import Face, Floats, anchors, decode, merge
from face_network import FaceNetwork
from PIL import Image
from upright_picture import UprightPicture

# The shorter and the longer side of an input in pixels: for squares, 4:3 and 16:9. A few, since OpenVINO keeps memory
# for each. In between there are black bars, as MediaPipe puts them.
_Sides = tuple[tuple[int, int], ...]
_SMALL: Final[_Sides] = ((160, 160), (160, 224), (160, 288))
_MIDDLE: Final[_Sides] = ((192, 192), (192, 256), (192, 352))
_LARGE: Final[_Sides] = ((256, 256), (256, 352), (256, 448))
# The values of FACE_DETECTOR, the larger copies first (docs/faces.md has what each finds).
SEARCHES: Final[dict[str, tuple[_Sides, ...]]] = {"thorough": (_LARGE, _SMALL), "quick": (_MIDDLE,)}
# How much smaller than the shorter side an input may make a picture, to do without a larger input.
_ENOUGH: Final = 0.93


class FaceDetector:
    """Finds faces with ``network``, in the copies that ``search``, one of SEARCHES, says."""

    def __init__(self, network: FaceNetwork, search: str) -> None:
        self._network = network
        self._copies = SEARCHES[search]

    def find(self, picture: UprightPicture, min_score: float) -> list[Face]:
        """The faces that score at least ``min_score``, in pixels of the picture: the largest first.

        Boxes may reach over the picture's edges.
        """
        points, scores, copy = [], [], None
        for sides in self._copies:
            canvas = _canvas(picture.size, sides)
            size = _fitting(picture.size, canvas)
            whole = (0.0, 0.0, float(picture.size[0]), float(picture.size[1]))
            copy = picture.cut(whole, size) if copy is None else copy.resize(size, Image.Resampling.BILINEAR)
            found = self._candidates(copy, canvas, min_score)
            points.append(found[0] * (np.array(picture.size) / copy.size).astype(np.float32))
            scores.append(found[1])
        faces = merge(np.concatenate(points), np.concatenate(scores))
        return sorted(faces, key=lambda face: -face.area)

    def _candidates(self, copy: Image.Image, canvas: tuple[int, int], min_score: float) -> tuple[Floats, Floats]:
        """What ``decode`` says of a copy in the middle of a black canvas, in pixels of the copy."""
        left, top = (canvas[0] - copy.width) // 2, (canvas[1] - copy.height) // 2
        pixels = np.zeros((canvas[1], canvas[0], 3), np.uint8)
        pixels[top : top + copy.height, left : left + copy.width] = np.asarray(copy)
        regressors, raw_scores = self._network.infer(pixels)
        points, scores = decode(regressors, raw_scores, anchors(*canvas), min_score)
        return points - np.array([left, top], np.float32), scores


def _canvas(size: tuple[int, int], sides: _Sides) -> tuple[int, int]:
    """Width and height of the input for a picture of ``size``."""
    ratio = max(size) / min(size)
    shorter, longer = next((pair for pair in sides if pair[1] >= _ENOUGH * ratio * pair[0]), sides[-1])
    return (longer, shorter) if size[0] >= size[1] else (shorter, longer)


def _fitting(size: tuple[int, int], canvas: tuple[int, int]) -> tuple[int, int]:
    """Width and height at which a picture of ``size`` just fits into the canvas."""
    scale = min(canvas[0] / size[0], canvas[1] / size[1])
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
