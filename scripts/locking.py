"""One process at a time in a folder: the lock ends with its holder, however that ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


class LockedError(RuntimeError):
    """Another process works in the folder; the message names both and says what to do."""


@contextmanager
def exclusive(folder: Path, waiting: Callable[[str], None] | None = None) -> Iterator[None]:
    """Hold the lock file ``.lock`` of an existing folder.

    When another process holds it, ``waiting`` gets a sentence that says so, and this waits for as long as that takes.
    Without ``waiting``, LockedError is raised.
    """
    with (folder / ".lock").open("a+", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            busy = f"process {lock.read().strip() or 'unknown'} is writing into {folder.name}/ already"
            if waiting is None:
                raise LockedError(f"{busy}; wait for its end or stop it") from error
            waiting(f"{busy}; waiting for its end")
            fcntl.flock(lock, fcntl.LOCK_EX)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
