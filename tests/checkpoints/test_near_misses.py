"""Checkpoints under another name than models.json asks for: never overlooked, and taken by one command."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from rich.console import Console
from torch import Tensor

from scripts.archives.build import build_all
from scripts.checkpoints import adoption, stand_ins
from scripts.checkpoints.__main__ import main
from scripts.checkpoints.near_misses import near_misses, notice
from scripts.checkpoints.networks import expected_shapes
from scripts.settings import Settings, load_settings
from tests.checkpoints.test_stand_ins import make

CATALOGUE = """{
  "MobileNetV2_FER2013": {"architecture": "MobileNetV2", "dataset": "FER2013", "emotions": ["sad", "happy"]},
  "MobileNetV2_CK+48": {"architecture": "MobileNetV2", "dataset": "CK+48", "emotions": ["sad", "happy"]}
}"""
FER, CK = "MobileNetV2_FER2013_best.pt", "MobileNetV2_CK+48_best.pt"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of two models, and an empty folder for their checkpoints; commands have them too."""
    (tmp_path / "models.json").write_text(CATALOGUE)
    (tmp_path / "results").mkdir()
    values = {"CATALOGUE": "models.json", "RESULTS_DIR": "results", "MODEL_STORE": "model_store", "RUN_DIR": "run"}
    for name, value in values.items():
        monkeypatch.setenv(name, str(tmp_path / value))
    monkeypatch.setenv("COLUMNS", "250")
    return load_settings()


def weights(architecture: str = "MobileNetV2", classes: int = 2, value: float = 0.5) -> dict[str, Tensor]:
    """A state_dict that takes no memory."""
    return {key: torch.tensor(value).expand(shape) for key, shape in expected_shapes(architecture, classes).items()}


@pytest.fixture
def put(settings: Settings) -> Callable[..., Path]:
    """Save weights under a name in results/."""

    def save(name: str, content: object = None) -> Path:
        path = settings.results_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(weights() if content is None else content, path)
        return path

    return save


def found(settings: Settings) -> list[str]:
    return [str(path.relative_to(settings.results_dir)) for path in near_misses(settings)]


def obstacles(settings: Settings) -> dict[str, str]:
    return {miss.path.name: miss.obstacle for miss in adoption.examine(settings)}


def test_every_file_that_looks_like_a_checkpoint_is_found(settings: Settings, put: Callable[..., Path]) -> None:
    torch_files = ["a/b/best", "best_model.dat"]
    legacy = put("old")
    torch.save({}, legacy, _use_new_zipfile_serialization=False)
    named = ["x.pth", "X_best (1).pt", "X.PT", "best.pt.part", "x.pth.tar", "x.pt~", "x.pt.gz", "a.h5", "x.onnx"]
    for name in named:
        (settings.results_dir / name).write_bytes(b"")
    (settings.results_dir / "gone.pt").symlink_to("nowhere")
    with zipfile.ZipFile(settings.results_dir / "download", "w") as file:
        file.writestr("best.pt", "x")
    with tarfile.open(settings.results_dir / "results.tgz", "w:gz") as packed:
        packed.add(legacy, "results/best.pt")
    with tarfile.open(settings.results_dir / "results.tar", "w") as packed:
        packed.add(legacy, "results/best.pt")
    for name in torch_files:
        put(name, {})
    others = ["old", "gone.pt", "download", "results.tar", "results.tgz"]
    assert sorted(found(settings)) == sorted([*torch_files, *named, *others])
    assert obstacles(settings)["results.tgz"] == (
        "results.tgz is packed with gzip, not a torch file; unpack it and put the checkpoint here"
    )


def test_what_is_no_checkpoint_is_not_taken_for_one(settings: Settings, put: Callable[..., Path]) -> None:
    for name in ("README.md", "log.csv", "notes.txt", f"{FER}.sha256", ".hidden.pt", ".cache/x.pt", "standin-a1.part"):
        path = settings.results_dir / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("text")
    (settings.results_dir / "log.csv.gz").write_bytes(gzip.compress(b"text"))
    with zipfile.ZipFile(settings.results_dir / "table.xlsx", "w") as file:
        file.writestr("xl/workbook.xml", "x")
    put(FER)
    put("another stand-in.pt", {"stand_in": True, "seed": 1, "state_dict": {}})
    (settings.results_dir / CK).symlink_to("runs/best.pt")
    put("runs/best.pt")
    assert found(settings) == []
    assert notice(settings) is None


def test_stand_ins_are_never_made_beside_one(settings: Settings, put: Callable[..., Path]) -> None:
    path = put("runs/fer2013.pth")
    with pytest.raises(stand_ins.StandInError) as refused:
        build_all(settings, Console(file=io.StringIO()))
    with pytest.raises(stand_ins.StandInError) as caught:
        make(settings)
    assert str(refused.value) == str(caught.value)
    assert str(caught.value) == (
        "runs/fer2013.pth in results/ looks like a checkpoint but has another name than models.json asks for; `make "
        "checkpoints` says which model it seems to be for, and `make checkpoints ADOPT=1` takes it. Stand-ins are "
        "never made beside such files: for stand-ins, move them elsewhere"
    )
    assert [file for file in settings.results_dir.rglob("*.pt*") if file != path] == []


