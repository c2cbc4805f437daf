"""Weights for a stand-in: it knows drawn faces, and answers differently for different images of any kind."""

from __future__ import annotations

from functools import partial
from typing import cast

import torch
from torch import Tensor, nn

from scripts.catalogue import ARCHITECTURES
from scripts.checkpoints.known_faces import embed, known_channels
from scripts.checkpoints.networks import PREPROCESS, StateDict, network_outline
from scripts.probes import seeded_image

IMAGES = 10  # more of them cost time and change little
BESIDE_KNOWN = 0.25  # of the logits' spread, where it is added to what a narrow network knows
SHIFT = 1.0  # mean of every layer's outputs: with 0, half of the ReLUs flip and the network is chaotic


def calibrated_state_dict(architecture: str, classes: int, seed: int, narrow: StateDict | None = None) -> StateDict:
    """Make the weights from ``seed``: random, then every layer scaled while seeded images run through it.

    Batch norms take their statistics from the images. A network without them (VGG19) gets the same effect from
    its weights and biases. The last layer reads the directions in which the images' features differ most.
    ``narrow`` (``known_faces``) takes the first channels of each layer as it is, and its logits are added.
    """
    narrow = narrow or {}
    generator = torch.Generator().manual_seed(seed)
    network = network_outline(architecture, classes).to_empty(device="cpu")
    images = torch.stack([PREPROCESS(seeded_image(seed + i)) for i in range(IMAGES)])
    name = ARCHITECTURES[architecture].last_layer
    last_layer = cast(nn.Linear, network.get_submodule(name))
    with torch.inference_mode():
        _fill(network, generator)
        embed(network, narrow)
        features = _scale_layers(network, last_layer, images, known_channels(narrow))
        first = narrow[f"{name}.weight"].shape[1] if narrow else 0
        spread = ARCHITECTURES[architecture].logit_spread * (BESIDE_KNOWN if narrow else 1)
        _read_differences(last_layer, features, first, spread, generator)
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


def _scale_layers(network: nn.Module, last_layer: nn.Linear, images: Tensor, known: dict[str, int]) -> Tensor:
    """Run the images through once, scaling each layer as they pass; return what reaches the last layer.

    The first ``known`` outputs of a layer are left as they are, and so are left out of what is returned.
    """
    features: list[Tensor] = []
    has_batch_norm = any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    hooks = [last_layer.register_forward_pre_hook(lambda _, inputs: features.append(inputs[0]))]
    for name, module in network.named_modules():
        first = known.get(name, 0)
        if isinstance(module, nn.BatchNorm2d):
            hooks.append(module.register_forward_pre_hook(partial(_take_statistics, first)))
        elif isinstance(module, (nn.Conv2d, nn.Linear)) and not has_batch_norm and module is not last_layer:
            hooks.append(module.register_forward_hook(partial(_normalise_outputs, first)))
    network(images)
    for hook in hooks:
        hook.remove()
    return features[0]


def _take_statistics(first: int, module: nn.Module, inputs: tuple[Tensor]) -> None:
    variance, mean = torch.var_mean(inputs[0][:, first:], dim=(0, 2, 3))
    cast(Tensor, module.running_mean)[first:] = mean
    cast(Tensor, module.running_var)[first:] = variance


def _normalise_outputs(first: int, module: nn.Module, inputs: tuple[Tensor], outputs: Tensor) -> Tensor:
    """Give the outputs from ``first`` on standard deviation 1 and mean SHIFT through the layer's weights and biases."""
    weight, bias = cast(Tensor, module.weight)[first:], cast(Tensor, module.bias)[first:]
    known, outputs = outputs[:, :first], outputs[:, first:]
    across = (0, 2, 3) if outputs.dim() == 4 else (0,)
    mean = outputs.mean(across)
    # A linear layer has too few outputs per channel here for a deviation of their own.
    deviation = outputs.std(across) if outputs.dim() == 4 else (outputs - mean).std().expand_as(mean)
    weight.div_(deviation.view(-1, *[1] * (weight.dim() - 1)))
    bias.sub_(mean).div_(deviation).add_(SHIFT)
    channels = (1, -1, 1, 1) if outputs.dim() == 4 else (1, -1)
    scaled = (outputs - mean.view(channels)) / deviation.view(channels) + SHIFT
    return torch.cat([known, scaled], dim=1)


def _read_differences(
    layer: nn.Linear, features: Tensor, first: int, spread: float, generator: torch.Generator
) -> None:
    """Add to each class a random mix of the leading principal components of the features from ``first`` on."""
    features = features[:, first:].double()
    mean = features.mean(dim=0)
    _, lengths, directions = torch.linalg.svd(features - mean, full_matrices=False)
    count = min(layer.out_features, len(features) - 2)
    components = directions[:count] * (len(features) ** 0.5 / lengths[:count, None])
    mix = torch.randn(layer.out_features, count, generator=generator, dtype=torch.float64)
    mix /= mix.norm(dim=1, keepdim=True)
    weight = spread * mix @ components
    layer.weight[:, first:] = weight.float()
    layer.bias.sub_((weight @ mean).float())
