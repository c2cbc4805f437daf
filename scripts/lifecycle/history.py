"""Which version of a model served before the one that serves now; survives the stack."""

from __future__ import annotations

import json
from pathlib import Path

from scripts.files import write_text
from scripts.settings import Settings
from scripts.store.choices import recorded_versions
from scripts.torchserve.management import ModelState


def version_before(settings: Settings, states: list[ModelState]) -> str | None:
    """The version to go back to from ``states[0]``, the one that serves; None if there is none.

    It is the one that the last upgrade or rollback took out of service, else the only other one that is registered.
    """
    recorded = recorded_versions(_file(settings)).get(states[0].archive_name)
    if recorded and recorded != states[0].version:
        return recorded
    return states[1].version if len(states) == 2 else None


def record_version_before(settings: Settings, archive_name: str, version: str) -> None:
    """Record the version that was just taken out of service."""
    path = _file(settings)
    write_text(path, json.dumps(recorded_versions(path) | {archive_name: version}) + "\n")


def _file(settings: Settings) -> Path:
    return settings.run_dir / "versions_before.json"
