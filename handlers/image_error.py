"""Why an upload cannot be used: the error that a client gets."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

ACCEPTED: Final = "JPEG, PNG, WebP, BMP or GIF"
ACCEPTED_WITH_AVIF: Final = "JPEG, PNG, WebP, BMP, GIF or AVIF"


class ImageError(Exception):
    """An upload that cannot be used.

    ``str(error)`` is the message for the client, ``status`` the HTTP status, ``kind`` one of ``empty``,
    ``unsupported``, ``damaged``, ``too_large``, ``internal``, ``abandoned`` and ``deferred``.
    """

    def __init__(self, kind: str, status: int, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.status = status


def too_large(message: str) -> ImageError:
    """The answer to a picture over a limit."""
    return ImageError("too_large", 413, message)


def deferred() -> ImageError:
    """For an image that others of its batch kept from being decoded; only the proxy sees it, and asks again."""
    return ImageError("deferred", HTTPStatus.TOO_EARLY, "Other large images were decoded first; send it again.")


def damaged(message: str) -> ImageError:
    """The answer to a file with something wrong in it."""
    return ImageError("damaged", 400, message)


def unsupported(what: str, remedy: str) -> ImageError:
    """The answer to a whole file of an accepted format, but of a rare kind that is not decoded."""
    return ImageError("unsupported", 415, f"The file is {what}, which is not accepted; {remedy}.")
