"""What an archive is made from, as hashes: an archive is built again only when one of them changed."""

from __future__ import annotations

import hashlib
import importlib.metadata
from dataclasses import asdict
from pathlib import Path
from typing import Any

from scripts.catalogue import Model
from scripts.settings import ROOT

HANDLERS = ROOT / "handlers"

# The code and the libraries that decide what is inside an archive.
_BUILD_CODE = ("networks.py", "checkpoints.py", "convert.py", "packing.py")
_LIBRARIES = ("torch", "torchvision", "openvino", "torch-model-archiver")
_BLOCK = 1 << 20


def sha256(path: Path) -> str:
    """The file's SHA-256 in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def signature(path: Path) -> tuple[int, ...]:
    """Size, times of last change (ns) and inode: while they stay the same, so does the file's content."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def handler_files(runtime: str) -> list[Path]:
    """The files of ``handlers/`` an archive carries; only OpenVINO's workers can do without torch."""
    files = [*sorted(HANDLERS.glob("*.py")), HANDLERS / "model-config.yaml"]
    return [file for file in files if runtime == "openvino" or file.name != "sitecustomize.py"]


def inputs(model: Model, checkpoint_sha256: str, runtime: str, version: str) -> dict[str, Any]:
    """Everything an archive is made from, by the words a person would use for it."""
    return {
        "checkpoint": checkpoint_sha256,
        "catalogue entry": {**asdict(model), "emotions": list(model.emotions)},
        "handler": {file.name: sha256(file) for file in handler_files(runtime)},
        "build code": {name: sha256(ROOT / "scripts" / name) for name in _BUILD_CODE},
        "libraries": {name: importlib.metadata.version(name) for name in _LIBRARIES},
        "runtime": runtime,
        "version": version,
    }
