"""Images that come as pixels instead of a file: no decoder sees them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
from image_error import ImageError
from image_structure import SIZE

HEADER: Final = "Content-Type"
COUNT: Final = SIZE * SIZE * 3
# What lists of numbers are made of in JSON.
NUMBERS: Final = b"0123456789+-.eE,[] \t\r\n"

Pixels = npt.NDArray[np.uint8]


def read_bytes(content: bytes | bytearray) -> Pixels:
    """The pixels as uint8 (224, 224, 3), RGB, not copied. Raises ImageError (400) if there are more or fewer."""
    if len(content) != COUNT:
        raise _damaged(f"The pixels have {len(content)} bytes; send {SIZE} x {SIZE} x 3 = {COUNT}.")
    return np.frombuffer(content, np.uint8).reshape(SIZE, SIZE, 3)


def read_numbers(content: bytes | bytearray) -> Pixels:
    """The same from JSON: a list of whole numbers from 0 to 255, or of lists of such lists, all of the same length.

    Raises ImageError (400) for anything else. The proxy bounds the text (proxy/njs/oip/request.js): 3 MiB of empty
    lists, its worst, take 100 MB for as long as they are read.
    """
    values = _numbers(content)
    if values is None or not np.array_equal(values, values.astype(np.uint8)):
        raise _damaged('The "data" of the pixels holds something else than whole numbers from 0 to 255.')
    if values.size != COUNT:
        raise _damaged(f"The tensor holds {values.size} bytes; by its shape there should be {COUNT}.")
    return values.astype(np.uint8).reshape(SIZE, SIZE, 3)


def _numbers(content: bytes | bytearray) -> npt.NDArray[np.int64 | np.float64] | None:
    if content.translate(None, NUMBERS):
        return None
    try:
        values = np.asarray(json.loads(content))
    except (ValueError, RecursionError):
        return None
    return values if values.dtype.kind in "if" and np.all((values >= 0) & (values <= 255)) else None


def _damaged(message: str) -> ImageError:
    return ImageError("damaged", 400, message)


# By their content types (proxy/templates/http/torchserve.conf.j2): rows from the top, three values a pixel: red, green,
# blue.
READERS: Final[Mapping[str | None, Callable[[bytes | bytearray], Pixels]]] = {
    f"application/x-rgb24;width={SIZE};height={SIZE}": read_bytes,
    f"application/x-rgb24+json;width={SIZE};height={SIZE}": read_numbers,
}
