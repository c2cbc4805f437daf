"""Classified faces, and the JSON that says them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from face_boxes import LANDMARKS, Face
from face_finder import FoundFaces
from image_error import ImageError

Row = npt.NDArray[np.float32]
Prepared = npt.NDArray[np.uint8] | FoundFaces | ImageError


@dataclass(frozen=True)
class ClassifiedFaces:
    """The faces of a picture with the probabilities of each: float32 (classes,)."""

    found: FoundFaces
    rows: tuple[Row, ...]


Result = Row | ClassifiedFaces | ImageError


def images_of(prepared: Sequence[Prepared]) -> list[npt.NDArray[np.uint8]]:
    """Everything of a batch that the network is to compute: whole pictures and faces, uint8 (224, 224, 3) each."""
    images: list[npt.NDArray[np.uint8]] = []
    for item in prepared:
        if isinstance(item, FoundFaces):
            images += item.crops
        elif not isinstance(item, ImageError):
            images.append(item)
    return images


def with_rows(prepared: Sequence[Prepared], rows: Iterator[Row]) -> list[Result]:
    """What the network answered, back to the request it belongs to; ``rows`` are in the order of ``images_of``."""
    results: list[Result] = []
    for item in prepared:
        if isinstance(item, FoundFaces):
            results.append(ClassifiedFaces(item, tuple(next(rows) for _ in item.crops)))
        else:
            results.append(item if isinstance(item, ImageError) else next(rows))
    return results


def is_usable(result: Row | ClassifiedFaces) -> bool:
    """Whether a network's answer can be sent: all of its values are numbers."""
    rows = result.rows if isinstance(result, ClassifiedFaces) else (result,)
    return all(bool(np.isfinite(row).all()) for row in rows)


def faces_answer(
    result: ClassifiedFaces, description: Mapping[str, Any], predicted: Callable[[Row], dict[str, Any]]
) -> dict[str, Any]:
    """The API's answer. ``predicted`` makes ``predictions``, ``top_emotion`` and ``confidence`` of a row."""
    width, height = result.found.size
    return {
        "success": True,
        "model": description["model"],
        "image": {"width": width, "height": height},
        "faces": [
            {**_place(face, width, height), **predicted(row)}
            for face, row in zip(result.found.faces, result.rows, strict=True)
        ],
        "omitted": result.found.omitted,
        "version": description["version"],
        **({"stand_in": True} if description.get("stand_in") else {}),
    }


def faces_report(result: ClassifiedFaces, emotions: Sequence[str]) -> dict[str, Any]:
    """For the metrics: how many faces there are, the seconds of finding them, and how often each emotion came first."""
    first = Counter(emotions[int(np.argmax(row))] for row in result.rows)
    return {
        "faces": len(result.rows) + result.found.omitted,
        "detect": result.found.seconds,
        "emotions": dict(first),
    }


def _place(face: Face, width: int, height: int) -> dict[str, Any]:
    """Box and landmarks in whole pixels; the box ends at the picture's edges."""
    left, top, right, bottom = face.pixels((width, height))
    points = zip(LANDMARKS, face.landmarks, strict=True)
    return {
        "box": {"x": left, "y": top, "width": right - left, "height": bottom - top},
        "score": round(face.score, 4),
        "landmarks": {name: {"x": round(x), "y": round(y)} for name, (x, y) in points},
    }
