"""The stand-in checkpoints: a wrong preprocessing shows in their answers, and they never get in a real one's way."""

from __future__ import annotations

import copy
import io
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageOps
from rich.console import Console
from torch import Tensor, nn
from torchvision import transforms

from scripts.archives.inputs import archive_inputs
from scripts.catalogue import Model, load_catalogue
from scripts.checkpoints import stand_ins
from scripts.checkpoints.near_misses import is_marked
from scripts.checkpoints.networks import PREPROCESS, expected_shapes, load_network
from scripts.checkpoints.reading import load_checkpoint
from scripts.probes import probe_files
from scripts.settings import ROOT, Settings, load_settings
from scripts.store.records import Record, write_record
from scripts.store.stand_ins import note_real
from tests.support.models import EACH

MODELS = load_catalogue(ROOT / "models.json")
VISIBLE = 0.01  # of a probability: a hundred times what the contract allows
# Others than those the stand-ins were made with.
IMAGES = [Image.open(io.BytesIO(data)) for data in probe_files(424_242).values()]
ENTRY = '{"architecture": "MobileNetV2", "dataset": "x", "emotions": ["sad", "happy", "calm"]}'

Preprocessing = Callable[[Image.Image], Tensor]


def resized(image: Image.Image, interpolation: transforms.InterpolationMode, antialias: bool) -> Tensor:
    """The contract's preprocessing with another filter."""
    pixels = transforms.functional.pil_to_tensor(upright(image))
    small = transforms.functional.resize(pixels, [224, 224], interpolation, antialias=antialias)
    return torch.as_tensor(small / 127.5 - 1)


def upright(image: Image.Image) -> Image.Image:
    return ImageOps.exif_transpose(image).convert("RGB")


def correct(image: Image.Image) -> Tensor:
    return torch.as_tensor(PREPROCESS(upright(image)))


MISTAKES: dict[str, Preprocessing] = {
    "swapped channels": lambda image: correct(image).flip(0),
    "no normalisation": lambda image: correct(image) * 0.5 + 0.5,
    "ImageNet's normalisation": lambda image: transforms.functional.normalize(
        correct(image) * 0.5 + 0.5, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    ),
    "bytes not divided by 255": lambda image: (correct(image) * 0.5 + 0.5) * 255,
    "EXIF orientation skipped": lambda image: torch.as_tensor(PREPROCESS(image.convert("RGB"))),
    "nearest neighbour": lambda image: resized(image, transforms.InterpolationMode.NEAREST, antialias=False),
    "bilinear without antialiasing": lambda image: resized(
        image, transforms.InterpolationMode.BILINEAR, antialias=False
    ),
}


@pytest.fixture(scope="module", params=EACH)
def network(request: pytest.FixtureRequest, results: Path) -> nn.Module:
    """A stand-in of each architecture and of each data set in turn: all nine are made in one way."""
    model = MODELS[request.param]
    checkpoint = load_checkpoint(results / model.checkpoint_file, model)
    assert checkpoint.stand_in
    return load_network(model.architecture, len(model.emotions), checkpoint.state_dict)


@pytest.fixture(scope="module")
def answers(network: nn.Module) -> Tensor:
    """The right answers to the probe images, (images, classes)."""
    return probabilities(network, correct)


def probabilities(network: nn.Module, preprocess: Preprocessing, images: Sequence[Image.Image] = IMAGES) -> Tensor:
    """(images, classes)."""
    with torch.inference_mode():
        answers: Tensor = network(torch.stack([preprocess(image) for image in images]))
    return answers.softmax(dim=1)


def test_each_wrong_preprocessing_moves_a_probability_of_each_stand_in(network: nn.Module, answers: Tensor) -> None:
    for mistake, preprocess in MISTAKES.items():
        moved = []
        for image, answer in zip(IMAGES, answers, strict=True):
            moved.append((probabilities(network, preprocess, [image])[0] - answer).abs().max().item())
            if moved[-1] > VISIBLE:
                break
        assert moved[-1] > VISIBLE, (mistake, moved)


def test_different_images_get_clearly_different_answers(answers: Tensor) -> None:
    assert (answers.max(dim=0).values - answers.min(dim=0).values).max().item() > 0.1
    assert answers.max().item() < 0.999, "an answer without doubt would hide differences"


def test_float32_suffices_for_the_contracts_tolerance(network: nn.Module, answers: Tensor) -> None:
    exact = probabilities(copy.deepcopy(network).double(), lambda image: correct(image).double())
    assert (answers - exact).abs().max().item() < 1e-5


