"""Files that several processes share: locks, digests, signatures, and replacing one in a single step."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from scripts.errors import UserError

_BLOCK = 1 << 20
_POLL_SECONDS = 0.1
_RENEWAL_SECONDS = 1.0


class LockedError(UserError):
    """Another process works in the folder; the message names both and says what to do."""


@contextmanager
def exclusive(
    folder: Path, waiting: Callable[[str], None] | None = None, seconds: float = float("inf")
) -> Iterator[None]:
    """Hold the lock file ``.lock`` of an existing folder; the lock ends with its holder, however that ends.

    When another process holds it, ``waiting`` is called with a message that says so, and this waits for the lock,
    ``seconds`` at most. Then, and at once without ``waiting``, LockedError is raised.
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
            if not _locks(lock, seconds):
                raise LockedError(f"{busy}, still after {seconds:g} s; wait for its end or stop it") from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _locks(lock: IO[str], seconds: float) -> bool:
    """Wait for a lock; flock itself knows no time-out."""
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)


def write_text(path: Path, text: str, mode: int = 0o666) -> None:
    """Replace a file in one step, so that no reader sees half of it. The file gets ``mode``, less the umask."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.unlink(missing_ok=True)
    try:
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
            file.write(text)
        new.replace(path)
    except OSError:  # a full disk
        new.unlink(missing_ok=True)
        raise


@contextmanager
def renewed(path: Path) -> Iterator[None]:
    """Give a file another time of change once a second: a sign of life for those who cannot see this process.

    Whoever removes the file ends that.
    """
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(_RENEWAL_SECONDS):
            with contextlib.suppress(OSError):
                os.utime(path)

    thread = threading.Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def is_read_only(folder: Path) -> bool:
    """Whether a folder is there in which this process may not write, or nobody: its disk is mounted read-only."""
    return folder.is_dir() and not os.access(folder, os.W_OK)


def cannot_write(error: OSError, place: Path, setting: str = "") -> str:
    """The message about a file, or else ``place``, which is ``setting``, that could not be written."""
    where = error.filename or place
    elsewhere = f", or set {setting} to another folder" if setting else ""
    return f"{where} cannot be written ({error.strerror}); check its rights and the free space on its disk{elsewhere}"


def sha256(path: Path) -> str:
    """The file's SHA-256 in hexadecimal."""
    with path.open("rb", buffering=0) as file:
        return sha256_of_stream(file)


def sha256_of_stream(file: IO[bytes]) -> str:
    """The SHA-256 in hexadecimal of what is left of an open file, read in blocks."""
    digest = hashlib.sha256()
    while block := file.read(_BLOCK):
        digest.update(block)
    return digest.hexdigest()


def sha256_of(data: bytes) -> str:
    """The SHA-256 of bytes in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def signature(file: Path | int) -> tuple[int, ...]:
    """Size, times of last change (ns) and inode of a path or an open file: while they stay, so does the content.

    But not that of a file which somebody has mapped and changes on purpose.
    """
    status = os.stat(file)
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino
