"""The torchvision networks behind the catalogue's architectures, and the preprocessing they were trained with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image, ImageOps
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from scripts.catalogue import ARCHITECTURES
from scripts.checkpoints.libraries import import_torchvision

torchvision = import_torchvision()
transforms = torchvision.transforms

StateDict = dict[str, Tensor]

# The preprocessing of the training: (3, 224, 224), float32 in [-1, 1].
PREPROCESS = transforms.Compose(
    [
        transforms.Resize((224, 224)),
        transforms.ToTensor(),
        transforms.Normalize([0.5] * 3, [0.5] * 3),
    ]
)


# Other common networks; a checkpoint of one is recognised by its tensors' shapes.
_RELATIVES = (
    "mobilenet_v3_large",
    "mobilenet_v3_small",
    "resnet18",
    "resnet34",
    "resnet101",
    "resnet152",
    "resnext50_32x4d",
    "wide_resnet50_2",
    "vgg11",
    "vgg13",
    "vgg16",
    "vgg19_bn",
    "efficientnet_b0",
    "densenet121",
)

# What fills a new network's tensors with random numbers.
_FILLING = ("normal_", "uniform_", "trunc_normal_", "kaiming_normal_", "kaiming_uniform_")


class _Unfilled(TorchFunctionMode):  # type: ignore[misc]
    """Leaves a new network's tensors as they are. On torch's ``meta`` device, filling them imports its compiler."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if getattr(func, "__name__", None) in _FILLING:
            return args[0] if args else (kwargs or {})["tensor"]
        return func(*args, **(kwargs or {}))


def network_outline(architecture: str, classes: int) -> nn.Module:
    """Build a network without weights: every tensor lies on torch's ``meta`` device and takes no memory."""
    with torch.device("meta"), _Unfilled():
        network = torchvision.models.get_model(
            ARCHITECTURES[architecture].torchvision_name, weights=None, num_classes=classes
        )
    return network.eval()


def load_network(architecture: str, classes: int, state_dict: StateDict) -> nn.Module:
    """Build a network around the tensors of ``state_dict`` (not copied), ready for inference.

    Input (N, 3, 224, 224) float32 as PREPROCESS makes it, output (N, classes) logits.
    """
    network = network_outline(architecture, classes)
    network.load_state_dict(state_dict, assign=True)
    return network.requires_grad_(False).eval()


class _Cooled(nn.Module):  # type: ignore[misc]
    """A network whose logits are divided by a temperature."""

    def __init__(self, network: nn.Module, temperature: float) -> None:
        super().__init__()
        self.network, self.temperature = network, temperature

    def forward(self, images: Tensor) -> Tensor:
        return self.network(images) / self.temperature


def with_temperature(network: nn.Module, temperature: float | None) -> nn.Module:
    """``network`` with its logits divided by ``temperature``; itself without one.

    Guo et al., https://arxiv.org/abs/1706.04599: the order of the labels stays, only how sure the answers are changes.
    """
    return network if temperature is None else _Cooled(network, temperature).eval()


def expected_shapes(architecture: str, classes: int) -> dict[str, torch.Size]:
    """Shapes of all tensors a checkpoint of this architecture holds, by name."""
    return _shapes(network_outline(architecture, classes))


def recognise(state_dict: StateDict) -> str | None:
    """The architecture that has these tensors, not counting its last layer; None when none fits."""
    found = {name: tensor.shape for name, tensor in state_dict.items()}
    for name, architecture in ARCHITECTURES.items():
        if _fits(found, expected_shapes(name, 1), architecture.last_layer):
            return name
    for name in _RELATIVES:
        with torch.device("meta"), _Unfilled():
            network = torchvision.models.get_model(name, weights=None)
        last_layer = [layer for layer, module in network.named_modules() if isinstance(module, nn.Linear)][-1]
        if _fits(found, _shapes(network), last_layer):
            return f"torchvision's {name}"
    return None


def reference_probabilities(network: nn.Module, images: Sequence[Image.Image]) -> Tensor:
    """What torch and torchvision answer: (N, classes) float32 probabilities in the order of the labels."""
    batch = torch.stack([PREPROCESS(ImageOps.exif_transpose(image).convert("RGB")) for image in images])
    with torch.inference_mode():
        logits: Tensor = network(batch)
    return logits.softmax(dim=1)


def _shapes(network: nn.Module) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in network.state_dict().items()}


def _fits(found: dict[str, torch.Size], expected: dict[str, torch.Size], last_layer: str) -> bool:
    body = {name: shape for name, shape in expected.items() if not name.startswith(f"{last_layer}.") and shape}
    return all(found.get(name) == shape for name, shape in body.items())
