"""What TorchServe unpacks from an archive, made of a seeded network that tells images apart."""

from __future__ import annotations

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

from scripts.archives.convert import convert
from scripts.checkpoints.calibration import calibrated_state_dict
from scripts.checkpoints.networks import StateDict, load_network, reference_probabilities, with_temperature
from scripts.probes import seeded_image

ARCHITECTURE = "MobileNetV2"
# Not in the order of the alphabet, so that whoever sorts them is found out.
EMOTIONS = ("surprise", "fear", "contempt", "happy", "sadness", "anger", "disgust")
DESCRIPTION: dict[str, Any] = {
    "model": "MobileNetV2_CK+48",
    "architecture": ARCHITECTURE,
    "torchvision_name": "mobilenet_v2",
    "dataset": "CK+48",
    "emotions": list(EMOTIONS),
    "accuracy": 97.98,
    "stand_in": True,
    "precision": "f32",
    "version": "3.1",
    "checkpoint_sha256": "0" * 64,
}


@cache
def state_dict() -> StateDict:
    return calibrated_state_dict(ARCHITECTURE, len(EMOTIONS), seed=7)


@cache
def network() -> nn.Module:
    return load_network(ARCHITECTURE, len(EMOTIONS), state_dict())


@cache
def converted(temperature: float | None = None) -> dict[str, bytes]:
    """The network's files as OpenVINO reads them, by name."""
    with tempfile.TemporaryDirectory() as folder:
        convert(with_temperature(network(), temperature), Path(folder))
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def unpack(folder: Path, runtime: str, temperature: float | None = None) -> dict[str, Any]:
    """Write the model's files and description into ``folder``; returns the description."""
    if runtime == "openvino":
        for name, content in converted(temperature).items():
            (folder / name).write_bytes(content)
    else:
        torch.save(state_dict(), folder / "checkpoint.pt")
    description = {**DESCRIPTION, "runtime": runtime}
    if temperature is not None:
        description["temperature"] = temperature
    (folder / "model.json").write_text(json.dumps(description), encoding="utf-8")
    return description


def faces(count: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Seeded pictures as the engines take them: uint8 (count, 224, 224, 3)."""
    return np.stack([np.asarray(seeded_image(seed, (224, 224)).convert("RGB")) for seed in range(count)])


def expected(images: list[Image.Image]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """What torch and torchvision answer: float32 (N, classes)."""
    probabilities: np.ndarray[Any, np.dtype[np.float32]] = reference_probabilities(network(), images).numpy()
    return probabilities
