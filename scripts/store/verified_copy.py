"""A copy of a signed archive that nobody else can change, so that what is unpacked is what was verified.

A file in the model store may change between two looks at it, and one that somebody has mapped changes without a trace
in its times.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from scripts.files import cannot_write
from scripts.settings import Settings
from scripts.store.signatures import SignatureError, require_content

_BLOCK = 1 << 20


@contextmanager
def verified_copy(settings: Settings, archive: Path, signed: str) -> Iterator[IO[bytes]]:
    """A copy of an archive, open for reading, with the SHA-256 ``signed``; it has no name, and goes with its holder.

    It takes as much of the disk of RUN_DIR as the archive. Raises SignatureError if the archive has other content or
    there is no room, OSError if it cannot be read.
    """
    settings.run_dir.mkdir(parents=True, exist_ok=True)
    with archive.open("rb", buffering=0) as file, _nameless(settings) as copy:
        digest = hashlib.sha256()
        while block := file.read(_BLOCK):
            digest.update(block)
            _write(copy, block, archive, settings.run_dir)
        require_content(archive, digest.hexdigest(), signed)
        copy.seek(0)
        yield copy


def _nameless(settings: Settings) -> IO[bytes]:
    # Without a buffer, which would be written once more, in vain, when a file on a full disk is closed.
    return tempfile.TemporaryFile(buffering=0, dir=settings.run_dir)


def _write(copy: IO[bytes], block: bytes, archive: Path, run_dir: Path) -> None:
    try:
        left = memoryview(block)
        while left:
            left = left[copy.write(left) :]
    except OSError as error:
        raise SignatureError(
            f"{archive.name} cannot be verified, since a copy of it ({archive.stat().st_size} bytes) in RUN_DIR "
            f"{cannot_write(error, run_dir, 'RUN_DIR')}"
        ) from error
