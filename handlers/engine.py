"""The two ways to compute a network: OpenVINO on a CPU, torch on CUDA (or on a CPU, where that is wanted).

Both take uint8 images of shape (N, 224, 224, 3), RGB, and answer float32 probabilities of shape (N, classes), N from
1 up; normalisation and softmax happen inside. torch and OpenVINO are imported only by the engine that needs them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

Images = npt.NDArray[np.uint8]
Probabilities = npt.NDArray[np.float32]

_IMAGE_SHAPE: Final = (224, 224, 3)
_TORCHVISION_NAMES: Final = {"MobileNetV2": "mobilenet_v2", "ResNet50": "resnet50", "VGG19": "vgg19"}


class EngineError(RuntimeError):
    """The archive's network cannot be computed; the message names the model, the reason and the remedy."""


class Engine(Protocol):
    """A loaded network. ``device`` is ``cpu`` or ``cuda:<n>``."""

    device: str

    def infer(self, images: Images) -> Probabilities:
        """Compute a batch: uint8 (N, 224, 224, 3) to float32 (N, classes)."""


def load_engine(model_dir: Path, description: dict[str, Any], gpu_id: int | None = None) -> Engine:
    """Load the network of an unpacked archive and compute once, so that the first request is as fast as any.

    ``description`` is the archive's ``model.json``; ``gpu_id`` is the GPU that TorchServe assigned, None for the
    CPU. Raises EngineError when the files are missing or damaged, or the network has not one output per label.
    """
    name, runtime = description["model"], description["runtime"]
    try:
        engine: Engine
        if runtime == "openvino":
            engine = OpenVINOEngine(model_dir)
        elif runtime == "torch":
            engine = TorchEngine(model_dir, description["architecture"], len(description["emotions"]), gpu_id)
        else:
            raise EngineError(f"unknown runtime {runtime!r}, use openvino or torch")
        found = engine.infer(np.zeros((1, *_IMAGE_SHAPE), np.uint8)).shape
    except Exception as error:
        raise EngineError(f"{name}: the network does not load ({error}); build the archive again") from error
    if found != (1, len(description["emotions"])):
        raise EngineError(
            f"{name}: the network answers {found[-1]} values for the {len(description['emotions'])} labels "
            f"{', '.join(description['emotions'])}; build the archive again from a checkpoint that fits"
        )
    return engine


class OpenVINOEngine:
    """``network.xml`` and ``network.bin``, computed by OpenVINO in float32 on all cores.

    The network is compiled for single images and a batch is computed image by image: on a CPU one image keeps all
    cores busy already, and the weights are repacked and the buffers held for one shape only.
    """

    device = "cpu"

    def __init__(self, model_dir: Path) -> None:
        import openvino

        core = openvino.Core()
        model = core.read_model(model_dir / "network.xml")
        model.reshape([1, *_IMAGE_SHAPE])
        options = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",
            # Nine workers share the cores: pinned, they would all wait for the same one.
            "ENABLE_CPU_PINNING": False,
        }
        self._request = core.compile_model(model, "CPU", options).create_infer_request()

    def infer(self, images: Images) -> Probabilities:
        """Compute a batch: uint8 (N, 224, 224, 3) to float32 (N, classes)."""
        singles = (np.ascontiguousarray(images[i : i + 1]) for i in range(len(images)))
        return np.concatenate([self._request.infer([single], share_inputs=True)[0] for single in singles])


class TorchEngine:
    """``checkpoint.pt`` in torchvision's network, computed by torch: on the GPU if there is one, else on the CPU."""

    def __init__(self, model_dir: Path, architecture: str, classes: int, gpu_id: int | None = None) -> None:
        import torch
        import torchvision

        self._torch = torch
        self.device = "cpu" if gpu_id is None else f"cuda:{gpu_id}"
        build = getattr(torchvision.models, _TORCHVISION_NAMES[architecture])
        with torch.device("meta"):
            network = build(weights=None, num_classes=classes)
        checkpoint = torch.load(model_dir / "checkpoint.pt", map_location="cpu", weights_only=True)
        network.load_state_dict(checkpoint, assign=True)
        network.requires_grad_(False).eval()
        self._network = network.to(self.device, memory_format=torch.channels_last)

    def infer(self, images: Images) -> Probabilities:
        """Compute a batch: uint8 (N, 224, 224, 3) to float32 (N, classes)."""
        torch = self._torch
        with torch.inference_mode():
            batch = torch.from_numpy(images).to(self.device).permute(0, 3, 1, 2)
            logits = self._network((batch.float() / 255 - 0.5) / 0.5)
            probabilities: Probabilities = logits.softmax(dim=1).cpu().numpy()
        return probabilities
