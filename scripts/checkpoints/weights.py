"""The numbers of a ``state_dict``: made float32, and refused where they are none or no training leaves such."""

from __future__ import annotations

import torch
from torch import Tensor

from scripts.checkpoints.file_types import CheckpointError
from scripts.checkpoints.networks import StateDict
from scripts.checkpoints.other_kinds import SAVE

# The largest numbers that are believed, by the end of the tensor's name. Weights, biases and scales of trained networks
# stay below a few hundred, and below 1e5 with batch norms folded into them (times at most 1/sqrt(1e-5) = 316). What a
# layer answers to images in 0…255 may have means of 1e4, and variances of the square of that; ten thousand times more
# are allowed. The highest bit of an exponent, flipped, makes 1e30 and more of nearly all weights.
_LARGEST = {".running_var": 1e12, ".running_mean": 1e8, "": 1e6}


def refuse_tensors_without_weights(name: str, state_dict: StateDict) -> None:
    """Raise CheckpointError for tensors that torch cannot even compare: nested ones, and those on other devices."""
    for key, tensor in state_dict.items():
        if tensor.is_nested or tensor.device.type != "cpu":
            kind = "nested tensor" if tensor.is_nested else f"tensor on the device {tensor.device.type}"
            raise CheckpointError(f"{name}: {key} is a {kind}, without weights that can be read; {SAVE}")


def as_float32(name: str, state_dict: StateDict) -> tuple[StateDict, list[str]]:
    """Convert other floating-point types; notes say which they were. Raises CheckpointError for other tensors."""
    converted: dict[str, None] = {}
    result: StateDict = {}
    for key, tensor in state_dict.items():
        _refuse_other_tensors(f"{name}: {key}", tensor, counter=key.endswith(".num_batches_tracked"))
        if key.endswith(".num_batches_tracked"):
            result[key] = tensor.long()
            continue
        if tensor.dtype != torch.float32:
            converted[_dtype(tensor)] = None
        result[key] = tensor.detach().to(torch.float32).contiguous()
    return result, [f"converted from {', '.join(converted)} to float32"] if converted else []


def refuse_broken_weights(name: str, state_dict: StateDict) -> None:
    """Raise CheckpointError for a number that is NaN or infinite, too large to be true, or a negative variance."""
    for key, tensor in state_dict.items():
        if not tensor.is_floating_point() or not tensor.numel():
            continue
        low, high = (bound.item() for bound in tensor.aminmax())  # both NaN if any is
        if not abs(low) + abs(high) < float("inf"):
            _refuse_not_finite(f"{name}: {key}", tensor)
        limit = next(limit for end, limit in _LARGEST.items() if key.endswith(end))
        largest = max(low, high, key=abs)
        if abs(largest) > limit:
            raise CheckpointError(
                f"{name}: {key} has the value {largest:.2g}, and no training leaves one above {limit:.0e} there; the "
                "file is damaged, copy it again"
            )
        if low < 0 and key.endswith(".running_var"):
            raise CheckpointError(
                f"{name}: {key} has the variance {low:.2g} below zero; the file is damaged, copy it again"
            )


def _refuse_other_tensors(where: str, tensor: Tensor, *, counter: bool) -> None:
    if tensor.layout != torch.strided:
        layout = str(tensor.layout).removeprefix("torch.")
        raise CheckpointError(f"{where} is a sparse tensor ({layout}); save the dense one, of .to_dense()")
    if tensor.is_quantized or not (tensor.is_floating_point() or (counter and not tensor.is_complex())):
        raise CheckpointError(f"{where} holds {_dtype(tensor)}, not float32; save the unquantised model")


def _refuse_not_finite(where: str, tensor: Tensor) -> None:
    bad = int((~tensor.isfinite()).sum())
    if bad:
        kind = "NaN" if tensor.isnan().any() else "infinite"
        raise CheckpointError(
            f"{where} has {bad} of {tensor.numel()} weights that are {kind}; training diverged, use an earlier "
            "checkpoint"
        )


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
