"""Read the checkpoints in ``results/`` and say clearly why one cannot be used.

Checkpoints are loaded with ``weights_only=True``: nothing in such a file is ever executed.
"""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from scripts.catalogue import Model
from scripts.checkpoints import zip_files
from scripts.checkpoints.file_types import CheckpointError, is_safetensors, refuse_other_files
from scripts.checkpoints.fitting import fitted, network_of
from scripts.checkpoints.forms import state_dict_in
from scripts.checkpoints.networks import StateDict
from scripts.checkpoints.other_kinds import SAVE
from scripts.checkpoints.other_values import OTHER_VALUES
from scripts.checkpoints.weights import as_float32, refuse_broken_weights

_GLOBAL = re.compile(r"GLOBAL ([\w.]+)")
_CUT_SHORT = re.compile(r"central directory|Ran out of input|unexpected EOF|is truncated|corrupted", re.IGNORECASE)


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that fits its model. ``state_dict`` holds float32 tensors under torchvision's names.

    ``note`` says what was converted or left out while reading, if anything.
    """

    state_dict: StateDict
    stand_in: bool
    note: str = ""


def load_checkpoint(path: Path, model: Model) -> Checkpoint:
    """Read the checkpoint of ``model`` and check it.

    Accepted is what ``torch.save`` or safetensors made of a ``state_dict``, bare or among other values, in the forms
    that ``checkpoints.forms`` knows. Raises CheckpointError for everything else.
    """
    content = _read(path)
    _refuse_damaged_records(path)
    state_dict, notes = state_dict_in(path.name, content)
    state_dict, of_head = fitted(path.name, model, state_dict)
    state_dict, of_types = as_float32(path.name, state_dict)
    refuse_broken_weights(path.name, state_dict)
    return Checkpoint(state_dict, _is_marked(content), "; ".join([*notes, *of_head, *of_types]))


def is_stand_in(path: Path) -> bool:
    """Whether the file is a stand-in; False for anything that cannot be read."""
    try:
        return _is_marked(_read(path))
    except CheckpointError:
        return False


def network_in(path: Path) -> tuple[str | None, int | None]:
    """Which network the weights in a file are of, and how many outputs it has (``fitting.network_of``).

    Raises CheckpointError if there are no weights. The numbers themselves are not looked at.
    """
    return network_of(state_dict_in(path.name, _read(path))[0])


def _read(path: Path) -> Any:
    refuse_other_files(path)
    try:
        if is_safetensors(path):
            from safetensors.torch import load_file

            return load_file(path)
        with warnings.catch_warnings(), torch.serialization.safe_globals(OTHER_VALUES):
            warnings.simplefilter("ignore")  # of unusual pickles; whether they can be read shows
            # torch would map compressed tensors too, and read other weights.
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zip_files.is_stored(path))
    except Exception as error:  # torch raises whatever a broken file leads it to
        raise CheckpointError(_why_unreadable(path.name, error)) from error


def _why_unreadable(name: str, error: Exception) -> str:
    text = str(error)
    broken = isinstance(error, (EOFError, OSError)) or type(error).__name__ == "SafetensorError"
    if broken or _CUT_SHORT.search(text):
        return f"{name} is truncated or damaged; copy it again"
    found = _GLOBAL.search(text)
    if isinstance(error, pickle.UnpicklingError) and found:
        return (
            f"{name} holds a pickled {found.group(1)} instead of plain tensors, and unpickling would run its code; "
            f"load it where it came from and {SAVE}"
        )
    return f"{name} is not a torch file that can be read ({type(error).__name__}); {SAVE}"


def _refuse_damaged_records(path: Path) -> None:
    """Raise CheckpointError if a zip file's CRC-32 shows that bytes changed after it was written."""
    damaged = zip_files.names(path) is not None and zip_files.damaged_record(path)
    if damaged:
        raise CheckpointError(f"{path.name} is damaged: bytes of {damaged} changed after it was saved; copy it again")


def _is_marked(content: Any) -> bool:
    return isinstance(content, Mapping) and content.get("stand_in") is True
