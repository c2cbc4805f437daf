"""Archives, snapshots and starts of a stack with two models."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

from scripts.catalogue import Model
from scripts.settings import Settings
from scripts.stack.restore import plan_start, record
from scripts.torchserve.snapshot import Snapshot

A = Model("A+1", "MobileNetV2", "A", ("x", "y"))
B = Model("B", "MobileNetV2", "B", ("x", "y"))
CATALOGUE = {model.name: model for model in (A, B)}
SERVABLE: Any = {name: {"error": None} for name in CATALOGUE}
CONFIGURATION = "batchSize: 8\nmaxBatchDelay: 1\nresponseTimeout: 60\nstartupTimeout: 120\n"


def write_archive(path: Path, version: str, *, checksum: bool = True) -> None:
    manifest = {"modelName": path.stem, "modelVersion": version, "handler": "h.py", "configFile": "c.yaml"}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("MAR-INF/MANIFEST.json", json.dumps({"model": manifest}))
        archive.writestr("c.yaml", CONFIGURATION)
    if checksum:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        path.with_name(f"{path.name}.sha256").write_text(f"{digest}  {path.name}\n")


def entry(name: str, workers: int, *, default: bool = True) -> dict[str, Any]:
    configuration = {"batchSize": 8, "maxBatchDelay": 1, "responseTimeout": 60, "startupTimeout": 120}
    return {
        **configuration,
        "defaultVersion": default,
        "marName": name,
        "minWorkers": workers,
        "maxWorkers": max(1, workers),
    }


def write_snapshot(settings: Settings, name: str, models: Snapshot) -> Path:
    """Write a file as TorchServe does, in the escapes of java.util.Properties."""
    text = json.dumps({"name": name, "modelCount": len(models), "created": 1, "models": models}, indent=2)
    text = text.replace("\\", "\\\\").replace("\n", "\\n").replace(":", "\\:").replace("=", "\\=")
    path = settings.log_dir / "config" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#Saving snapshot\nmodel_snapshot={text}\nversion=0.12.0\n")
    return path


def start(settings: Settings, **changes: Any) -> Snapshot:
    """One start: TorchServe writes snapshots while the models are registered."""
    plan = plan_start(settings, CATALOGUE, changes.get("entries", SERVABLE), changes.get("loaded"))
    record(settings, plan, done=False)
    write_snapshot(settings, "20260101000000000-startup.cfg", {})
    record(settings, plan, done=True)
    return plan.models
