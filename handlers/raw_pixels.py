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

# As many as there are numbers, and those that hold them.
MOST_LISTS: Final = COUNT + SIZE * SIZE + SIZE + 2

Pixels = npt.NDArray[np.uint8]


def read_bytes(content: bytes | bytearray) -> Pixels:
    """The pixels as uint8 (224, 224, 3), RGB, not copied. Raises ImageError (400) if there are more or fewer."""
    if len(content) != COUNT:
        raise _damaged(f"The pixels have {len(content)} bytes; send {SIZE} x {SIZE} x 3 = {COUNT}.")
    return np.frombuffer(content, np.uint8).reshape(SIZE, SIZE, 3)


def read_numbers(content: bytes | bytearray) -> Pixels:
    """The same from JSON: a list of whole numbers from 0 to 255, or of lists of such lists, all of the same length.

    Raises ImageError (400) for anything else, before it is read if it cannot be that many. The proxy bounds the text
    (proxy/njs/oip/request.js).
    """
    count = content.count(b",") + 1
    if count != COUNT:
        raise _damaged(f"The tensor holds {count} bytes; by its shape there should be {COUNT}.")
    values = _numbers(content)
    if values is None or values.size != COUNT or not np.array_equal(values, values.astype(np.uint8)):
        raise _damaged('The "data" of the pixels holds something else than whole numbers from 0 to 255.')
    return values.astype(np.uint8).reshape(SIZE, SIZE, 3)


def _numbers(content: bytes | bytearray) -> npt.NDArray[np.int64 | np.float64] | None:
    if content.translate(None, NUMBERS) or content.count(b"[") > MOST_LISTS:
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
