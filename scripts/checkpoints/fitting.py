"""Whether a ``state_dict`` is of a model's network, and what it is of otherwise."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch

from scripts.catalogue import ARCHITECTURES, Model
from scripts.checkpoints.file_types import CheckpointError
from scripts.checkpoints.networks import StateDict, expected_shapes, recognise
from scripts.checkpoints.other_kinds import SAVE
from scripts.checkpoints.timm_names import has_own_names

Shapes = Mapping[str, torch.Size]


def fitted(name: str, model: Model, state_dict: StateDict) -> tuple[StateDict, list[str]]:
    """The tensors under the names of the model's network, and notes on what was renamed.

    Raises CheckpointError, which names the file ``name``, if they are of another network.
    """
    expected = expected_shapes(model.architecture, len(model.emotions))
    state_dict, notes = with_usual_head(model.architecture, _with_counters(state_dict, expected), expected)
    found = {key: tensor.shape for key, tensor in state_dict.items()}
    if found != expected:
        raise CheckpointError(f"{name} {_misfit(model, state_dict, found, expected)}")
    return state_dict, notes


def network_of(state_dict: StateDict) -> tuple[str | None, int | None]:
    """The architecture with these tensors and its number of outputs; None for what is not known.

    It is one of ARCHITECTURES, or another network of torchvision.
    """
    for architecture in ARCHITECTURES:
        expected = expected_shapes(architecture, 1)
        whole, _ = with_usual_head(architecture, _with_counters(state_dict, expected), expected)
        bias = whole.get(f"{ARCHITECTURES[architecture].last_layer}.bias")
        if bias is not None and recognise(whole) == architecture:
            return architecture, bias.numel()
    return recognise(state_dict), None


def with_usual_head(architecture: str, state_dict: StateDict, expected: Shapes) -> tuple[StateDict, list[str]]:
    """Give the last layer its name where it stands in another module or in its place, and nothing else differs.

    Such are ``classifier.1.1`` (``Sequential(Dropout, Linear)`` as the last layer) and ``classifier`` (``Linear``
    as the whole head). ``expected`` has torchvision's names. Dropout and ReLU before that layer change no answer.
    """
    last_layer = ARCHITECTURES[architecture].last_layer
    own = {f"{last_layer}.weight", f"{last_layer}.bias"}
    others = state_dict.keys() - (expected.keys() - own)
    places = {key.rpartition(".")[0] for key in others}
    if len(places) != 1 or others == own or (expected.keys() - own) - state_dict.keys():
        return state_dict, []
    place = places.pop()
    if others != {f"{place}.weight", f"{place}.bias"} or not _in_place_of(last_layer, place, expected):
        return state_dict, []
    moved = {
        key.replace(f"{place}.", f"{last_layer}.", 1) if key in others else key: state_dict[key] for key in state_dict
    }
    return moved, [f"{place} taken as the last layer {last_layer}"]


def _in_place_of(last_layer: str, place: str, expected: Shapes) -> bool:
    parent = last_layer.rpartition(".")[0]
    numbers = re.escape(last_layer) + r"(\.\d+)+"
    if parent:
        numbers += rf"|{re.escape(parent)}(\.\d+)*"
    if not re.fullmatch(numbers, place):
        return False
    # Behind the other layers of the same Sequential, if it has any.
    siblings = [key for key in expected if parent and key.startswith(f"{parent}.") and not key.startswith(last_layer)]
    return not siblings or int((place + ".0").removeprefix(f"{parent}.").split(".")[0]) >= int(
        last_layer.rpartition(".")[2]
    )


def _with_counters(state_dict: StateDict, expected: Shapes) -> StateDict:
    """Add the batch norms' counters: of no use after training, and old checkpoints lack them."""
    counters = [key for key in expected if key.endswith(".num_batches_tracked")]
    return {**{key: torch.zeros((), dtype=torch.int64) for key in counters}, **state_dict}


def _misfit(model: Model, state_dict: StateDict, found: Shapes, expected: Shapes) -> str:
    """How the tensors differ from those of the model's network, and the remedy."""
    last_layer = ARCHITECTURES[model.architecture].last_layer
    head = {f"{last_layer}.weight", f"{last_layer}.bias"}
    differing = {key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key)}
    if differing == head and differing <= found.keys():
        return (
            f"has {found[f'{last_layer}.bias'].numel()} outputs, but models.json lists {len(model.emotions)} labels "
            f"for {model.name}; correct its emotions or use a checkpoint trained with these labels"
        )
    recognised = recognise(state_dict)
    if recognised and recognised != model.architecture:
        return (
            f"looks like {recognised}, not {model.architecture}; put the right file there, or change the "
            f"architecture of {model.name} in models.json"
        )
    layers = sorted({key.rpartition(".")[0] for key in differing - head})
    parent = last_layer.rpartition(".")[0] or last_layer
    if recognised and layers and (head - found.keys() or all(layer.startswith(f"{parent}.") for layer in layers)):
        return (
            f"has another head than {model.architecture}: {', '.join(layers[:3])} instead of {last_layer} alone; "
            "train it with one linear layer in that place, since only such are served"
        )
    if has_own_names(state_dict):
        return (
            "has names of timm, but is neither its mobilenetv2_100 nor its vgg19, the only ones of them that equal a "
            f"network of torchvision; train torchvision's {ARCHITECTURES[model.architecture].torchvision_name} instead"
        )
    return f"does not fit {model.architecture}: {_differences(expected, found)}; {SAVE}"


def _differences(expected: Shapes, found: Shapes) -> str:
    parts = []
    for text, keys in (
        ("missing", [key for key in expected if key not in found]),
        ("unexpected", [key for key in found if key not in expected]),
    ):
        if keys:
            parts.append(f"{text} {', '.join(keys[:3])}" + (f" and {len(keys) - 3} more" if len(keys) > 3 else ""))
    for key in expected:
        if key in found and found[key] != expected[key]:
            parts.append(f"{key} has shape {tuple(found[key])} instead of {tuple(expected[key])}")
            break
    return "; ".join(parts)
