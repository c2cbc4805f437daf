"""What the processes of pytest-xdist have in common."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Generator

from tests.support.places import TEST_DIR


@contextlib.contextmanager
def one_at_a_time(name: str) -> Generator[None]:
    """For what they share on disk: one of them makes it, the others wait and find it."""
    with (TEST_DIR / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
