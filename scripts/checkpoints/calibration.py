"""Weights for an untrained network that answers differently for different images."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from scripts.catalogue import ARCHITECTURES
from scripts.checkpoints.networks import PREPROCESS, StateDict, network_outline
from scripts.probes import seeded_image

IMAGES = 10  # more of them cost time and change little
SHIFT = 1.0  # mean of every layer's outputs: with 0, half of the ReLUs flip and the network is chaotic


def calibrated_state_dict(architecture: str, classes: int, seed: int) -> StateDict:
    """Make the weights from ``seed``: random, then every layer scaled while seeded images run through it.

    Batch norms take their statistics from the images. A network without them (VGG19) gets the same effect from
    its weights and biases. The last layer reads the directions in which the images' features differ most.
    """
    generator = torch.Generator().manual_seed(seed)
    network = network_outline(architecture, classes).to_empty(device="cpu")
    images = torch.stack([PREPROCESS(seeded_image(seed + i)) for i in range(IMAGES)])
    last_layer = cast(nn.Linear, network.get_submodule(ARCHITECTURES[architecture].last_layer))
    with torch.inference_mode():
        _fill(network, generator)
        features = _scale_layers(network, last_layer, images)
        _read_differences(last_layer, features, ARCHITECTURES[architecture].logit_spread, generator)
    return dict(network.state_dict())


def _fill(network: nn.Module, generator: torch.Generator) -> None:
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=generator)
            if module.bias is not None:
                module.bias.zero_()
        elif isinstance(module, nn.BatchNorm2d):
            module.weight.fill_(1)
            module.bias.fill_(SHIFT)
            cast(Tensor, module.num_batches_tracked).fill_(1)


def _scale_layers(network: nn.Module, last_layer: nn.Linear, images: Tensor) -> Tensor:
    """Run the images through once, scaling each layer as they pass; return what reaches the last layer."""
    features: list[Tensor] = []
    has_batch_norm = any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    hooks = [last_layer.register_forward_pre_hook(lambda _, inputs: features.append(inputs[0]))]
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            hooks.append(module.register_forward_pre_hook(_take_statistics))
        elif isinstance(module, (nn.Conv2d, nn.Linear)) and not has_batch_norm and module is not last_layer:
            hooks.append(module.register_forward_hook(_normalise_outputs))
    network(images)
    for hook in hooks:
        hook.remove()
    return features[0]


def _take_statistics(module: nn.Module, inputs: tuple[Tensor]) -> None:
    variance, mean = torch.var_mean(inputs[0], dim=(0, 2, 3))
    cast(Tensor, module.running_mean).copy_(mean)
    cast(Tensor, module.running_var).copy_(variance)


def _normalise_outputs(module: nn.Module, inputs: tuple[Tensor], outputs: Tensor) -> Tensor:
    """Give the layer's outputs standard deviation 1 and mean SHIFT through its weights and biases."""
    weight, bias = cast(Tensor, module.weight), cast(Tensor, module.bias)
    across = (0, 2, 3) if outputs.dim() == 4 else (0,)
    mean = outputs.mean(across)
    # A linear layer has too few outputs per channel here for a deviation of their own.
    deviation = outputs.std(across) if outputs.dim() == 4 else (outputs - mean).std().expand_as(mean)
    weight.div_(deviation.view(-1, *[1] * (weight.dim() - 1)))
    bias.sub_(mean).div_(deviation).add_(SHIFT)
    channels = (1, -1, 1, 1) if outputs.dim() == 4 else (1, -1)
    return (outputs - mean.view(channels)) / deviation.view(channels) + SHIFT


def _read_differences(layer: nn.Linear, features: Tensor, spread: float, generator: torch.Generator) -> None:
    """Make each class a random mix of the features' leading principal components, each of deviation 1."""
    mean = features.double().mean(dim=0)
    _, lengths, directions = torch.linalg.svd(features.double() - mean, full_matrices=False)
    count = min(layer.out_features, len(features) - 2)
    components = directions[:count] * (len(features) ** 0.5 / lengths[:count, None])
    mix = torch.randn(layer.out_features, count, generator=generator, dtype=torch.float64)
    mix /= mix.norm(dim=1, keepdim=True)
    weight = spread * mix @ components
    layer.weight.copy_(weight)
    layer.bias.copy_(-(weight @ mean))
