"""Tell by a file's size and first bytes whether it can be a checkpoint at all; needs no torch."""

from __future__ import annotations

import os
from pathlib import Path

from scripts.checkpoints import other_kinds, zip_files
from scripts.checkpoints.other_kinds import SAVE
from scripts.errors import UserError


class CheckpointError(UserError):
    """A checkpoint cannot be used; the message names the file, what was found and the remedy."""


def refuse_other_files(path: Path) -> None:
    """Raise CheckpointError if the file is missing, a Git LFS pointer, truncated, or of another kind than torch's."""
    start = _first_bytes(path)
    if not start:
        raise CheckpointError(f"{path.name} is empty (0 bytes); copy it again")
    if start.startswith(b"version https://git-lfs"):
        raise CheckpointError(
            f"{path.name} is a Git LFS pointer, not the file itself; run `git lfs pull` where it came from"
        )
    if start.startswith(zip_files.START):
        _refuse_other_zips(path)
    elif not start.startswith(b"\x80") and not begins_like_safetensors(start):
        raise CheckpointError(_which_other(path.name, start))


def begins_like_safetensors(start: bytes) -> bool:
    """Whether a file begins with the length and the header of https://huggingface.co/docs/safetensors (JSON)."""
    return start[8:9] == b"{" and int.from_bytes(start[:8], "little") <= 100_000_000  # the library's own bound


def is_safetensors(path: Path) -> bool:
    """Whether the file begins as a safetensors file does."""
    with path.open("rb") as file:
        return begins_like_safetensors(file.read(9))


def _first_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(other_kinds.HEAD)
    except FileNotFoundError as error:
        if path.is_symlink():
            raise CheckpointError(
                f"{path.name} is a link to {os.readlink(path)}, which is missing; bring that file back, or put the "
                "checkpoint in the link's place"
            ) from error
        raise CheckpointError(
            f"{path.name} is missing; copy it into {path.parent.name}/ and run `make archives`"
        ) from error
    except OSError as error:
        raise CheckpointError(
            f"{path.name} cannot be read ({error.strerror}); check the file and its rights"
        ) from error


def _refuse_other_zips(path: Path) -> None:
    names = zip_files.names(path)
    if names is None:
        raise CheckpointError(
            f"{path.name} is truncated ({path.stat().st_size} bytes, the end is missing); copy it again"
        )
    other = other_kinds.of_zip(names)
    if other:
        raise CheckpointError(f"{path.name} is {other[0]}, not a state_dict; {other[1]}")


def _which_other(name: str, start: bytes) -> str:
    other = other_kinds.of_start(start)
    if other:
        return f"{name} is {other[0]}, not a torch file; {other[1]}"
    return f"{name} is not a torch file (it begins with {start[:12]!r}); {SAVE}"
