"""Checkpoints of other people: weights, or an error that says why not, and never code that runs."""

from __future__ import annotations

import collections
import functools
import io
import os
import pickle
import shutil
import warnings
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

import torch
from torch import Tensor

from scripts.checkpoints import networks, reading
from scripts.checkpoints.file_types import CheckpointError
from scripts.checkpoints.forms import state_dict_in
from scripts.checkpoints.other_values import OTHER_VALUES
from tests.checkpoints.saved import MODEL, NAME
from tests.fuzz.mutations import changed_bytes

_CODE = ("os mkdir", "posix system", "builtins eval", "torch.jit._serialization load", "numpy.core.multiarray scalar")
_GLOBALS = (
    *(*_CODE, "torch FloatStorage", "torch BFloat16Storage", "torch._utils _rebuild_tensor_v2", "torch Size"),
    *("torch._utils _rebuild_parameter", "torch._utils _rebuild_sparse_tensor", "collections OrderedDict"),
    *("torch._utils _rebuild_meta_tensor_no_storage", "torch serialization", "torch device", "torch float8_e4m3fn"),
    *("torch._tensor _rebuild_from_type_v2", "torch._utils _rebuild_nested_tensor", "torch QInt8Storage", "x y"),
)


class _Marker:
    """Leaves a folder behind where it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("ran",)


def _strange_tensors() -> list[Callable[[torch.Size], Tensor]]:
    """Tensors of a shape that are no plain weights."""
    return [
        lambda shape: torch.empty(shape, device="meta"),
        lambda shape: torch.zeros(shape).to_sparse(),
        lambda shape: torch.zeros(shape, dtype=torch.complex64),
        lambda shape: torch.zeros((), dtype=torch.float8_e4m3fn).expand(shape),
        lambda shape: torch.zeros((), dtype=torch.bool).expand(shape),
        lambda shape: torch.zeros((), dtype=torch.int8).expand(shape),
        lambda shape: torch.full((), float("nan"), dtype=torch.float16).expand(shape),
        lambda shape: torch.full((), -float("inf"), dtype=torch.float64).expand(shape),
        lambda shape: torch.nn.Parameter(torch.zeros(()).expand(shape)),
        lambda shape: torch.quantize_per_tensor(torch.zeros(shape), 0.1, 0, torch.qint8),
        lambda shape: torch.zeros(()).expand(shape).conj(),
        lambda shape: torch.zeros(shape, dtype=torch.complex64).imag,
        lambda shape: torch.zeros(()).expand((2**20, 2**20)),
        lambda shape: torch.zeros(0),
        lambda shape: torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)]),
    ]


def _strange_values(noise: Random) -> Any:
    deep: Any = []
    for _ in range(3000):
        deep = [deep]
    values = [
        None,
        True,
        0,
        "x",
        b"x",
        [],
        (),
        {},
        set(),
        collections.Counter("a"),
        torch.float16,
        torch.Size([2]),
        deep,
    ]
    return noise.choice([*values, torch.device("cpu"), torch.zeros(3), _Marker(), 10**400, float("nan"), {"a": {}}])


class Checkpoints:
    """``scripts/checkpoints/reading.py``: a state_dict, or a CheckpointError; nothing of a file is executed."""

    batch = 1

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "case"
        # All tensors share one weight, so that a whole checkpoint takes a few kilobytes instead of nine million.
        weight, number = torch.full((1,), 0.5), torch.zeros((), dtype=torch.int64)
        self._shapes = networks.expected_shapes(MODEL.architecture, len(MODEL.emotions))
        self._whole = {key: weight.expand(shape) if shape else number for key, shape in self._shapes.items()}
        self._network = functools.cache(networks.torchvision.models.get_model)

    def make(self, noise: Random) -> bytes:
        kind = noise.randrange(10)
        content = self._content(noise, whole=kind < 2)
        try:
            plain, zipped = noise.random() < 0.1, noise.random() < 0.7
            data = pickle.dumps(content, protocol=noise.randint(2, 5)) if plain else _saved(content, zipped=zipped)
        except (RecursionError, RuntimeError, AttributeError):  # torch saves not all that it has
            data = pickle.dumps([noise.random()])
        if data.startswith(b"PK") and noise.random() < 0.8:
            data = _with_other_records(noise, data)
        elif noise.random() < 0.7:
            data = _with_other_code(noise, data)
        return changed_bytes(noise, data) if noise.random() < 0.3 else data

    def _content(self, noise: Random, *, whole: bool) -> Any:
        names = list(self._whole)
        weights: dict[Any, Any] = dict(self._whole)
        if not whole:
            names = names[: noise.choice((1, 3, 8))]
            weights = {name: weights[name][:2].clone() if self._shapes[name] else weights[name] for name in names}
        for _ in range(noise.choice((0, 1, 1, 2))):
            name = noise.choice(names)
            weights[name] = noise.choice(_strange_tensors())(self._shapes[name])
        if noise.random() < 0.2:
            weights[noise.choice(("x", 1, None, (1,), torch.zeros(2), "module." * 500, *names))] = _strange_values(
                noise
            )
        wrapped: list[Any] = [weights, weights, {"state_dict": weights, "stand_in": _strange_values(noise)}]
        wrapped += [{"model_state_dict": weights}, {"best": {"net": weights, "optimizer": weights}, "acc": 1}]
        for prefix in ("module._orig_mod.", "model.", "encoder.module."):
            wrapped.append({f"{prefix}{key}": value for key, value in weights.items()})
        return _strange_values(noise) if noise.random() < 0.05 else noise.choice(wrapped)

    def faults(self, cases: Sequence[bytes]) -> list[str]:
        with warnings.catch_warnings(), mock.patch.object(networks.torchvision.models, "get_model", self._network):
            warnings.simplefilter("ignore")
            return [self._fault(case) for case in cases]

    def _fault(self, case: bytes) -> str:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        path = self._folder / NAME
        path.write_bytes(case)
        before = Path.cwd()
        os.chdir(self._folder)  # where code of a checkpoint would leave its mark
        try:
            fault = self._outcome(path)
            written = sorted(found.name for found in self._folder.iterdir() if found.name != NAME)
            return f"runs code: {written}" if written else fault
        finally:
            os.chdir(before)

    def _outcome(self, path: Path) -> str:
        try:
            stand_in = reading.is_stand_in(path)
            checkpoint = reading.load_checkpoint(path, MODEL)
        except CheckpointError as error:
            return "" if str(error).startswith(NAME) else f"a message without the file's name: {error}"
        except Exception as error:
            return f"raises {type(error).__name__} {error!s:.60}: of {type(error).__module__}"
        if stand_in is not checkpoint.stand_in:
            return f"two opinions on a stand-in: {checkpoint.stand_in}"
        for key, shape in self._shapes.items():
            tensor = checkpoint.state_dict[key]
            if tensor.shape != shape or tensor.device.type != "cpu" or not tensor.isfinite().all():
                return f"no weights: {key} {tensor.shape}"
        return self._difference(path, checkpoint.state_dict)

    def _difference(self, path: Path, found: dict[str, Tensor]) -> str:
        """Compare with what torch reads of a zip file without mapping it, where it does.

        Of a damaged file from before torch 1.6 it leaves out tensors, and hands over whatever is in the memory there.
        """
        try:
            if not zipfile.is_zipfile(path):
                return ""
            with torch.serialization.safe_globals(OTHER_VALUES):
                content = torch.load(path, weights_only=True)
        except Exception:  # a record shorter than its tensor, which a map goes beyond
            return ""
        plain, _ = state_dict_in(NAME, content)
        other = [key for key in plain if key in found and not torch.equal(plain[key].to(found[key].dtype), found[key])]
        return f"other weights than torch's: {other[:3]}" if other else ""


def _saved(content: Any, *, zipped: bool) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=zipped)
    return buffer.getvalue()


def _with_other_code(noise: Random, data: bytes) -> bytes:
    """Another name in the place of one that a pickle asks for, or other bytes among its first."""
    start = data.find(b"c", noise.randrange(max(1, min(3000, len(data)))))
    end = data.find(b"\n", data.find(b"\n", start) + 1)
    if start >= 0 and end >= 0 and noise.random() < 0.6:
        name = noise.choice(_GLOBALS).replace(" ", "\n").encode()
        return data[: start + 1] + name + data[end:]
    size = min(len(data), 4000)
    return changed_bytes(noise, data[:size]) + data[size:]


def _with_other_records(noise: Random, data: bytes) -> bytes:
    """The zip file with other, fewer or more records."""
    with zipfile.ZipFile(io.BytesIO(data)) as old:
        records = {item.filename: old.read(item) for item in old.infolist()}
    root = next(iter(records)).partition("/")[0]
    pickled = f"{root}/data.pkl"
    kind = noise.randrange(6)
    if kind < 3:
        records[pickled] = _with_other_code(noise, records[pickled])
    name = noise.choice(list(records))
    if kind == 3:
        del records[name]
    elif kind == 4:
        records[name] = changed_bytes(noise, records[name])
    elif kind == 5:
        added = noise.choice(
            ("version", "byteorder", "constants.pkl", ".format_version", "data/0", ".data/version", "x")
        )
        records[f"{root}/{added}"] = noise.choice(
            (b"", b"big", b"little", b"3\n", b"-1", b"999999999999999999999", b"\x80")
        )
    buffer = io.BytesIO()
    method = noise.choice((zipfile.ZIP_STORED,) * 3 + (zipfile.ZIP_DEFLATED,))
    with zipfile.ZipFile(buffer, "w", method) as new:
        for name, content in records.items():
            new.writestr(name, content)
    return buffer.getvalue()
