"""Is freed memory given back to the system?"""

from __future__ import annotations

import ctypes

import heap
import psutil
import pytest

BLOCKS, SIZE = 40_000, 1024


def test_what_was_freed_goes_back_though_something_behind_it_stays() -> None:
    library = ctypes.CDLL(None)
    library.malloc.restype, library.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    blocks = [library.malloc(SIZE) for _ in range(BLOCKS)]
    for block in blocks:
        ctypes.memset(block, 1, SIZE)
    for block in blocks[:-1]:
        library.free(block)
    held = psutil.Process().memory_info().rss
    heap.give_back()
    assert held - psutil.Process().memory_info().rss > BLOCKS * SIZE / 2
    library.free(blocks[-1])


def test_a_library_without_that_function_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    heap.give_back()
