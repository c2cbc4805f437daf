"""Verify archives against the ``.sha256`` and ``.sig`` files beside them.

Without VERIFY_KEYS, what did not change is not hashed again.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from scripts.settings import Settings
from scripts.store.signatures import signature_problem, trusted_digests

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


def archive_problems(settings: Settings, archives: Iterable[Path]) -> dict[Path, str | None]:
    """Compare archives with their checksum files, and their signatures with VERIFY_KEYS if that is set.

    Returns for each a message that says what is wrong, or None.
    """
    found = trusted_digests(settings, list(archives))
    return {
        archive: _problem(archive, digest) or signature_problem(settings, archive, digest)
        for archive, digest in found.items()
    }


def _problem(archive: Path, found: str | None) -> str | None:
    if found is None:
        return f"{archive.name} is missing in the model store; {_REMEDY}"
    expected = read_checksum(archive)
    if expected is None:
        return f"{archive.name} has no checksum file {archive.name}.sha256; {_REMEDY}"
    if found != expected:
        return f"{archive.name} is damaged: its SHA-256 is not the one in {archive.name}.sha256; {_REMEDY}"
    return None
