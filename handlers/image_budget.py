"""The memory that images decoded at the same time may take together, and when large ones are for a later batch."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from image_error import deferred

# A large image is begun within so many seconds of its batch, else in a later one: a batch is answered as a whole, and a
# worker that takes longer than responseTimeout (model-config.yaml) for one is taken for hung. Eight PNGs of 49
# megapixels, which are decoded one after the other, took that long.
PATIENCE_SECONDS: Final = 2.0
# A large one takes more than this part of the limit: some 8 megapixels of the default.
LARGE_PART: Final = 1 / 8


class MemoryBudget:
    """``limit`` bytes, shared by the threads that decode."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0
        self._given_back = threading.Condition()
        self._end = float("inf")

    def begin_batch(self) -> None:
        """From now on large images may be begun for PATIENCE_SECONDS."""
        self._end = time.monotonic() + PATIENCE_SECONDS

    @contextmanager
    def reserve(self, size: int) -> Iterator[None]:
        """Hold ``size`` bytes, when others have given back enough; one that is alone may have more than there are.

        Raises ImageError (425) for a large image that cannot be begun in time.
        """
        end = self._end if size > self._limit * LARGE_PART else float("inf")
        with self._given_back:
            while time.monotonic() < end and self._taken and self._taken + size > self._limit:
                self._given_back.wait(min(PATIENCE_SECONDS, end - time.monotonic()))
            if time.monotonic() >= end:
                raise deferred()
            self._taken += size
        try:
            yield
        finally:
            with self._given_back:
                self._taken -= size
                self._given_back.notify_all()
