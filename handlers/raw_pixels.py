"""Images that come as pixels instead of a file: no decoder sees them."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from image_error import ImageError
from image_structure import SIZE

HEADER: Final = "Content-Type"
# Rows from the top, three bytes a pixel: red, green, blue (proxy/templates/http/torchserve.conf.j2).
CONTENT_TYPE: Final = f"application/x-rgb24;width={SIZE};height={SIZE}"


def read_pixels(content: bytes | bytearray) -> npt.NDArray[np.uint8]:
    """The pixels as uint8 (224, 224, 3), RGB, not copied. Raises ImageError (400) if there are more or fewer."""
    expected = SIZE * SIZE * 3
    if len(content) != expected:
        raise ImageError(
            "damaged", 400, f"The pixels have {len(content)} bytes; send {SIZE} x {SIZE} x 3 = {expected}."
        )
    return np.frombuffer(content, np.uint8).reshape(SIZE, SIZE, 3)
