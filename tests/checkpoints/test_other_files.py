"""What is told of files that are no checkpoints, whatever people have under the name of one."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.checkpoints.saved import NAME, SAVE, refusal

TRAIN = f"train it with torch and {SAVE}"
UNPACK = "unpack it and put the checkpoint here"


def numpy_file() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    return buffer.getvalue()


def tar_file() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("x.pt"))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (
            b"\x89HDF\r\n\x1a\n" + bytes(600),
            f"an HDF5 file, as Keras and TensorFlow save weights, not a torch file; {TRAIN}",
        ),
        (b"\x1c\0\0\0TFL3" + bytes(99), f"a TensorFlow Lite model, not a torch file; {TRAIN}"),
        (b"\x08\x01\x12\xd3\x1f\x0a\x08", f"a TensorFlow SavedModel, not a torch file; {TRAIN}"),
        (
            b"\x08\x08\x12\x07pytorch\x1a\x052.0.1",
            f"an ONNX model, not a torch file; load the torch model it was made from and {SAVE}",
        ),
        (numpy_file(), f"a NumPy array, not a torch file; {SAVE}"),
        (gzip.compress(b"x", mtime=0), f"packed with gzip, not a torch file; {UNPACK}"),
        (tar_file(), f"a tar file, not a torch file; {UNPACK}"),
        (
            b"\n<!DOCTYPE html><html>",
            "a web page, such as one that asks to sign in, not a torch file; download the file itself",
        ),
    ],
    ids=["HDF5", "TensorFlow Lite", "SavedModel", "ONNX", "NumPy", "gzip", "tar", "HTML"],
)
def test_a_file_of_another_kind_is_named(tmp_path: Path, content: bytes, what: str) -> None:
    (tmp_path / NAME).write_bytes(content)
    assert refusal(tmp_path / NAME) == f"{NAME} is {what}"


@pytest.mark.parametrize(
    ("names", "what"),
    [
        (["metadata.json", "config.json", "model.weights.h5"], f"a Keras model, not a state_dict; {TRAIN}"),
        (
            ["x/data/weights/weight_0", "x/models/model.json", "x/archive_format", "x/data/sample_inputs/model.pt"],
            "a program of torch.export, not a state_dict; save the state_dict of the model it was made from",
        ),
        (
            ["serialized_exported_program.json", "serialized_state_dict.pt", "version"],
            "a program of torch.export, not a state_dict; save the state_dict of the model it was made from",
        ),
        (
            ["best/ResNet50.pth", "log.txt"],
            "a zip file around best/ResNet50.pth, not a state_dict; unpack it and put that file here",
        ),
        (
            ["handler.py", "MAR-INF/MANIFEST.json", "network.bin"],
            "a TorchServe archive, not a state_dict; put the checkpoint here that it was made from",
        ),
        (["a.npy", "b.npy"], f"a NumPy archive, not a state_dict; {SAVE}"),
        (["weights.txt"], f"a zip file without a checkpoint in it (weights.txt), not a state_dict; {SAVE}"),
    ],
    ids=["Keras", "torch.export", "torch.export before 2.7", "a zip around a checkpoint", "mar", "npz", "other"],
)
def test_a_zip_file_of_another_kind_is_named(tmp_path: Path, names: list[str], what: str) -> None:
    with zipfile.ZipFile(tmp_path / NAME, "w") as file:
        for name in names:
            file.writestr(name, "x")
    assert refusal(tmp_path / NAME) == f"{NAME} is {what}"


def test_a_pt2_file_is_as_torch_writes_it(tmp_path: Path) -> None:
    """The names above are those of torch.export.save, of which this has the parts that need no compiler."""
    writer = torch._C.PyTorchFileWriter(str(tmp_path / NAME))
    for name in ("archive_format", "models/model.json"):
        writer.write_record(name, b"pt2", 3)
    writer.write_end_of_file()
    assert refusal(tmp_path / NAME).startswith(f"{NAME} is a program of torch.export, not a state_dict")


def test_a_link_to_nowhere_is_called_so(tmp_path: Path) -> None:
    (tmp_path / NAME).symlink_to("/data/gone.pt")
    assert refusal(tmp_path / NAME) == (
        f"{NAME} is a link to /data/gone.pt, which is missing; bring that file back, or put the checkpoint in the "
        "link's place"
    )
