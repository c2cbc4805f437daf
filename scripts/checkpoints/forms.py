"""Find the ``state_dict`` in what people save, under names without prefixes; notes say what was taken off."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor

from scripts.checkpoints.file_types import CheckpointError
from scripts.checkpoints.networks import StateDict
from scripts.checkpoints.other_kinds import SAVE
from scripts.checkpoints.timm_names import converted
from scripts.checkpoints.weights import refuse_tensors_without_weights

# Where several state_dicts lie in a file, the first of these is taken.
_KEYS = ("state_dict", "model_state_dict", "model_state", "model", "net", "network", "weights", "ema")
_DEEPEST = 3  # levels of mappings that are searched
_OF_TRAINING = re.compile(r"optimi[sz]er|^optim$|sched|scaler|callback|^loops$|hyper", re.IGNORECASE)

# nn.DataParallel and torch.compile put these before names, also within them.
_WRAPPERS = ("module.", "_orig_mod.")
# What a training keeps beside the network's own tensors, and no answer depends on.
_BESIDE = re.compile(
    r"n_averaged$|(.*\.)?(class_weights?|pos_weight)$"
    r"|(.*\.)?(criterion|loss|loss_fn|metrics?|(train|val|valid|test)_[a-z0-9_]+)\."
)
# Parts of torchvision's own names: no prefixes, even if all names begin with one because the rest is missing.
_OWN_PARTS = ("features", "classifier")


def state_dict_in(name: str, content: Any) -> tuple[StateDict, list[str]]:
    """The ``state_dict`` in the content of a file, under names without prefixes, and notes on what was done to it.

    Raises CheckpointError if there is none, or more than one and none under a usual key.
    """
    if not isinstance(content, Mapping):
        raise CheckpointError(f"{name} holds a {type(content).__name__} instead of a state_dict; {SAVE}")
    path, mapping, notes = _chosen(name, content)
    weights, left_out = _tensors(name, mapping)
    refuse_tensors_without_weights(name, weights)
    weights, wrappers = _without_wrappers(name, weights)
    beside = [key for key in weights if _BESIDE.match(key)]
    weights, common = _without_common_prefix({key: weights[key] for key in weights if key not in beside})
    weights, renamed = converted(weights)
    taken_off = wrappers + common
    if path and path != "state_dict":
        notes.insert(0, f"found under {path!r}")
    notes += [f"{' and '.join(map(repr, taken_off))} taken off the names"] if taken_off else []
    left_out += beside
    notes += [f"left out {', '.join(left_out[:3])}{' and more' if len(left_out) > 3 else ''}"] if left_out else []
    return weights, notes + renamed


def _chosen(name: str, content: Mapping[Any, Any]) -> tuple[str, Mapping[Any, Any], list[str]]:
    """The mapping with the weights and where it lies, as ``model.state_dict``; "" for the content itself."""
    found = dict(_state_dicts(content, "", 0))
    if not found:
        keys = ", ".join(repr(key) for key in list(content)[:5]) or "none"
        raise CheckpointError(f"{name} holds no state_dict (its keys: {keys}); {SAVE}")
    under = [[path for path in found if path.split(".")[0] == key] for key in _KEYS]
    usual = next((paths for paths in under if paths), list(found))
    if len(usual) > 1:
        raise CheckpointError(f"{name} holds several state_dicts ({', '.join(usual)}); save one of them alone: {SAVE}")
    path = usual[0]
    others = [other for other in found if other != path]
    return path, found[path], [f"{', '.join(others)} beside it left out"] if others else []


def _state_dicts(content: Mapping[Any, Any], path: str, depth: int) -> Iterator[tuple[str, Mapping[Any, Any]]]:
    """The mappings whose names are those of a network's tensors, with a dot; not what is inside them."""
    if any(isinstance(key, str) and "." in key and isinstance(value, Tensor) for key, value in content.items()):
        yield path, content
        return
    for key, value in content.items():
        inner = isinstance(key, str) and isinstance(value, Mapping) and not _OF_TRAINING.search(key)
        if inner and depth < _DEEPEST:
            yield from _state_dicts(value, f"{path}.{key}" if path else key, depth + 1)


def _tensors(name: str, mapping: Mapping[Any, Any]) -> tuple[StateDict, list[str]]:
    """The tensors, and the names of what lies beside them, such as the number of the epoch."""
    strange = [key for key in mapping if not isinstance(key, str)]
    if strange:
        raise CheckpointError(f"{name} holds no state_dict ({strange[0]!r} is no tensor's name); {SAVE}")
    weights = {key: value for key, value in mapping.items() if isinstance(value, Tensor)}
    return weights, [key for key in mapping if key not in weights]


def _without_wrappers(name: str, weights: StateDict) -> tuple[StateDict, list[str]]:
    """Take off what DataParallel and torch.compile put before a name or a part of it."""
    found = [wrapper for wrapper in _WRAPPERS if any(f".{wrapper}" in f".{key}" for key in weights)]
    result: StateDict = {}
    for key, tensor in weights.items():
        short = ".".join(part for part in key.split(".") if f"{part}." not in found)
        if short in result:
            raise CheckpointError(f"{name} holds {short} twice, with and without {' and '.join(found)}; {SAVE}")
        result[short] = tensor
    return result, found


def _without_common_prefix(weights: StateDict) -> tuple[StateDict, list[str]]:
    """Take off the parts that all names begin with, such as ``model.`` and ``backbone.``."""
    parts = [key.split(".") for key in weights]
    shared = 0
    while parts and all(len(part) > shared + 2 and part[shared] == parts[0][shared] for part in parts):
        if parts[0][shared] in _OWN_PARTS and not any(part[shared + 1] in _OWN_PARTS for part in parts):
            break
        shared += 1
    if not shared:
        return weights, []
    prefix = ".".join(parts[0][:shared]) + "."
    return {key.removeprefix(prefix): tensor for key, tensor in weights.items()}, [prefix]
