"""Verify archives against the ``.sha256`` files beside them, without hashing again what did not change."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from scripts.store.digests import digests

_REMEDY = "run `make archives`, which builds it again"


def checksum_file(archive: Path) -> Path:
    """The file beside the archive with its SHA-256, as ``sha256sum`` writes it."""
    return archive.with_name(f"{archive.name}.sha256")


def read_checksum(archive: Path) -> str | None:
    """The SHA-256 in the archive's checksum file; None if there is none."""
    try:
        return checksum_file(archive).read_text(encoding="utf-8").split()[0]
    except (OSError, IndexError):
        return None


def archive_problems(store: Path, archives: Iterable[Path]) -> dict[Path, str | None]:
    """Compare archives with their checksum files; for each a message that says what is wrong, or None."""
    return {archive: _problem(archive, found) for archive, found in digests(store, archives).items()}


def _problem(archive: Path, found: str | None) -> str | None:
    if found is None:
        return f"{archive.name} is missing in the model store; {_REMEDY}"
    expected = read_checksum(archive)
    if expected is None:
        return f"{archive.name} has no checksum file {archive.name}.sha256; {_REMEDY}"
    if found != expected:
        return f"{archive.name} is damaged: its SHA-256 is not the one in {archive.name}.sha256; {_REMEDY}"
    return None
