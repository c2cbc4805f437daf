"""Narrow networks that tell drawn faces apart: an architecture's own layers with a few channels each.

The first layers are not trained: they hand on the colours and their negatives, blurred and a quarter of the size. What
is behind them is trained on what they make, which takes minutes.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from scripts.catalogue import ARCHITECTURES
from scripts.checkpoints.networks import StateDict, torchvision
from scripts.pictures.drawing import EXPRESSIONS

CHANNELS = 6  # of the layers that are not trained: red, green, blue, and the negatives of each
DROPOUT = 0.2  # VGG19's own 0.5 would leave too few of so few
_BLUR = torch.outer(torch.tensor([1.0, 2.0, 1.0]), torch.tensor([1.0, 2.0, 1.0])) / 16


@dataclass(frozen=True)
class Shape:
    """How narrow an architecture gets.

    ``front`` names the modules that are not trained, ``joint`` the first ones behind them. ``channels`` says how many
    of how many channels the others keep. ``idle`` modules hand on what they get, so that there is less to train.
    """

    front: tuple[str, ...]
    joint: tuple[str, ...]
    channels: dict[int, int]
    idle: tuple[str, ...]


SHAPES = {
    "MobileNetV2": Shape(
        ("features.0.", "features.1.", "features.2.", "features.3."),
        ("features.4.conv.0.0",),
        {32: 24, 64: 32, 96: 48, 144: 24, 160: 48, 192: 48, 320: 64, 384: 56, 576: 64, 960: 88, 1280: 88},
        ("features.6", "features.9", "features.10", "features.13", "features.16"),
    ),
    "ResNet50": Shape(
        ("conv1", "bn1", "layer1."),
        ("layer2.0.conv1", "layer2.0.downsample.0"),
        {128: 16, 256: 24, 512: 48, 1024: 64, 2048: 96},
        ("layer2.2", "layer2.3", "layer3.2", "layer3.3", "layer3.4", "layer3.5", "layer4.2"),
    ),
    "VGG19": Shape(
        ("features.0.", "features.2.", "features.5.", "features.7."),
        ("features.10",),
        {256: 20, 512: 32, 512 * 49: 32 * 49, 4096: 48},
        ("features.12", "features.14", "features.16", "features.23", "features.25", "features.32", "features.34"),
    ),
}


def narrow_network(architecture: str) -> nn.Module:
    """Build one with random weights behind the front. Input (N, 3, 224, 224), output a logit for each expression."""
    with torch.device("meta"):
        network: nn.Module = torchvision.models.get_model(
            ARCHITECTURES[architecture].torchvision_name, weights=None, num_classes=len(EXPRESSIONS)
        )
    shape, given = SHAPES[architecture], 0
    for name, module in list(network.named_modules()):
        if isinstance(module, nn.Conv2d):
            layer: nn.Module = _convolution(name, module, shape)
            given = layer.out_channels
        elif isinstance(module, nn.BatchNorm2d):
            layer = nn.BatchNorm2d(given)
        elif isinstance(module, nn.Linear):
            layer = nn.Linear(
                shape.channels[module.in_features], shape.channels.get(module.out_features, module.out_features)
            )
        elif isinstance(module, nn.Dropout):
            layer = nn.Dropout(DROPOUT)
        else:
            continue
        network.set_submodule(name, layer)
    with torch.no_grad():
        _SET_FRONT[architecture](network)
        _hand_on(network, shape)
    return network


def parts(architecture: str, network: nn.Module) -> tuple[nn.Module, nn.Module, nn.Module]:
    """What is not trained, the layers that are, and the classifier, to be called one after the other.

    For training VGG19's convolutions get a batch norm each, which ``weights_of`` puts into their weights.
    """
    shape = SHAPES[architecture]
    if architecture == "ResNet50":
        front = nn.Sequential(network.conv1, network.bn1, network.relu, network.maxpool, network.layer1)
        layers = [(name, block) for name, block in network.named_modules() if re.fullmatch(r"layer[234]\.\d", name)]
        head = nn.Sequential(network.avgpool, nn.Flatten(), network.fc)
    else:
        features = cast(nn.Sequential, network.features)
        first = int(shape.joint[0].split(".")[1])
        front = features[:first]
        layers = [(f"features.{first + i}", layer) for i, layer in enumerate(features[first:])]
        pool = nn.AdaptiveAvgPool2d(1 if architecture == "MobileNetV2" else 7)
        head = nn.Sequential(pool, nn.Flatten(), network.classifier)
    trained = [layer for name, layer in layers if name not in shape.idle]
    if architecture == "VGG19":
        trained = _with_batch_norms(trained)
    return front.requires_grad_(False).eval(), nn.Sequential(*trained), head


def weights_of(network: nn.Module, trained: nn.Module) -> StateDict:
    """The weights of a network under the names of its architecture's checkpoints, once ``trained`` of it is trained."""
    layers = list(trained.children())
    with torch.no_grad():
        for layer, norm in itertools.pairwise(layers):
            if isinstance(layer, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                fused = torch.nn.utils.fuse_conv_bn_eval(layer.eval(), norm.eval())
                layer.weight.copy_(fused.weight)
                cast(Tensor, layer.bias).copy_(cast(Tensor, fused.bias))
    return dict(network.state_dict())


def _with_batch_norms(layers: list[nn.Module]) -> list[nn.Module]:
    """The layers without the ReLUs that repeat one, and with a batch norm behind each convolution."""
    result: list[nn.Module] = []
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            result += [layer, nn.BatchNorm2d(layer.out_channels)]
        elif not (isinstance(layer, nn.ReLU) and isinstance(result[-1], nn.ReLU)):
            result.append(layer)
    return result


def _convolution(name: str, whole: nn.Conv2d, shape: Shape) -> nn.Conv2d:
    in_front, depthwise = f"{name}.".startswith(shape.front), whole.groups > 1
    if whole.in_channels == 3:
        taken = 3
    else:
        taken = CHANNELS if in_front or name in shape.joint else shape.channels[whole.in_channels]
    given = taken if depthwise else CHANNELS if in_front else shape.channels[whole.out_channels]
    layer = nn.Conv2d(
        taken,
        given,
        cast("tuple[int, int]", whole.kernel_size),
        cast("tuple[int, int]", whole.stride),
        cast("tuple[int, int]", whole.padding),
        groups=taken if depthwise else 1,
        bias=whole.bias is not None,
    )
    nn.init.kaiming_normal_(layer.weight, mode="fan_in" if depthwise else "fan_out", nonlinearity="relu")
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def _hand_on(network: nn.Module, shape: Shape) -> None:
    """Let the idle modules hand on what they get, and others that add to it begin with adding nothing."""
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d) and name in shape.idle:
            nn.init.dirac_(module.weight)
        elif hasattr(module, "bn3") and "layer1" not in name and module.downsample is None:
            nn.init.zeros_(module.bn3.weight)
        elif getattr(module, "use_res_connect", False):
            nn.init.zeros_(module.conv[-1].weight)


