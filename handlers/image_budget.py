"""The memory that images decoded at the same time may take together."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class MemoryBudget:
    """``limit`` bytes, shared by the threads that decode."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0
        self._given_back = threading.Condition()

    @contextmanager
    def reserve(self, size: int) -> Iterator[None]:
        """Hold ``size`` bytes, when others have given back enough; one that is alone may have more than there are."""
        with self._given_back:
            self._given_back.wait_for(lambda: not self._taken or self._taken + size <= self._limit)
            self._taken += size
        try:
            yield
        finally:
            with self._given_back:
                self._taken -= size
                self._given_back.notify_all()
