"""Finds the faces of a picture of any size: candidates on a small canvas, then a closer look at those in doubt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

import numpy as np
from face_boxes import SAME_FACE, Face, Floats, anchors, decode, merge, overlap
from face_canvas import GAP, SIDE, Canvas, Patch, paint, plan
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
            found += [patch.faces(points, scores) for patch in patches]
        return merge(np.concatenate([points for points, _ in found]), np.concatenate([scores for _, scores in found]))

    def _look(self, picture: UprightPicture, faces: Sequence[Face], min_score: float) -> Iterator[Face]:
        """Those of at most four candidates that are faces when they are seen from near, as they are seen then."""
        canvas = np.zeros((SIDE, SIDE, 3), np.uint8)
        patches = [_around(face, corner) for face, corner in zip(faces, _CORNERS, strict=False)]
        for patch in patches:
            (left, top, right, bottom), (x, y) = patch.box, patch.corner
            centre = ((left + right) / 2, (top + bottom) / 2)
            canvas[y : y + _CLOSE, x : x + _CLOSE] = square(picture, centre, right - left, _CLOSE)
        points, scores = self._decoded(canvas, min_score)
        for face, patch in zip(faces, patches, strict=True):
            seen = merge(*patch.faces(points, scores))
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
        if not kept or (overlap(_corners(face), np.array([_corners(other) for other in kept])) <= SAME_FACE).all():
            kept.append(face)
    return kept


def _around(face: Face, corner: tuple[int, int]) -> Patch:
    """The square that shows a face from near, with its corner at ``corner`` of a canvas."""
    left, top, right, bottom = face.box
    x, y, half = (left + right) / 2, (top + bottom) / 2, max(face.side * _AROUND, 1.0) / 2
    box = (x - half, y - half, x + half, y + half)
    return Patch(box, (_CLOSE, _CLOSE), corner, box)


def _corners(face: Face) -> Floats:
    return np.array(face.box, np.float32).reshape(2, 2)
