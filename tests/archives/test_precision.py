"""Archives in bf16 and int8, built as a user does: which take the place of the float32 one, and which do not."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import nn

from scripts.archives.convert import convert
from scripts.archives.fewer_bits import Comparison, Wish, read_description, write_description
from scripts.archives.pictures import find
from scripts.archives.verification import PROBE_SEED, probe_answers
from scripts.checkpoints.networks import StateDict, load_network, reference_probabilities
from scripts.precision import Gate, instruction_sets
from scripts.probes import probe_files
from tests.archives.colour_site import NAME, assert_untouched, entry, make
from tests.archives.colours import fitted, write_pictures
from tests.archives.workshop import Workshop
from tests.support.unpacked_archive import ARCHITECTURE, EMOTIONS

pytestmark = pytest.mark.slow  # every one of them builds, or computes with what was built
Change = Callable[[StateDict], nn.Module]


@pytest.mark.parametrize(("precision", "purpose"), [("bf16", "is compared on"), ("int8", "is quantised with and")])
def test_without_pictures_fewer_bits_are_refused_with_what_to_give(
    site: Workshop, base: Workshop, monkeypatch: pytest.MonkeyPatch, precision: str, purpose: str
) -> None:
    code, output, errors = make(site, monkeypatch, PRECISION=precision)
    assert (code, errors) == (1, "")
    assert f"{NAME}.mar: {precision} {purpose}" in output
    assert f"make archives PRECISION={precision} CALIBRATION=folder" in " ".join(output.replace("│", " ").split())
    assert_untouched(site, base)


@pytest.fixture(scope="module")
def built_in_bf16(base: Workshop, tmp_path_factory: pytest.TempPathFactory) -> tuple[Workshop, str]:
    """A copy of the base, its model at a temperature of 3, after a build in bf16; and what that printed."""
    site = Workshop(tmp_path_factory.mktemp("bf16") / "site")
    shutil.copytree(base.folder, site.folder)
    change_entry(site, temperature=3)
    with pytest.MonkeyPatch.context() as monkeypatch:
        code, output, errors = make(site, monkeypatch, PRECISION="bf16", CALIBRATION=str(site.folder / "pictures"))
    assert (code, errors) == (0, ""), output
    return site, output


def change_entry(site: Workshop, **values: Any) -> None:
    """Change the model's entry in the catalogue."""
    described = json.loads(site.catalogue_file.read_text())[NAME]
    site.catalogue_file.write_text(json.dumps({NAME: {**described, **values}}))


