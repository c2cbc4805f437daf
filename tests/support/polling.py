"""Waiting for something to become true, with a bound."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def poll(probe: Callable[[], T], accept: Callable[[T], bool] = bool, seconds: float = 60, every: float = 0.02) -> T:
    """Call ``probe`` ``every`` so many seconds until ``accept`` takes its value; that value.

    Fails after ``seconds`` with the last one.
    """
    deadline = time.monotonic() + seconds
    while True:
        value = probe()
        if accept(value):
            return value
        assert time.monotonic() < deadline, f"after {seconds} s still {value!r}"
        time.sleep(every)
