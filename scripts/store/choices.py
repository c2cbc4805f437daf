"""Which version of a model somebody made serve: it is registered again by the model's name, and waited for.

``versions_chosen.json`` in the run directory survives the stack.
"""

from __future__ import annotations

import json
from pathlib import Path

from scripts.files import write_text
from scripts.settings import Settings


def chosen_version(settings: Settings, archive_name: str) -> str | None:
    """The version that the last change made serve, or that served when the model was unregistered."""
    return recorded_versions(_file(settings)).get(archive_name)


def record_choice(settings: Settings, archive_name: str, version: str) -> None:
    """Record the version that serves from now on, or shall serve when the model is registered again."""
    path = _file(settings)
    recorded = recorded_versions(path)
    if recorded.get(archive_name) != version:
        write_text(path, json.dumps(recorded | {archive_name: version}) + "\n")


def recorded_versions(path: Path) -> dict[str, str]:
    """Version by archive's name, as a file of this kind has it; empty without a readable one."""
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def _file(settings: Settings) -> Path:
    return settings.run_dir / "versions_chosen.json"
