"""TorchServe's ``model_snapshot``: which archives it restores at its start, each with how many workers.

https://pytorch.org/serve/snapshot.html; the format is that of SnapshotManager.java in TorchServe 0.12.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

# What a snapshot carries of a model's configuration; it takes precedence over the archive's own file.
_CONFIGURATION = ("batchSize", "maxBatchDelay", "responseTimeout", "startupTimeout")

Snapshot = dict[str, dict[str, dict[str, Any]]]


def snapshot_of(model_store: Path, workers: Mapping[str, int]) -> Snapshot:
    """Describe archives for TorchServe to restore.

    ``workers`` has the number of workers by archive name; 0 registers a model without starting one. Returns the
    entries by archive name and version, with the configuration that each archive carries.
    """
    return {name: _entry(model_store / f"{name}.mar", count) for name, count in workers.items()}


def as_property(models: Snapshot) -> str:
    """The line of ``config.properties`` that makes TorchServe restore ``models``."""
    snapshot = {"name": "start", "modelCount": len(models), "created": 0, "models": models}
    return f"model_snapshot={json.dumps(snapshot)}\n"


def _entry(archive: Path, workers: int) -> dict[str, dict[str, Any]]:
    with zipfile.ZipFile(archive) as contents:
        model = json.loads(contents.read("MAR-INF/MANIFEST.json"))["model"]
        configuration = yaml.safe_load(contents.read(model["configFile"]))
    entry = {key: configuration[key] for key in _CONFIGURATION}
    entry |= {"defaultVersion": True, "marName": archive.name, "minWorkers": workers, "maxWorkers": max(workers, 1)}
    return {model["modelVersion"]: entry}
