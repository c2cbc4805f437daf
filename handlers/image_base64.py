"""Images that come as Base64 out of JSON: the proxy passes a string on as it was written there, without reading it."""

from __future__ import annotations

import base64
import json
from typing import Final

from image_error import ImageError

CONTENT_TYPE: Final = "application/x-base64"


def read_base64(text: bytes | bytearray) -> bytes:
    """The bytes that the inside of a JSON string says, with or without padding. Raises ImageError (400)."""
    try:
        plain = json.loads(b'"' + text + b'"').encode("ascii") if b"\\" in text else bytes(text)
        letters = plain.rstrip(b"=")
        return base64.b64decode(letters + b"=" * (-len(letters) % 4), validate=True)
    except ValueError:
        message = "JSON cannot hold bytes: write each image in Base64, or send it as binary data."
        raise ImageError("damaged", 400, message) from None