def test_a_stand_in_has_the_shapes_of_a_real_checkpoint_and_is_marked(results: Path) -> None:
    for model in MODELS.values():
        path = results / model.checkpoint_file
        content = torch.load(path, weights_only=True, mmap=True)
        assert content.keys() == {"stand_in", "seed", "state_dict"}
        assert content["stand_in"] is True
        assert is_marked(path), "also without torch"
        shapes = {key: tensor.shape for key, tensor in content["state_dict"].items()}
        assert shapes == expected_shapes(model.architecture, 7)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a catalogue with two small models and nothing made yet."""
    (tmp_path / "models.json").write_text(f'{{"one": {ENTRY}, "two": {ENTRY}}}')
    (tmp_path / "results").mkdir()
    return load_settings(
        {
            "CATALOGUE": str(tmp_path / "models.json"),
            "RESULTS_DIR": str(tmp_path / "results"),
            "MODEL_STORE": str(tmp_path / "model_store"),
            "RUN_DIR": str(tmp_path / "run"),
        }
    )


def make(settings: Settings) -> tuple[list[str], str]:
    """Make the stand-ins; returns their names and what was printed."""
    output = io.StringIO()
    made = stand_ins.make_stand_ins(settings, Console(file=output, width=200))
    return made, output.getvalue()


@pytest.mark.slow
def test_stand_ins_are_made_once_loudly_and_alike_everywhere(settings: Settings) -> None:
    assert stand_ins.wanted(settings)
    made, output = make(settings)
    assert made == ["one", "two"]
    assert "Making 2 stand-in checkpoints in results/." in output
    files = sorted(settings.results_dir.glob("*.*t"))
    assert [file.name for file in files] == ["one_best.pt", "two_best.pt"]
    assert make(settings) == ([], "")

    before = files[1].read_bytes()
    files[1].unlink()
    assert not stand_ins.wanted(settings)
    assert make(settings)[0] == ["two"]
    assert files[1].read_bytes() == before


def test_a_disk_too_full_is_noticed_before_it_is_filled(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(settings.results_dir.parent)._replace(free=10_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(stand_ins.StandInError) as caught:
        make(settings)
    assert str(caught.value) == (
        "2 stand-ins need 18 MB, but the disk of results/ has 10 MB free; free some space and run this again"
    )
    assert list(settings.results_dir.glob("*.pt")) == []


def test_stand_ins_are_never_made_among_real_checkpoints(settings: Settings) -> None:
    real = settings.results_dir / "one_best.pt"
    weights = {key: torch.zeros(shape) for key, shape in expected_shapes("MobileNetV2", 3).items()}
    for save in (lambda: torch.save(weights, real), lambda: real.write_bytes(b"version https://git-lfs")):
        save()
        before = real.read_bytes()
        assert not stand_ins.wanted(settings)
        with pytest.raises(stand_ins.StandInError) as caught:
            make(settings)
        assert str(caught.value) == (
            "one_best.pt is not a stand-in, and stand-ins are never made among real ones; "
            "add the missing checkpoints to results/ (two)"
        )
        assert real.read_bytes() == before
        assert not (settings.results_dir / "two_best.pt").exists()


def test_stand_ins_do_not_replace_archives_of_real_checkpoints(settings: Settings) -> None:
    settings.model_store.mkdir()
    model = Model("one", "MobileNetV2", "x", ("sad", "happy", "calm"))
    (settings.model_store / model.archive_file).write_bytes(b"an archive")
    record = Record(archive_inputs(model, "0", "openvino", "1.0"), False, "0")
    write_record(settings.model_store, model, record)
    assert not stand_ins.wanted(settings)
    with pytest.raises(stand_ins.StandInError, match=r"^one\.mar is not a stand-in"):
        make(settings)


def test_stand_ins_are_made_where_real_checkpoints_were_only_if_it_is_said(settings: Settings) -> None:
    assert stand_ins.wanted(settings)
    note_real(settings)
    assert not stand_ins.wanted(settings)
    with pytest.raises(
        stand_ins.StandInError, match=r"add the missing ones to results/ \(one, two\), or set STAND_INS=all"
    ):
        make(settings)
    assert stand_ins.wanted(replace(settings, stand_ins="allowed"))
    assert not stand_ins.wanted(replace(settings, stand_ins="never"))


def test_a_dangling_link_counts_as_a_file(settings: Settings) -> None:
    (settings.results_dir / "one_best.pt").symlink_to("nowhere")
    assert not stand_ins.wanted(settings)
    with pytest.raises(stand_ins.StandInError):
        make(settings)


def test_a_mistyped_folder_is_not_filled_with_stand_ins(settings: Settings) -> None:
    settings.results_dir.rmdir()
    assert stand_ins.wanted(settings)
    with pytest.raises(stand_ins.StandInError, match="there is no such folder; name the one with your checkpoints"):
        make(settings)
    assert not settings.results_dir.exists()