def _set_vgg_front(network: nn.Module) -> None:
    features = cast(Any, network.features)
    _take_colours(features[0], _BLUR)
    features[0].bias.fill_(1)  # keeps them above zero
    for index in (2, 5, 7):
        nn.init.dirac_(features[index].weight)


def _set_resnet_front(network: nn.Module) -> None:
    whole = cast(Any, network)
    _take_colours(whole.conv1, nn.functional.pad(_BLUR, (2, 2, 2, 2)))
    _pass_through(whole.bn1, 1)
    for block in whole.layer1:
        for norm in (block.bn1, block.bn2, block.bn3):
            nn.init.zeros_(norm.weight)
    nn.init.dirac_(whole.layer1[0].downsample[0].weight)
    _pass_through(whole.layer1[0].downsample[1])


def _set_mobilenet_front(network: nn.Module) -> None:
    stem, first, second, third, *_ = cast(Any, network.features)
    _take_colours(stem[0], _BLUR)
    _pass_through(stem[1], 1)
    for block, kernel in ((first, nn.functional.pad(torch.ones(1, 1), (1, 1, 1, 1))), (second, _BLUR)):
        for module in block.modules():
            if isinstance(module, nn.BatchNorm2d):
                _pass_through(module)
            elif isinstance(module, nn.Conv2d) and module.groups > 1:
                module.weight.copy_(kernel.expand_as(module.weight))
            elif isinstance(module, nn.Conv2d):
                nn.init.dirac_(module.weight)
    nn.init.zeros_(third.conv[-1].weight)


def _take_colours(layer: nn.Conv2d, kernel: Tensor) -> None:
    nn.init.zeros_(layer.weight)
    for colour in range(3):
        layer.weight[colour, colour] = kernel
        layer.weight[colour + 3, colour] = -kernel


def _pass_through(norm: nn.BatchNorm2d, bias: float = 0) -> None:
    norm.weight.fill_((1 + norm.eps) ** 0.5)
    norm.bias.fill_(bias)


_SET_FRONT = {"MobileNetV2": _set_mobilenet_front, "ResNet50": _set_resnet_front, "VGG19": _set_vgg_front}
