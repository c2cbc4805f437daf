"""What BlazeFace's outputs mean: from numbers for each anchor to the faces of a picture. numpy only.

Anchors, decoding and weighted suppression follow MediaPipe's open graphs and calculators (Apache-2.0):
https://github.com/google-ai-edge/mediapipe/tree/v0.10.14/mediapipe/modules/face_detection
https://github.com/google-ai-edge/mediapipe/blob/v0.10.14/mediapipe/calculators/tflite/ssd_anchors_calculator.cc
https://github.com/google-ai-edge/mediapipe/blob/v0.10.14/mediapipe/calculators/util/non_max_suppression_calculator.cc
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

# The network's points after the box, in its order. Left and right are the viewer's.
LANDMARKS: Final = ("left_eye", "right_eye", "nose", "mouth", "left_ear", "right_ear")
# Boxes that share more than this of their union are one face.
SAME_FACE: Final = 0.3
# Pixels from one anchor to the next: `strides` of face_detection_full_range.pbtxt, which has one layer.
STRIDE: Final = 4
# Below -80 the exponential would overflow in float32; MediaPipe clips at 100.
MAX_RAW_SCORE: Final = 80
# From here on the sigmoid is 1 in float32.
CERTAIN_RAW_SCORE: Final = 24 * math.log(2)
# Anchors that are compared with each other: some ten belong to a face.
MAX_CANDIDATES: Final = 500


@dataclass(frozen=True)
class Face:
    """A face in a picture. ``box`` is left, top, right, bottom, ``landmarks`` six points: x, y; ``score`` is 0 to 1."""

    box: tuple[float, float, float, float]
    score: float
    landmarks: tuple[tuple[float, float], ...]

    @property
    def side(self) -> float:
        """The longer of width and height."""
        return max(self.box[2] - self.box[0], self.box[3] - self.box[1])

    def pixels(self, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """The box in whole pixels, ended at the edges of a picture of ``size``: left, top, right, bottom."""
        left, right = (round(min(max(x, 0), size[0])) for x in (self.box[0], self.box[2]))
        top, bottom = (round(min(max(y, 0), size[1])) for y in (self.box[1], self.box[3]))
        return left, top, right, bottom

    def area(self, size: tuple[int, int]) -> int:
        """How many pixels of a picture of ``size`` the box covers."""
        left, top, right, bottom = self.pixels(size)
        return (right - left) * (bottom - top)


def anchors(width: int, height: int) -> Floats:
    """The anchors of an input of so many pixels, one in the middle of each cell: float32 (N, 2), x and y in pixels."""
    across, down = (np.arange(length // STRIDE, dtype=np.float32) * STRIDE + STRIDE / 2 for length in (width, height))
    x, y = np.meshgrid(across, down)
    return np.stack([x.ravel(), y.ravel()], axis=1)


def decode(regressors: Floats, scores: Floats, centres: Floats, min_score: float) -> tuple[Floats, Floats]:
    """The points and scores of the anchors that score at least ``min_score``; the highest, if there are too many.

    ``regressors`` are (N, 16): centre, width and height, six landmarks, in pixels of the network's input, relative to
    the anchors ``centres`` (N, 2) but for width and height; ``scores`` are (N,), before the sigmoid. Returns (M, 8, 2),
    two corners and six landmarks in pixels of the input, and (M,).
    """
    # Some ten of thousands of anchors score enough: nothing is computed of the others.
    enough = np.flatnonzero(scores >= _raw_score(min_score))
    if len(enough) > MAX_CANDIDATES:
        enough = enough[np.argsort(-scores[enough], kind="stable")[:MAX_CANDIDATES]]
    points, raw_scores = regressors[enough].reshape(-1, 8, 2), scores[enough]
    half = points[:, 1] / 2
    points += centres[enough, None]
    points[:, 1] = points[:, 0] + half
    points[:, 0] -= half
    if not (half.min(initial=1) > 0 and np.isfinite(points).all()):
        usable = (half > 0).all(axis=1) & np.isfinite(points).all(axis=(1, 2))
        points, raw_scores = points[usable], raw_scores[usable]
    return points, (1 / (1 + np.exp(-raw_scores))).astype(np.float32, copy=False)


def _raw_score(score: float) -> float:
    """The least that is a score of 0 to 1 after the sigmoid."""
    if not 0 < score < 1:
        return CERTAIN_RAW_SCORE if score >= 1 else -MAX_RAW_SCORE
    return min(max(math.log(score / (1 - score)), -MAX_RAW_SCORE), CERTAIN_RAW_SCORE)


def merge(points: Floats, scores: Floats) -> list[Face]:
    """One face for all candidates that overlap: their mean, weighted by the scores; its score is the highest.

    Takes what ``decode`` returns, or more of it; returns the faces, the highest score first.
    """
    order = np.argsort(-scores, kind="stable")
    points, scores = points[order], scores[order]
    faces = []
    while len(points):
        same = overlap(points[0, :2], points[:, :2]) > SAME_FACE
        same[0] = True
        weights = scores[same]
        mean = (weights @ points[same].reshape(-1, 16) / weights.sum()).tolist()
        left, top, right, bottom = mean[:4]
        landmarks = tuple(zip(mean[4::2], mean[5::2], strict=True))
        faces.append(Face((left, top, right, bottom), float(scores[0]), landmarks))
        points, scores = points[~same], scores[~same]
    return faces


def overlap(box: Floats, boxes: Floats) -> Floats:
    """The shared part of the union of a box (2, 2) with each of ``boxes`` (N, 2, 2): float32 (N,), 0 to 1."""
    corner, opposite = np.maximum(box[0], boxes[:, 0]), np.minimum(box[1], boxes[:, 1])
    shared = _area(np.maximum(opposite - corner, 0))
    areas = _area(boxes[:, 1] - boxes[:, 0]) + _area(box[1] - box[0])
    result: Floats = shared / np.maximum(areas - shared, np.float32(1e-12))
    return result


def _area(sides: Floats) -> Floats:
    """Width by height, which come last."""
    area: Floats = sides[..., 0] * sides[..., 1]
    return area
