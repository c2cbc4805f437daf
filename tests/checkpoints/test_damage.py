"""Checkpoints whose bytes changed after they were saved, and good ones that look unusual."""

from __future__ import annotations

import hashlib
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from scripts.checkpoints import weights
from scripts.checkpoints.digest_files import refuse_wrong_digest
from scripts.checkpoints.file_types import CheckpointError
from scripts.checkpoints.libraries import import_torchvision
from scripts.checkpoints.reading import load_checkpoint
from scripts.files import sha256
from tests.checkpoints.saved import MODEL, NAME, refusal, state_dict_of


def flip(path: Path, record: str, place: int, bits: int) -> None:
    """Change bits of one byte of a record."""
    with zipfile.ZipFile(path) as contents:
        start = contents.getinfo(record).header_offset
    data = bytearray(path.read_bytes())
    names, extras = struct.unpack_from("<HH", data, start + 26)
    data[start + 30 + names + extras + place] ^= bits
    path.write_bytes(data)


def test_a_flipped_bit_is_found_wherever_it_is(saved: Callable[[Any], Path]) -> None:
    for bits in (0x01, 0x40):
        path = saved(state_dict_of())
        flip(path, f"{path.stem}/data/5", 7, bits)
        assert (
            refusal(path) == f"{NAME} is damaged: bytes of {path.stem}/data/5 changed after it was saved; copy it again"
        )


def test_a_file_without_checksums_is_read(saved: Callable[[Any], Path]) -> None:
    torch.serialization.set_crc32_options(False)
    try:
        path = saved(state_dict_of())
    finally:
        torch.serialization.set_crc32_options(True)
    with zipfile.ZipFile(path) as contents:
        assert {item.CRC for item in contents.infolist()} == {0}
    assert load_checkpoint(path, MODEL).note == ""


def test_a_flipped_exponent_is_found_without_checksums(tmp_path: Path) -> None:
    """The format of before torch 1.6 has none."""
    state_dict, path = state_dict_of(), tmp_path / NAME
    state_dict["features.5.conv.1.0.weight"][3] = 0.0123
    torch.save(state_dict, path, _use_new_zipfile_serialization=False)
    data = bytearray(path.read_bytes())
    data[data.index(struct.pack("<f", 0.0123)) + 3] ^= 0x40
    path.write_bytes(data)
    assert refusal(path) == (
        f"{NAME}: features.5.conv.1.0.weight has the value 4.2e+36, and no training leaves one above 1e+06 there; the "
        "file is damaged, copy it again"
    )


@pytest.mark.parametrize(
    ("key", "value", "trouble"),
    [
        ("classifier.1.weight", -2e6, "the value -2e+06, and no training leaves one above 1e+06 there"),
        ("features.3.conv.3.running_mean", 2e8, "the value 2e+08, and no training leaves one above 1e+08 there"),
        ("features.3.conv.3.running_var", 3e38, "the value 3e+38, and no training leaves one above 1e+12 there"),
        ("features.3.conv.3.running_var", -0.5, "the variance -0.5 below zero"),
    ],
)
def test_numbers_that_no_training_leaves_are_refused(
    saved: Callable[[Any], Path], key: str, value: float, trouble: str
) -> None:
    state_dict = state_dict_of()
    state_dict[key][4] = value
    assert refusal(saved(state_dict)) == f"{NAME}: {key} has {trouble}; the file is damaged, copy it again"


def test_weights_as_trainings_begin_are_believed() -> None:
    for name in ("mobilenet_v2", "resnet50", "squeezenet1_1"):
        weights.refuse_broken_weights(NAME, import_torchvision().models.get_model(name, weights=None).state_dict())


def test_weights_of_a_trained_network_are_believed() -> None:
    """Also of one trained on 0…255 without normalisation at a high rate, whose variances are large."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 4, 3), nn.BatchNorm2d(4))
    nn.init.normal_(network[0].weight)
    for _ in range(30):
        loss = network(torch.randint(0, 256, (4, 3, 16, 16)).float()).mean((2, 3)).logsumexp(1).sum()
        network.zero_grad()
        loss.backward()
        with torch.no_grad():
            for parameter in network.parameters():
                parameter -= 0.5 * parameter.grad
    assert network.state_dict()["1.running_var"].max() > 1e4
    weights.refuse_broken_weights(NAME, network.state_dict())


def test_unusual_weights_are_believed(saved: Callable[[Any], Path]) -> None:
    """Dead channels, folded batch norms, and the variances of a first layer that saw 0…255 with weights of 1."""
    state_dict = state_dict_of()
    state_dict["features.0.1.running_var"][:3] = torch.tensor([0.0, 1e-38, 1.4e9])
    state_dict["features.0.1.running_mean"][0] = -3.7e4
    state_dict["features.4.conv.3.weight"][0] = 0
    state_dict["features.0.0.weight"][0] = 9e4
    state_dict["classifier.1.bias"][0] = -9e4
    assert load_checkpoint(saved(state_dict), MODEL).note == ""


LINES = [
    "{0}  {1}\n",
    "{0} *{1}\r\n",
    "SHA256 ({1}) = {0}\n",
    "{0}\n",
    "\ufeff{0}  elsewhere/{1}\n",
    "# list\n{2}  x\n{0}  {1}\n",
]


@pytest.mark.parametrize("line", LINES)
def test_a_digest_beside_the_checkpoint_is_compared(tmp_path: Path, line: str) -> None:
    path = tmp_path / NAME
    path.write_bytes(b"weights")
    digest, other = hashlib.sha256(b"weights").hexdigest(), hashlib.sha256(b"others").hexdigest()
    beside = path.with_name(f"{NAME}.sha256")
    beside.write_text(line.format(digest.upper(), NAME, other), encoding="utf-8")
    refuse_wrong_digest(path, lambda: sha256(path))
    beside.write_text(line.format(other, NAME, digest), encoding="utf-8")
    with pytest.raises(CheckpointError) as caught:
        refuse_wrong_digest(path, lambda: sha256(path))
    assert str(caught.value) == (
        f"{NAME} is damaged or another file: its SHA-256 is not the one in {NAME}.sha256; copy both again"
    )


def test_the_digest_beside_a_links_target_counts(tmp_path: Path) -> None:
    (tmp_path / "best (1).pth").write_bytes(b"weights")
    (tmp_path / "best (1).pth.sha256").write_text(f"{64 * '0'}  best (1).pth\n")
    (tmp_path / NAME).symlink_to("best (1).pth")
    with pytest.raises(CheckpointError, match=r"not the one in best \(1\)\.pth\.sha256"):
        refuse_wrong_digest(tmp_path / NAME, lambda: sha256(tmp_path / NAME))


def test_a_digest_file_without_a_digest_is_named_and_none_is_no_trouble(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(b"weights")
    refuse_wrong_digest(path, lambda: pytest.fail("hashed for nothing"))
    path.with_name(f"{NAME}.sha256").write_text("none\n")
    with pytest.raises(CheckpointError) as caught:
        refuse_wrong_digest(path, lambda: sha256(path))
    assert str(caught.value) == (
        f"{NAME}.sha256 has no SHA-256 of {NAME}; write it with `sha256sum '{NAME}' > '{NAME}.sha256'` where the "
        "checkpoint came from, or remove it"
    )
