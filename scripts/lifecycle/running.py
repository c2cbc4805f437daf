"""What a registered version was made of: its own description and digest, whatever the model store holds by now."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.settings import Settings
from scripts.store.archive import ArchiveError, find_version
from scripts.store.checksums import read_checksum
from scripts.store.unpacking import archive_digest, holds
from scripts.torchserve.management import ModelState
from scripts.torchserve.process import unpacked_folders


@dataclass(frozen=True)
class Running:
    """``description`` is its ``model.json``, empty if it has none; ``sha256`` that of its archive, None if unknown.

    ``file`` is the archive in the model store with that content; None if none has it any more.
    """

    description: dict[str, Any] = field(default_factory=dict)
    sha256: str | None = None
    file: str | None = None


def running_archive(settings: Settings, state: ModelState) -> Running:
    """What a version runs from. Of one that TorchServe unpacked itself nothing is known once its file has changed."""
    for folder, sha256 in _unpacked(settings, state):
        try:
            known = {sha256} if sha256 else set()
            file = find_version(settings.model_store, state.archive_name, state.version, state.archive_file, known).file
        except ArchiveError:
            return Running(_description(folder), sha256)
        return Running(_description(folder), sha256, file.name)
    return Running()


def _unpacked(settings: Settings, state: ModelState) -> Iterator[tuple[Path, str | None]]:
    """The folder of its files and the digest of their archive, if they can be found."""
    if Path(state.archive_file).is_absolute():
        yield Path(state.archive_file), archive_digest(Path(state.archive_file))
        return
    archive = settings.model_store / state.archive_file
    for folder in unpacked_folders(settings, state.archive_file):
        if archive.is_file() and holds(folder, archive):
            yield folder, read_checksum(archive)


def _description(folder: Path) -> dict[str, Any]:
    try:
        description = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return description if isinstance(description, dict) else {}
