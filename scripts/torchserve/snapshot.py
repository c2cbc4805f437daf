"""TorchServe's snapshots: what is registered, in which versions, each with how many workers.

It writes one at each change, to ``config/`` in its log directory. A start does not let TorchServe restore it, which
would unpack the archives one after the other and give up at the first that fails.
https://pytorch.org/serve/snapshot.html; the format is that of SnapshotManager.java in TorchServe 0.12.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from scripts.settings import Settings
from scripts.store.archive import Archive

# What a snapshot has of a model's configuration, with TorchServe's defaults for what an archive does not set.
_CONFIGURATION = {"batchSize": 1, "maxBatchDelay": 100, "responseTimeout": 120, "startupTimeout": 120}
_PROPERTY = re.compile(r"^model_snapshot=(.*)$", re.MULTILINE)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)")
_CONTROL = {"n": "\n", "t": "\t", "r": "\r", "f": "\f"}

Entry = dict[str, Any]
# By archive name and version.
Snapshot = dict[str, dict[str, Entry]]


def entry(archive: Archive, workers: int, *, default: bool = True, saved: Entry | None = None) -> Entry:
    """Describe one version for TorchServe to restore with ``workers`` workers; 0 registers it without one.

    What the archive does not configure is as ``saved``.
    """
    configuration = {
        key: archive.configuration.get(key, (saved or {}).get(key, value)) for key, value in _CONFIGURATION.items()
    }
    return configuration | {
        "defaultVersion": default,
        "marName": archive.file.name,
        "minWorkers": workers,
        "maxWorkers": max(workers, 1),
    }


def default_version(versions: dict[str, Entry]) -> str:
    """The version that answers requests which name none."""
    return next((version for version, saved in versions.items() if saved["defaultVersion"]), next(iter(versions)))


def written_files(settings: Settings) -> list[Path]:
    """TorchServe's snapshot files, the oldest first: their names begin with the time."""
    return sorted((settings.log_dir / "config").glob("*.cfg"))


def read_written(path: Path) -> Snapshot | None:
    """The models in a file TorchServe wrote; None if it is damaged, as after a crash."""
    try:
        found = _PROPERTY.search(path.read_text(encoding="utf-8"))
        models = json.loads(_unescaped(found[1]))["models"] if found else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return models if is_snapshot(models) else None


def is_snapshot(models: Any) -> bool:
    """Whether a value read from a file has the form of a Snapshot."""
    try:
        return all(
            versions
            and all(
                isinstance(saved["minWorkers"], int)
                and isinstance(saved["marName"], str)
                and isinstance(saved["defaultVersion"], bool)
                for saved in versions.values()
            )
            for versions in models.values()
        )
    except (AttributeError, KeyError, TypeError):
        return False


def _unescaped(text: str) -> str:
    """Undo the escapes of java.util.Properties."""

    def character(match: re.Match[str]) -> str:
        code = match[1]
        return chr(int(code[1:], 16)) if len(code) == 5 else _CONTROL.get(code, code)

    return _ESCAPE.sub(character, text)
