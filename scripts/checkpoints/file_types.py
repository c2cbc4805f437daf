"""Tell by a file's size and first bytes whether it can be a checkpoint at all; needs no torch."""

from __future__ import annotations

import zipfile
from pathlib import Path

from scripts.errors import UserError

SAVE = "save it with torch.save(model.state_dict(), path)"


class CheckpointError(UserError):
    """A checkpoint cannot be used; the message names the file, what was found and the remedy."""


def refuse_other_files(path: Path) -> None:
    """Raise CheckpointError if the file is missing, a Git LFS pointer, truncated, or begins like no torch file."""
    try:
        with path.open("rb") as file:
            start = file.read(200)
    except FileNotFoundError as error:
        raise CheckpointError(
            f"{path.name} is missing; copy it into {path.parent.name}/ and run `make archives`"
        ) from error
    except OSError as error:
        raise CheckpointError(
            f"{path.name} cannot be read ({error.strerror}); check the file and its rights"
        ) from error
    if not start:
        raise CheckpointError(f"{path.name} is empty (0 bytes); copy it again")
    if start.startswith(b"version https://git-lfs"):
        raise CheckpointError(
            f"{path.name} is a Git LFS pointer, not the file itself; run `git lfs pull` where it came from"
        )
    if start.startswith(b"PK\x03\x04") and not is_zip(path):
        raise CheckpointError(
            f"{path.name} is truncated ({path.stat().st_size} bytes, the end is missing); copy it again"
        )
    if not start.startswith((b"PK\x03\x04", b"\x80")):
        raise CheckpointError(f"{path.name} is not a torch file (it begins with {start[:12]!r}); {SAVE}")


def is_zip(path: Path) -> bool:
    """Whether the file ends as a zip file does; for some that do not, ``zipfile.is_zipfile`` raises an error."""
    try:
        return zipfile.is_zipfile(path)
    except zipfile.BadZipFile:
        return False
