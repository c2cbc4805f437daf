"""Which files are accepted, and what is told of those that are no checkpoint."""

from __future__ import annotations

import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from scripts.checkpoints.__main__ import main
from scripts.checkpoints.reading import load_checkpoint
from tests.checkpoints.saved import MODEL, NAME, SAVE, refusal, state_dict_of


def test_a_file_from_before_torch_1_6_is_read(tmp_path: Path) -> None:
    torch.save(state_dict_of(), tmp_path / NAME, _use_new_zipfile_serialization=False)
    assert load_checkpoint(tmp_path / NAME, MODEL).state_dict.keys() == state_dict_of().keys()


def test_batch_counters_may_be_missing(saved: Callable[[Any], Path]) -> None:
    weights = {key: value for key, value in state_dict_of().items() if not key.endswith("num_batches_tracked")}
    assert load_checkpoint(saved(weights), MODEL).state_dict.keys() == state_dict_of().keys()


def test_half_precision_is_converted_and_noted(saved: Callable[[Any], Path]) -> None:
    weights = {key: value.half() if value.is_floating_point() else value for key, value in state_dict_of().items()}
    checkpoint = load_checkpoint(saved(weights), MODEL)
    assert checkpoint.note == "converted from float16 to float32"
    assert {tensor.dtype for tensor in checkpoint.state_dict.values()} == {torch.float32, torch.int64}


def test_a_stand_in_is_recognised(saved: Callable[[Any], Path]) -> None:
    assert load_checkpoint(saved({"stand_in": True, "seed": 1, "state_dict": state_dict_of()}), MODEL).stand_in


def test_a_missing_file_is_named_with_its_folder(tmp_path: Path) -> None:
    assert refusal(tmp_path / "results" / NAME) == f"{NAME} is missing; copy it into results/ and run `make archives`"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 9165707\n",
            f"{NAME} is a Git LFS pointer, not the file itself; run `git lfs pull` where it came from",
        ),
        (b"", f"{NAME} is empty (0 bytes); copy it again"),
        (b"name: weights", f"{NAME} is not a torch file (it begins with b'name: weight'); {SAVE}"),
        (b"\x80\x05nothing", f"{NAME} is not a torch file that can be read (UnpicklingError); {SAVE}"),
    ],
    ids=["Git LFS pointer", "empty", "text", "garbage"],
)
def test_a_file_that_is_no_checkpoint_is_told_apart(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / NAME).write_bytes(content)
    assert refusal(tmp_path / NAME) == message


def test_a_folder_in_the_place_of_a_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    assert refusal(tmp_path / NAME) == f"{NAME} cannot be read (Is a directory); check the file and its rights"


@pytest.mark.parametrize("zipped", [True, False])
def test_a_truncated_file_is_called_truncated(tmp_path: Path, zipped: bool) -> None:
    path = tmp_path / NAME
    torch.save(state_dict_of(), path, _use_new_zipfile_serialization=zipped)
    os.truncate(path, 1_000_000)
    assert refusal(path) in (
        f"{NAME} is truncated (1000000 bytes, the end is missing); copy it again",
        f"{NAME} is truncated or damaged; copy it again",
    )


