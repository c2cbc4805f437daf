"""Why an upload is not used, as the client is told."""

from __future__ import annotations

from typing import Final

ACCEPTED: Final = "JPEG, PNG, WebP, BMP or GIF"


class ImageError(Exception):
    """An upload that cannot be used.

    ``str(error)`` is a sentence for the client, ``status`` the HTTP status, ``kind`` one of ``empty``,
    ``unsupported``, ``damaged``, ``too_large`` and ``internal``.
    """

    def __init__(self, kind: str, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.kind = kind
        self.status = status


def too_large(sentence: str) -> ImageError:
    """The answer to a picture over a limit."""
    return ImageError("too_large", 413, sentence)
