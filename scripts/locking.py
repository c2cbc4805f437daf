"""One process at a time in a folder: the lock ends with its holder, however that ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class LockedError(RuntimeError):
    """Another process works in the folder; the message names both and says what to do."""


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold the lock file ``.lock`` of an existing folder. Raises LockedError when another process holds it."""
    with (folder / ".lock").open("a+", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            raise LockedError(
                f"process {holder} is writing into {folder.name}/ already; wait for its end or stop it"
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