def test_a_checkpoint_that_was_compressed_has_the_same_weights(saved: Callable[[Any], Path]) -> None:
    """torch would take the compressed bytes for weights where it maps the file."""
    weights = {key: torch.rand(value.shape) if value.shape else value for key, value in state_dict_of().items()}
    path = saved(weights)
    with zipfile.ZipFile(path) as stored:
        records = {item.filename: stored.read(item) for item in stored.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, record in records.items():
            packed.writestr(name, record)
    found = load_checkpoint(path, MODEL).state_dict
    assert all(torch.equal(found[key], weights[key]) for key in weights)


@pytest.mark.parametrize(
    "code",
    [
        b"\x80\x020.",
        b"\x80\x02}X\1\0\0\0a]R.",
        b"\x80\x02ctorch\nSize\nK\1K\2\x86R.",
        b"\x80\x02ctorch\nFloatStorage\n)R.",
    ],
)
def test_a_pickle_that_makes_torch_stumble_is_refused(tmp_path: Path, code: bytes) -> None:
    """With an IndexError, a TypeError and others, instead of an UnpicklingError."""
    with zipfile.ZipFile(tmp_path / NAME, "w") as file:
        for name, content in {"data.pkl": code, "version": b"3\n", "byteorder": b"little"}.items():
            file.writestr(f"archive/{name}", content)
    assert refusal(tmp_path / NAME).startswith(f"{NAME} is not a torch file that can be read (")


def test_a_zip_file_of_several_disks_is_called_truncated(saved: Callable[[Any], Path]) -> None:
    path = saved({})
    content = path.read_bytes()
    end = content.rindex(b"PK\5\6")
    path.write_bytes(content[:end] + struct.pack("<4sLQL", b"PK\6\7", 0, 0, 2) + content[end:])
    size = path.stat().st_size
    assert refusal(path) == f"{NAME} is truncated ({size} bytes, the end is missing); copy it again"


def test_a_pickled_module_is_refused_without_running_it(saved: Callable[[Any], Path]) -> None:
    assert refusal(saved(nn.Sequential(nn.Linear(2, 2)))) == (
        f"{NAME} holds a pickled torch.nn.modules.container.Sequential instead of plain tensors, and unpickling would "
        f"run its code; load it where it came from and {SAVE}"
    )


class Malicious:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("save", [torch.save, lambda content, path: path.write_bytes(pickle.dumps(content))])
def test_code_in_a_checkpoint_is_never_run(tmp_path: Path, save: Callable[[Any, Path], None]) -> None:
    save({"state_dict": state_dict_of(), "extra": Malicious(tmp_path / "ran")}, tmp_path / NAME)
    assert f"{NAME} " in refusal(tmp_path / NAME)
    assert not (tmp_path / "ran").exists()


def test_a_torchscript_archive_is_refused(tmp_path: Path) -> None:
    with pytest.warns(FutureWarning):
        torch.jit.save(torch.jit.script(nn.Linear(2, 2)), tmp_path / NAME)
    assert refusal(tmp_path / NAME) == (f"{NAME} is a TorchScript archive, not a state_dict; load it and {SAVE}")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], f"{NAME} holds a list instead of a state_dict; {SAVE}"),
        ({"net": {}, "epoch": 3}, f"{NAME} holds no state_dict (its keys: 'net', 'epoch'); {SAVE}"),
        ({}, f"{NAME} holds no state_dict (its keys: none); {SAVE}"),
        (
            {"optimizer": {"state": {"a.b": torch.zeros(1)}}, "best": torch.zeros(1)},
            f"{NAME} holds no state_dict (its keys: 'optimizer', 'best'); {SAVE}",
        ),
        (
            {"first": {"a.b": torch.zeros(1)}, "second": {"a.b": torch.zeros(1)}},
            f"{NAME} holds several state_dicts (first, second); save one of them alone: {SAVE}",
        ),
        (
            {"model": {"generator": {"a.b": torch.zeros(1)}, "critic": {"a.b": torch.zeros(1)}}},
            f"{NAME} holds several state_dicts (model.generator, model.critic); save one of them alone: {SAVE}",
        ),
        ({"a.b": torch.zeros(1), 3: torch.zeros(1)}, f"{NAME} holds no state_dict (3 is no tensor's name); {SAVE}"),
        (
            {"a.b": torch.zeros(1), "module.a.b": torch.zeros(1)},
            f"{NAME} holds a.b twice, with and without module.; {SAVE}",
        ),
    ],
)
def test_a_file_without_a_state_dict_is_refused(saved: Callable[[Any], Path], content: Any, message: str) -> None:
    assert refusal(saved(content)) == message


def test_the_command_checks_every_model_and_fails_for_a_bad_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    catalogue = tmp_path / "models.json"
    entry = '{"architecture": "MobileNetV2", "dataset": "x", "emotions": ["sad", "happy"]}'
    catalogue.write_text(f'{{"good": {entry}, "bad": {entry}}}')
    torch.save(state_dict_of(classes=2), tmp_path / "good_best.pt")
    (tmp_path / "bad_best.pt").write_bytes(b"")
    for name, value in {"CATALOGUE": catalogue, "RESULTS_DIR": tmp_path, "COLUMNS": 200}.items():
        monkeypatch.setenv(name, str(value))
    assert main([]) == 1
    lines = [line.split("│")[1:-1] for line in capsys.readouterr().out.splitlines() if "│" in line]
    assert [[cell.strip() for cell in line] for line in lines] == [
        ["good", "good", ""],
        ["bad", "unusable", "bad_best.pt is empty (0 bytes); copy it again"],
    ]
    torch.save(state_dict_of(classes=2), tmp_path / "bad_best.pt")
    assert main([]) == 0
