"""Which version of a model served before the one that serves now; survives the stack."""

from __future__ import annotations

import json
from pathlib import Path

from scripts.settings import Settings


def version_before(settings: Settings, archive_name: str) -> str | None:
    """The version that the last upgrade or rollback of a model took out of service; None if there was none."""
    return _noted(_file(settings)).get(archive_name)


def note_version_before(settings: Settings, archive_name: str, version: str) -> None:
    """Note the version that was just taken out of service."""
    path = _file(settings)
    new = path.with_suffix(".new")
    new.write_text(json.dumps(_noted(path) | {archive_name: version}) + "\n", encoding="utf-8")
    new.replace(path)


def _noted(path: Path) -> dict[str, str]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def _file(settings: Settings) -> Path:
    return settings.run_dir / "versions_before.json"
