"""Finds the faces of a picture of any size: candidates on a small canvas, then a closer look at those in doubt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

import numpy as np
import numpy.typing as npt
from face_boxes import SAME_FACE, Face, Floats, anchors, decode, merge, overlap
from face_canvas import GAP, SIDE, Canvas, paint, plan
from face_crop import square
from face_network import FaceNetwork
from upright_picture import UprightPicture

# A candidate that scores less is looked at again, which tells small faces from things better than any limit of the
# score: without it, something is taken for a face in one of fifteen drawn scenes without people. To be a candidate at
# all, it needs a part of the least score. Of small faces and of those that take a fifth of the picture's shorter side
# or more, since things hardly ever look like a large face: of 600 drawn scenes, one in which a thing scored above 0.5.
_SURE: Final = (0.75, 0.62)
_CANDIDATE: Final = (0.35, 0.7)
_LARGE: Final = 0.2
# The closer look: how much of the surroundings, in sides of the face, at how many pixels; and at how many candidates.
_AROUND: Final = 2.6
_CLOSE: Final = (SIDE - GAP) // 2
_MAX_LOOKS: Final = 32
# The corners of the looks that one canvas shows.
_CORNERS: Final = tuple((x, y) for y in (0, SIDE - _CLOSE) for x in (0, SIDE - _CLOSE))
# A face that a closer look finds is the candidate if their boxes share so much.
_SAME: Final = 0.4
_ANCHORS: Final = anchors(SIDE, SIDE)


class FaceDetector:
    """Finds faces with ``network``."""

    def __init__(self, network: FaceNetwork) -> None:
        self._network = network

    def find(self, picture: UprightPicture, min_score: float) -> list[Face]:
        """The faces that score at least ``min_score``, in pixels of the picture: the largest first.

        Boxes may reach over the picture's edges; that part does not make them larger.
        """
        candidates = self._candidates(picture, min_score * min(_CANDIDATE))
        large = _LARGE * min(picture.size)
        sure = [face for face in candidates if face.score >= max(_SURE[face.side >= large], min_score)]
        unsure = iter([face for face in candidates if _is_unsure(face, min_score, large)][:_MAX_LOOKS])
        seen: list[Face] = []
        while some := list(islice(unsure, len(_CORNERS))):
            seen += self._look(picture, some, min_score)
        return sorted(_distinct(sure + seen), key=lambda face: -face.area(picture.size))

    def _candidates(self, picture: UprightPicture, min_score: float) -> list[Face]:
        """What may be a face, the highest score first."""
        found = []
        for patches in plan(picture.size):
            points, scores = self._decoded(paint(picture, patches), min_score)
            for patch in patches:
                here = _within(points, patch.corner, patch.size)
                mapped = _mapped(points[here], patch.corner, patch.scale, patch.box[:2])
                own = _within(mapped, patch.own[:2], (patch.own[2] - patch.own[0], patch.own[3] - patch.own[1]))
                found.append((mapped[own], scores[here][own]))
        return merge(np.concatenate([points for points, _ in found]), np.concatenate([scores for _, scores in found]))

    def _look(self, picture: UprightPicture, faces: Sequence[Face], min_score: float) -> Iterator[Face]:
        """Those of at most four candidates that are faces when they are seen from near, as they are seen then."""
        canvas = np.zeros((SIDE, SIDE, 3), np.uint8)
        places = [(face, *_surroundings(face)) for face in faces]
        for (_, centre, side), (x, y) in zip(places, _CORNERS, strict=False):
            canvas[y : y + _CLOSE, x : x + _CLOSE] = square(picture, centre, side, _CLOSE)
        points, scores = self._decoded(canvas, min_score)
        for (face, centre, side), corner in zip(places, _CORNERS, strict=False):
            here = _within(points, corner, (_CLOSE, _CLOSE))
            origin, scale = (centre[0] - side / 2, centre[1] - side / 2), side / _CLOSE
            seen = merge(_mapped(points[here], corner, (scale, scale), origin), scores[here])
            shared = overlap(_corners(face), np.array([_corners(other) for other in seen]).reshape(-1, 2, 2))
            yield from islice((other for other, part in zip(seen, shared, strict=True) if part > _SAME), 1)

    def _decoded(self, canvas: Canvas, min_score: float) -> tuple[Floats, Floats]:
        """What ``decode`` says of a canvas, in pixels of it."""
        regressors, raw_scores = self._network.infer(canvas)
        return decode(regressors, raw_scores, _ANCHORS, min_score)


def _is_unsure(face: Face, min_score: float, large: float) -> bool:
    """Whether a candidate needs a closer look; ``large`` is the side in pixels from which on a face is large."""
    size = face.side >= large
    return min_score * _CANDIDATE[size] <= face.score < _SURE[size]


def _distinct(faces: list[Face]) -> list[Face]:
    """Of faces that are one, the surest: two candidates may turn out to be the same from near."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.score):
        others = np.array([_corners(other) for other in kept]).reshape(-1, 2, 2)
        if (overlap(_corners(face), others) <= SAME_FACE).all():
            kept.append(face)
    return kept


def _surroundings(face: Face) -> tuple[tuple[float, float], float]:
    """Centre and side of the square that shows a face from near, in pixels of the picture."""
    left, top, right, bottom = face.box
    return ((left + right) / 2, (top + bottom) / 2), max(face.side * _AROUND, 1.0)


def _within(points: Floats, corner: Sequence[float], size: Sequence[float]) -> npt.NDArray[np.bool_]:
    """Which faces have the middle of their box in an area: bool (N,)."""
    middle = (points[:, 0] + points[:, 1]) / 2 - np.array(corner, np.float32)
    inside: npt.NDArray[np.bool_] = (middle >= 0) & (middle < np.array(size, np.float32))
    return inside[:, 0] & inside[:, 1]


def _mapped(points: Floats, corner: Sequence[float], scale: Sequence[float], origin: Sequence[float]) -> Floats:
    """Points on a canvas, (N, 8, 2), as pixels of the picture: ``corner`` of the canvas shows ``origin``."""
    mapped: Floats = (points - np.array(corner, np.float32)) * np.array(scale, np.float32)
    return mapped + np.array(origin, np.float32)


def _corners(face: Face) -> Floats:
    return np.array(face.box, np.float32).reshape(2, 2)