def test_bf16_replaces_float32_after_the_gate_and_stays_until_something_changes(
    built_in_bf16: tuple[Workshop, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built, output = built_in_bf16
    site = Workshop(shutil.copytree(built.folder, tmp_path / "site"))
    assert "compared with float32 on 105 held-out pictures of site/pictures, 105 of them with a label" in output
    assert "holds  same answer: " in output
    assert "holds  recall of disgust: " in output
    with zipfile.ZipFile(site.archive(NAME)) as archive:
        description = json.loads(archive.read("model.json"))
        names = {Path(name).name for name in archive.namelist()}
    assert description["precision"] == "bf16"
    assert description["proof"]["images"] == description["proof"]["labelled"] == 105
    assert description["proof"]["agreement"]["value"] >= 0.985
    assert description["proof"]["instruction_sets"] == instruction_sets("bf16")
    assert not names & {"order.json", "answers.json", "__pycache__", "faces.npy", "probe-frame.jpg"}
    assert json.loads((site.store / f"{NAME}.build.json").read_text())["proof"] == description["proof"]
    assert (entry(site)["precision"], entry(site)["proof"]) == ("bf16", "proven")
    assert entry(site)["agreement"] == round(description["proof"]["agreement"]["value"] * 100, 2)
    assert "are up to date" in make(site, monkeypatch)[1], "without PRECISION an archive keeps its own"
    change_entry(site, precision="f32")
    monkeypatch.setenv("PRECISION", "int8")
    assert site.planned() == {NAME: "precision changed"}, "the entry comes first"


def test_a_temperature_is_packed_and_fewer_bits_are_compared_at_the_same_one(
    built_in_bf16: tuple[Workshop, str], site: Workshop, tmp_path: Path
) -> None:
    change_entry(site, temperature=3)
    assert site.planned() == {NAME: "temperature changed"}
    built, output = built_in_bf16
    assert "holds  mean difference of a probability: " in output
    assert entry(built)["temperature"] == 3
    with zipfile.ZipFile(built.archive(NAME)) as archive:
        archive.extractall(tmp_path / "unpacked")
    images = [Image.open(io.BytesIO(data)) for data in probe_files(PROBE_SEED).values()]
    rows = reference_probabilities(load_network(ARCHITECTURE, len(EMOTIONS), fitted()), images).double()
    expected = (rows.log() / 3).softmax(dim=1)
    answers = probe_answers(tmp_path / "unpacked", built.catalogue[NAME])
    for answer, row, without in zip(answers, expected, rows, strict=True):
        said = torch.tensor([answer["predictions"][label] for label in EMOTIONS])
        assert (said - row).abs().max() < 0.05 < (said - without).abs().max()


def test_an_archive_below_a_limit_is_refused_and_the_old_one_stays(
    site: Workshop, base: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = str(site.folder / "pictures")
    out_of_reach = "agreement=101"  # whether or not this processor computes in bf16
    code, output, errors = make(site, monkeypatch, PRECISION="bf16", CALIBRATION=pictures, GATE=out_of_reach)
    assert (code, errors) == (1, "")
    assert "FAILS  same answer: " in output
    assert "holds  mean difference of a probability: " in output
    assert "bf16 is refused: same answer" in output
    assert "the archive before it stays" in " ".join(output.replace("│", " ").split())
    assert_untouched(site, base)


def test_without_the_gate_an_archive_is_called_unproven_until_it_is_compared(
    site: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, output, _ = make(site, monkeypatch, PRECISION="bf16", GATE="off")
    assert code == 0, output
    assert (entry(site)["precision"], entry(site)["proof"]) == ("bf16", "unproven")
    assert "agreement" not in entry(site)
    assert site.planned() == {}
    monkeypatch.setenv("CALIBRATION", str(site.folder / "pictures"))
    monkeypatch.setenv("GATE", "on")
    assert site.planned() == {NAME: "unproven"}


def network_bytes(site: Workshop) -> int:
    with zipfile.ZipFile(site.archive(NAME)) as archive:
        return archive.getinfo("network.bin").file_size


def test_int8_passes_the_gate_in_a_quarter_of_the_size(site: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("nncf", reason="int8 needs NNCF: pip install -r requirements/quantize.txt")
    before = network_bytes(site)
    pictures = write_pictures(site.folder / "more", each=23)  # a third is for the quantisation
    code, output, errors = make(site, monkeypatch, PRECISION="int8", CALIBRATION=str(pictures))
    assert (code, errors) == (0, ""), output
    assert "compared with float32 on 108 held-out pictures" in output
    assert (entry(site)["precision"], entry(site)["proof"]) == ("int8", "proven")
    assert network_bytes(site) < 0.35 * before
    assert list((site.folder / "home").iterdir()) == []


@pytest.fixture(scope="module")
def comparison(base: Workshop, tmp_path_factory: pytest.TempPathFactory) -> tuple[Comparison, Path]:
    """What the float32 archive answers to the pictures, and the folder of its files."""
    exact = tmp_path_factory.mktemp("exact")
    with zipfile.ZipFile(base.archive(NAME)) as archive:
        archive.extractall(exact)
    model = base.catalogue[NAME]
    return Comparison(model, exact, find(base.folder / "pictures", model)), exact


def without_a_layer(weights: StateDict) -> nn.Module:
    weights["features.17.conv.1.0.weight"] = torch.zeros_like(weights["features.17.conv.1.0.weight"])
    return load_network(ARCHITECTURE, len(EMOTIONS), weights)


def with_two_classes_exchanged(weights: StateDict) -> nn.Module:
    for name in ("classifier.1.weight", "classifier.1.bias"):
        weights[name] = weights[name][[1, 0, *range(2, len(EMOTIONS))]]
    return load_network(ARCHITECTURE, len(EMOTIONS), weights)


def of_another_normalisation(weights: StateDict) -> nn.Module:
    class Wrong(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.network = load_network(ARCHITECTURE, len(EMOTIONS), weights)

        def forward(self, images: torch.Tensor) -> Any:
            return self.network((images * 0.5 + 0.5 - 0.45) / 0.225)  # ImageNet's

    return Wrong().eval()


@pytest.mark.parametrize("change", [without_a_layer, with_two_classes_exchanged, of_another_normalisation])
def test_a_network_that_is_not_the_same_is_refused(
    comparison: tuple[Comparison, Path], base: Workshop, tmp_path: Path, change: Change
) -> None:
    judged, exact = comparison
    shutil.copytree(exact, tmp_path / "other")
    convert(change(torch.load(base.checkpoint(NAME), weights_only=True)), tmp_path / "other")
    failed = judged.judge(tmp_path / "other", Wish("int8", None, Gate()))[1]
    assert any(line.startswith("same answer: ") for line in failed), failed
    assert any(line.startswith("accuracy: ") for line in failed), failed


def test_labels_in_another_order_are_refused_and_the_very_same_archive_is_not(
    comparison: tuple[Comparison, Path], tmp_path: Path
) -> None:
    judged, exact = comparison
    made, failed = judged.judge(exact, Wish("int8", None, Gate()))
    assert failed == []
    assert made.proof is not None
    assert made.proof["agreement"]["value"] == 1
    shutil.copytree(exact, tmp_path / "other")
    description = read_description(exact)
    write_description(tmp_path / "other", {**description, "emotions": sorted(description["emotions"])})
    failed = judged.judge(tmp_path / "other", Wish("int8", None, Gate()))[1]
    assert [line.partition(":")[0] for line in failed][:3] == [
        "same answer",
        "mean difference of a probability",
        "accuracy",
    ]
