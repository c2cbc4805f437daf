"""Waiting for something to become true, with a bound."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def poll(probe: Callable[[], T], accept: Callable[[T], bool] = bool, seconds: float = 60, every: float = 0.05) -> T:
    """Call ``probe`` until ``accept`` takes its value; that value. Fails after ``seconds`` with the last one.

    Between two calls ``every`` seconds pass, or as many as the call took: one that runs a command would otherwise keep
    a core from what is waited for.
    """
    deadline = time.monotonic() + seconds
    while True:
        begun = time.monotonic()
        value = probe()
        if accept(value):
            return value
        assert time.monotonic() < deadline, f"after {seconds} s still {value!r}"
        time.sleep(max(every, time.monotonic() - begun))
