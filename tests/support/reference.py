"""What the networks answer: torchvision, with the training's preprocessing, in float32, from the checkpoints."""

from __future__ import annotations

import io
import threading
import warnings
from pathlib import Path

import torch
from PIL import Image, ImageOps
from torchvision import models, transforms

from scripts.catalogue import Model

_BUILDERS = {"MobileNetV2": models.mobilenet_v2, "ResNet50": models.resnet50, "VGG19": models.vgg19}

_TRANSFORM = transforms.Compose(
    [transforms.Resize((224, 224)), transforms.ToTensor(), transforms.Normalize([0.5] * 3, [0.5] * 3)]
)


def preprocess(content: bytes) -> torch.Tensor:
    """The preprocessing of the training, for an image file: f32 [1, 3, 224, 224]."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a palette whose entries have alpha: dropped on purpose
        with Image.open(io.BytesIO(content)) as image:
            upright = ImageOps.exif_transpose(image).convert("RGB")
    tensor: torch.Tensor = _TRANSFORM(upright)
    return tensor.unsqueeze(0)


class Reference:
    """The nine networks, each loaded once; answers are kept, so that many tests may ask for the same."""

    def __init__(self, results: Path, catalogue: dict[str, Model]) -> None:
        self._results = results
        self._catalogue = catalogue
        self._networks: dict[str, torch.nn.Module] = {}
        self._inputs: dict[bytes, torch.Tensor] = {}
        self._answers: dict[tuple[str, bytes], dict[str, float]] = {}
        self._lock = threading.Lock()

    def probabilities(self, name: str, content: bytes) -> dict[str, float]:
        """Label to probability for an image file, in the order of the network's outputs."""
        with self._lock:
            key = (name, content)
            if key not in self._answers:
                self._answers[key] = self._compute(name, content)
            return self._answers[key]

    def _compute(self, name: str, content: bytes) -> dict[str, float]:
        if content not in self._inputs:
            self._inputs[content] = preprocess(content)
        if name not in self._networks:
            self._networks[name] = self._load(name)
        with torch.inference_mode():
            outputs = self._networks[name](self._inputs[content]).softmax(dim=1)[0]
        return dict(zip(self._catalogue[name].emotions, outputs.tolist(), strict=True))

    def _load(self, name: str) -> torch.nn.Module:
        model = self._catalogue[name]
        checkpoint = torch.load(self._results / model.checkpoint_file, weights_only=True, mmap=True)
        with torch.device("meta"):
            network: torch.nn.Module = _BUILDERS[model.architecture](num_classes=len(model.emotions))
        network.load_state_dict(checkpoint["state_dict"], assign=True)
        return network.eval()
