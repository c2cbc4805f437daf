"""Requests of a batch whose answers nobody waits for any more: they are not computed.

TorchServe hands on what waits in its queue, whoever has left meanwhile.
https://github.com/pytorch/serve/blob/v0.12.0/frontend/server/src/main/java/org/pytorch/serve/wlm/Model.java
"""

from __future__ import annotations

import time
from typing import Any, Final

from client_connection import is_open
from image_error import ImageError

# Set by the proxy: when it sent the request (seconds since the epoch), how long it waits for the answer (seconds), and
# whose connection it came by (client_connection.py).
START_HEADER: Final = "X-Request-Start"
TIMEOUT_HEADER: Final = "X-Request-Timeout"
CONNECTION_HEADER: Final = "X-Request-Connection"

KIND: Final = "abandoned"
# Only the proxy sees these. It asks again what is too late, if it still waits after all because the clock was changed.
LATE: Final = 408
CLIENT_GONE: Final = 410

# Who has waited less has hardly left; a service without a queue pays nothing.
PATIENT: Final = 0.1  # seconds


def abandoned(context: Any, requests: int) -> dict[int, ImageError]:
    """The answers to those of a batch that are not computed, by their places in it."""
    now = time.time()
    found = {}
    for index in range(requests):
        waited = now - header_seconds(context.get_request_header(index, START_HEADER), now)
        if waited < PATIENT:
            continue
        if waited > header_seconds(context.get_request_header(index, TIMEOUT_HEADER), waited):
            found[index] = ImageError(KIND, LATE, f"The request waited for {waited:.1f} s, too long; send it again.")
        elif not is_open(context.get_request_header(index, CONNECTION_HEADER) or ""):
            found[index] = ImageError(KIND, CLIENT_GONE, "The client has left; it was not computed.")
    return found


def header_seconds(text: str | None, otherwise: float) -> float:
    """A header's number; ``otherwise`` without one, as in direct use."""
    try:
        return float(text or "")
    except ValueError:
        return otherwise
