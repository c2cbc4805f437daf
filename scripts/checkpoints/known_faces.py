"""What the stand-ins know of faces: for each architecture a narrow network, the first channels of the whole one.

``python -m scripts.checkpoints fit-stand-ins`` trains the narrow networks on drawn faces and writes the file.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from scripts.catalogue import ARCHITECTURES, Model
from scripts.checkpoints.networks import StateDict
from scripts.pictures.drawing import EXPRESSIONS, expression_of

FILE = Path(__file__).with_suffix(".npz")


def narrow_weights(architecture: str) -> StateDict:
    """The narrow network of an architecture, one output for each of EXPRESSIONS; empty where the file has none."""
    if not FILE.exists():
        return {}
    with np.load(FILE) as arrays:
        names = [name for name in arrays.files if name.startswith(f"{architecture}/")]
        return {name.partition("/")[2]: torch.from_numpy(arrays[name]).float() for name in names}


def known_faces(model: Model) -> StateDict | None:
    """The narrow network for ``model``, one output for each of its labels.

    None where the file has no network for its architecture, or a label is no expression that is drawn.
    """
    expressions = [expression_of(label) for label in model.emotions]
    weights = narrow_weights(model.architecture)
    if not weights or None in expressions:
        return None
    rows = [list(EXPRESSIONS).index(str(expression)) for expression in expressions]
    last_layer = ARCHITECTURES[model.architecture].last_layer
    for name in (f"{last_layer}.weight", f"{last_layer}.bias"):
        weights[name] = weights[name][rows]
    return weights


def save_known_faces(networks: dict[str, StateDict]) -> None:
    """Write the narrow networks, by architecture: matrices as float16, vectors as float32."""
    arrays = {
        f"{architecture}/{name}": tensor.half().numpy() if tensor.dim() > 1 else tensor.float().numpy()
        for architecture, weights in networks.items()
        for name, tensor in weights.items()
        if tensor.is_floating_point()
    }
    np.savez_compressed(FILE, **arrays)


def embed(network: nn.Module, narrow: StateDict) -> None:
    """Put a narrow network into the first channels of each layer of a whole one; these read no other channels."""
    for name, tensor in network.state_dict().items():
        if name in narrow:
            tensor[: len(narrow[name])] = 0
            tensor[tuple(slice(length) for length in narrow[name].shape)] = narrow[name]


def known_channels(narrow: StateDict) -> dict[str, int]:
    """How many of each layer's first outputs are the narrow network's, by the layer's name."""
    return {name.removesuffix(".weight"): len(tensor) for name, tensor in narrow.items() if name.endswith(".weight")}