def test_one_command_takes_what_is_sure_and_leaves_the_files_alone(
    settings: Settings, put: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    files = [put("runs/mobilenetv2_fer2013.pth", {"model": weights()}), put("MobileNetV2_CK%2B48_best.pt")]
    before = [(file.read_bytes(), file.stat().st_mtime_ns) for file in files]
    assert main([]) == 1
    rows = [line.split("│")[1:-1] for line in capsys.readouterr().out.splitlines() if "│" in line][2:]
    assert [[cell.strip() for cell in row] for row in rows] == [
        ["MobileNetV2_CK%2B48_best.pt", "MobileNetV2_CK+48", "MobileNetV2, 2 outputs", "can be taken"],
        ["runs/mobilenetv2_fer2013.pth", "MobileNetV2_FER2013", "MobileNetV2, 2 outputs", "can be taken"],
    ]
    assert main(["adopt"]) == 0
    output = capsys.readouterr().out
    assert f"{CK} is now a link to MobileNetV2_CK%2B48_best.pt.\n" in output
    assert f"{FER} is now a link to runs/mobilenetv2_fer2013.pth.\n" in output
    assert [(file.read_bytes(), file.stat().st_mtime_ns) for file in files] == before
    assert found(settings) == []
    assert main(["adopt"]) == 0
    assert "Nothing in results/ can be taken." in capsys.readouterr().out


def test_a_copy_is_made_where_there_are_no_links(
    settings: Settings, put: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put("mobilenetv2_fer2013.pth")

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "symlink", refused)
    assert adoption.adopt(settings, adoption.examine(settings)) == [f"{FER} is now a copy of mobilenetv2_fer2013.pth."]
    assert not (settings.results_dir / FER).is_symlink()
    assert (settings.results_dir / FER).read_bytes() == path.read_bytes()


def test_a_stand_in_gives_way_and_nothing_else_does(settings: Settings, put: Callable[..., Path]) -> None:
    put("mobilenetv2_fer2013.pth")
    put("mobilenetv2_ck48.pth")
    put(FER, {"stand_in": True, "seed": 1, "state_dict": {}})
    real = put(CK, weights(value=0.25)).read_bytes()
    assert obstacles(settings) == {
        "mobilenetv2_fer2013.pth": "",
        "mobilenetv2_ck48.pth": f"{CK} is there already; remove it first if this one is to be used",
    }
    misses = [miss for miss in adoption.examine(settings) if not miss.obstacle]
    assert adoption.adopt(settings, misses) == [
        f"{FER} is now a link to mobilenetv2_fer2013.pth, in place of the stand-in."
    ]
    assert (settings.results_dir / CK).read_bytes() == real


def test_a_file_that_comes_in_between_is_not_replaced(settings: Settings, put: Callable[..., Path]) -> None:
    put("mobilenetv2_fer2013.pth")
    misses = adoption.examine(settings)
    before = put(FER, weights(value=0.25)).read_bytes()
    assert adoption.adopt(settings, misses) == [f"{FER} is there already; mobilenetv2_fer2013.pth was left alone."]
    assert (settings.results_dir / FER).read_bytes() == before


def test_what_is_not_sure_is_named_and_left(settings: Settings, put: Callable[..., Path]) -> None:
    put("best.pt")
    put("resnet/fer2013.pt", weights("ResNet50"))
    put("fer_8.pt", weights(classes=8))
    put("mobilenetv2_ck48 a.pt")
    put("mobilenetv2_ck48 b.pt", weights(value=0.25))
    put("some.pt", weights("ResNet50"))
    (settings.results_dir / "fer2013.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    found = {name: text.split(";")[0] for name, text in obstacles(settings).items()}
    assert found == {
        "best.pt": "its name says no dataset",
        "fer2013.pt": "fer2013.pt looks like ResNet50, not MobileNetV2",
        "fer_8.pt": "fer_8.pt has 8 outputs, but models.json lists 2 labels for MobileNetV2_FER2013",
        "mobilenetv2_ck48 a.pt": "mobilenetv2_ck48 b.pt seems to be for it as well",
        "mobilenetv2_ck48 b.pt": "mobilenetv2_ck48 a.pt seems to be for it as well",
        "some.pt": "no model of models.json has such a network",
        "fer2013.h5": "fer2013.h5 is an HDF5 file, as Keras and TensorFlow save weights, not a torch file",
    }


def test_of_equal_files_the_first_is_taken(settings: Settings, put: Callable[..., Path]) -> None:
    path = put("mobilenetv2_fer2013 (1).pt")
    (settings.results_dir / "mobilenetv2_fer2013.pth").write_bytes(path.read_bytes())
    assert obstacles(settings) == {
        "mobilenetv2_fer2013 (1).pt": "",
        "mobilenetv2_fer2013.pth": "the same as mobilenetv2_fer2013 (1).pt",
    }
