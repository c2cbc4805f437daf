"""What an archive is made from, as hashes: an archive is built again only when one of them changed."""

from __future__ import annotations

import importlib.metadata
from dataclasses import asdict
from pathlib import Path
from typing import Any

from scripts.archives.face_detector import detector_file
from scripts.catalogue import ARCHITECTURES, Model
from scripts.files import sha256
from scripts.precision import EXACT, PREPROCESSINGS
from scripts.settings import ROOT

HANDLERS = ROOT / "handlers"

# The code and the libraries that decide what is inside an archive.
_BUILD_CODE = (
    "checkpoints/networks.py",
    "checkpoints/reading.py",
    "checkpoints/forms.py",
    "checkpoints/fitting.py",
    "checkpoints/timm_names.py",
    "checkpoints/weights.py",
    "archives/convert.py",
    "archives/network_files.py",
    "archives/detector_network.py",
    "archives/packing.py",
    "archives/fewer_bits.py",
    "archives/quantisation.py",
)
_LIBRARIES = ("torch", "torchvision", "openvino", "torch-model-archiver")


def handler_files(runtime: str) -> list[Path]:
    """The files of ``handlers/`` an archive carries; only OpenVINO can do without torch."""
    files = [*sorted(HANDLERS.glob("*.py")), HANDLERS / "model-config.yaml"]
    return [file for file in files if runtime == "openvino" or file.name != "sitecustomize.py"]


def archive_inputs(
    model: Model,
    checkpoint_sha256: str,
    runtime: str,
    version: str,
    precision: str = EXACT,
    preprocessing: str = PREPROCESSINGS[0],
) -> dict[str, Any]:
    """Everything an archive is made from, by a name that a person understands."""
    detector = detector_file()
    return {
        "checkpoint": checkpoint_sha256,
        "catalogue entry": model.entry,
        "handler": {file.name: sha256(file) for file in handler_files(runtime)},
        "face detector": sha256(detector) if detector else None,
        "build code": {name: sha256(ROOT / "scripts" / name) for name in _BUILD_CODE},
        "architecture": asdict(ARCHITECTURES[model.architecture]),
        "libraries": {name: importlib.metadata.version(name) for name in _LIBRARIES},
        "runtime": runtime,
        "precision": precision,
        "temperature": model.temperature,
        "preprocessing": preprocessing,
        "version": version,
    }
