"""State dicts and files of them, good and bad."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from scripts.catalogue import Model
from scripts.checkpoints.file_types import CheckpointError
from scripts.checkpoints.networks import expected_shapes
from scripts.checkpoints.reading import load_checkpoint

LABELS = ("anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise")

MODEL = Model("MobileNetV2_CK+48", "MobileNetV2", "CK+48", LABELS, 97.98)

NAME = "MobileNetV2_CK+48_best.pt"

SAVE = "save it with torch.save(model.state_dict(), path)"


def state_dict_of(architecture: str = "MobileNetV2", classes: int = 7) -> dict[str, Tensor]:
    """A state_dict of the architecture's shapes; the weights do not matter here."""
    shapes = expected_shapes(architecture, classes)
    return {
        key: torch.zeros((), dtype=torch.int64) if key.endswith("num_batches_tracked") else torch.full(shape, 0.5)
        for key, shape in shapes.items()
    }


def refusal(path: Path, model: Model = MODEL) -> str:
    """What the person is told about an unusable checkpoint."""
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path, model)
    return str(caught.value)
