"""What a request for the faces of a picture asks for, as the proxy writes it into a header."""

from __future__ import annotations

import math
from dataclasses import dataclass

from image_error import ImageError

# Its value: the most faces, and the least score, as in "10 0.5". Requests without it are ordinary predictions.
HEADER = "X-Faces"


@dataclass(frozen=True)
class FacesWish:
    """How many faces to classify at most, and what they must score: 0 to 1."""

    max_faces: int
    min_score: float


def read_wish(header: str | None) -> FacesWish | None:
    """The wish in the header; None without one. Raises ImageError (400) for another value than the proxy writes."""
    if not header:
        return None
    most, _, least = header.partition(" ")
    try:
        wish = FacesWish(int(most), float(least))
    except ValueError as error:
        raise _invalid(header) from error
    if wish.max_faces < 1 or not math.isfinite(wish.min_score):
        raise _invalid(header)
    return wish


def _invalid(header: str) -> ImageError:
    message = f"The header {HEADER} is {header[:80]!r}; send a number and a score, such as '10 0.5'."
    return ImageError("unsupported", 400, message)
