"""Read the checkpoints in ``results/`` and say clearly why one cannot be used.

Checkpoints are loaded with ``weights_only=True``: nothing in such a file is ever executed.
"""

from __future__ import annotations

import pickle
import re
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from scripts.catalogue import ARCHITECTURES, Model
from scripts.checkpoints.file_types import SAVE, CheckpointError, is_zip, refuse_other_files
from scripts.checkpoints.networks import StateDict, expected_shapes, recognise

WRAPPERS = ("state_dict", "model_state_dict")

# nn.DataParallel and torch.compile put these before every name.
_PREFIXES = ("module.", "_orig_mod.")
_GLOBAL = re.compile(r"GLOBAL ([\w.]+)")
_CUT_SHORT = re.compile(r"central directory|Ran out of input|unexpected EOF|is truncated|corrupted", re.IGNORECASE)


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that fits its model. ``state_dict`` holds float32 tensors under torchvision's names.

    ``note`` says what was converted while reading, if anything.
    """

    state_dict: StateDict
    stand_in: bool
    note: str = ""


def load_checkpoint(path: Path, model: Model) -> Checkpoint:
    """Read the checkpoint of ``model`` and check it.

    Accepted are a bare ``state_dict`` or one under ``state_dict`` or ``model_state_dict``, with or without
    ``module.`` before the names. Raises CheckpointError for everything else.
    """
    content = _read(path)
    state_dict = _state_dict(path.name, content)
    _refuse_other_networks(path.name, model, state_dict)
    state_dict, note = _as_float32(path.name, state_dict)
    _refuse_broken_weights(path.name, state_dict)
    return Checkpoint(state_dict, _is_marked(content), note)


def is_stand_in(path: Path) -> bool:
    """Whether the file is a stand-in; False for anything that cannot be read."""
    try:
        return _is_marked(_read(path))
    except CheckpointError:
        return False


def _read(path: Path) -> Any:
    refuse_other_files(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of unusual pickles; whether they can be read shows
            return torch.load(path, map_location="cpu", weights_only=True, mmap=_can_be_mapped(path))
    except Exception as error:  # torch raises whatever a broken file leads it to
        raise CheckpointError(_why_unreadable(path.name, error)) from error


def _can_be_mapped(path: Path) -> bool:
    """Whether the tensors lie in the file as they are. torch would map compressed ones too, and read other weights."""
    if not is_zip(path):
        return False
    with zipfile.ZipFile(path) as contents:
        return all(item.compress_type == zipfile.ZIP_STORED for item in contents.infolist())


def _why_unreadable(name: str, error: Exception) -> str:
    text = str(error)
    if "TorchScript" in text:
        return f"{name} is a TorchScript archive, not a state_dict; load it and {SAVE}"
    if _CUT_SHORT.search(text) or isinstance(error, (EOFError, OSError)):
        return f"{name} is truncated or damaged; copy it again"
    found = _GLOBAL.search(text)
    if isinstance(error, pickle.UnpicklingError) and found:
        return (
            f"{name} holds a pickled {found.group(1)} instead of plain tensors, and unpickling would run its code; "
            f"load it where it came from and {SAVE}"
        )
    return f"{name} is not a torch file that can be read ({type(error).__name__}); {SAVE}"


def _is_marked(content: Any) -> bool:
    return isinstance(content, Mapping) and content.get("stand_in") is True


def _state_dict(name: str, content: Any) -> StateDict:
    if not isinstance(content, Mapping):
        raise CheckpointError(f"{name} holds a {type(content).__name__} instead of a state_dict; {SAVE}")
    for wrapper in WRAPPERS:
        if isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
            break
    strangers = [key for key, value in content.items() if not isinstance(key, str) or not isinstance(value, Tensor)]
    if strangers or not content:
        keys = ", ".join(repr(key) for key in list(content)[:5]) or "none"
        raise CheckpointError(
            f"{name} holds no state_dict (its keys: {keys}); {SAVE}, or put it under {' or '.join(map(repr, WRAPPERS))}"
        )
    for key, tensor in content.items():
        if tensor.is_nested or tensor.device.type != "cpu":
            kind = "nested tensor" if tensor.is_nested else f"tensor on the device {tensor.device.type}"
            raise CheckpointError(f"{name}: {key} is a {kind}, without weights that can be read; {SAVE}")
    return {_without_prefixes(key): value for key, value in content.items()}


def _without_prefixes(key: str) -> str:
    while key.startswith(_PREFIXES):
        key = key.split(".", 1)[1]
    return key


def _refuse_other_networks(name: str, model: Model, state_dict: StateDict) -> None:
    expected = expected_shapes(model.architecture, len(model.emotions))
    for key in expected:
        if key.endswith(".num_batches_tracked"):  # of no use after training, and old checkpoints lack it
            state_dict.setdefault(key, torch.zeros((), dtype=torch.int64))
    found = {key: tensor.shape for key, tensor in state_dict.items()}
    if found == expected:
        return
    last_layer = ARCHITECTURES[model.architecture].last_layer
    differing = {key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key)}
    if differing == {f"{last_layer}.weight", f"{last_layer}.bias"} and differing <= found.keys():
        raise CheckpointError(
            f"{name} has {found[f'{last_layer}.bias'].numel()} outputs, but models.json lists {len(model.emotions)} "
            f"labels for {model.name}; correct its emotions or use a checkpoint trained with these labels"
        )
    recognised = recognise(state_dict)
    if recognised and recognised != model.architecture:
        raise CheckpointError(
            f"{name} looks like {recognised}, not {model.architecture}; put the right file there, "
            f"or change the architecture of {model.name} in models.json"
        )
    raise CheckpointError(f"{name} does not fit {model.architecture}: {_differences(expected, found)}; {SAVE}")


def _differences(expected: Mapping[str, torch.Size], found: Mapping[str, torch.Size]) -> str:
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


def _as_float32(name: str, state_dict: StateDict) -> tuple[StateDict, str]:
    """Convert other floating-point types; what they are is returned in a note."""
    converted: dict[str, None] = {}
    result: StateDict = {}
    for key, tensor in state_dict.items():
        counter = key.endswith(".num_batches_tracked")
        dtype = str(tensor.dtype).removeprefix("torch.")
        real = tensor.is_floating_point() or (counter and not tensor.is_complex())
        if tensor.is_quantized or tensor.layout != torch.strided or not real:
            raise CheckpointError(f"{name}: {key} holds {dtype}, not float32; save the unquantised model")
        if counter:
            result[key] = tensor.long()
            continue
        if tensor.dtype != torch.float32:
            converted[dtype] = None
        result[key] = tensor.detach().to(torch.float32).contiguous()
    note = f"converted from {', '.join(converted)} to float32" if converted else ""
    return result, note


def _refuse_broken_weights(name: str, state_dict: StateDict) -> None:
    for key, tensor in state_dict.items():
        # The sum is finite if all weights are (except for an overflow, hence the second check), and takes no memory.
        if tensor.is_floating_point() and not tensor.sum().isfinite() and not tensor.isfinite().all():
            bad = int((~tensor.isfinite()).sum())
            kind = "NaN" if tensor.isnan().any() else "infinite"
            raise CheckpointError(
                f"{name}: {key} has {bad} of {tensor.numel()} weights that are {kind}; training diverged, "
                "use an earlier checkpoint"
            )
