"""Archives whose answers are meant to differ from the network's own: with a temperature, with fast preprocessing."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest
import torch
from PIL import Image

from scripts.archives.verification import PROBE_SEED, probe_answers
from scripts.checkpoints.networks import load_network, reference_probabilities
from scripts.probes import probe_files
from tests.archives.colour_site import NAME, assert_untouched, entry, make
from tests.archives.colours import fitted
from tests.archives.workshop import Workshop
from tests.support.unpacked_archive import ARCHITECTURE, EMOTIONS

pytestmark = pytest.mark.slow  # each of them builds


def test_a_temperature_is_packed_and_fewer_bits_are_compared_at_the_same_one(
    site: Workshop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    described = json.loads(site.catalogue_file.read_text())[NAME]
    site.catalogue_file.write_text(json.dumps({NAME: {**described, "temperature": 3}}))
    assert site.planned() == {NAME: "temperature changed"}
    code, output, _ = make(site, monkeypatch, PRECISION="bf16", CALIBRATION=str(site.folder / "pictures"))
    assert code == 0, output
    assert "holds  mean difference of a probability: " in output
    assert entry(site)["temperature"] == 3
    with zipfile.ZipFile(site.archive(NAME)) as archive:
        archive.extractall(tmp_path)
    images = [Image.open(io.BytesIO(data)) for data in probe_files(PROBE_SEED).values()]
    rows = reference_probabilities(load_network(ARCHITECTURE, len(EMOTIONS), fitted()), images).double()
    expected = (rows.log() / 3).softmax(dim=1)
    for answer, row, without in zip(probe_answers(tmp_path, site.catalogue[NAME]), expected, rows, strict=True):
        said = torch.tensor([answer["predictions"][label] for label in EMOTIONS])
        assert (said - row).abs().max() < 0.05 < (said - without).abs().max()


def test_fast_preprocessing_is_judged_with_fewer_bits_and_refused_with_float32(
    site: Workshop, base: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = str(site.folder / "pictures")
    code, output, _ = make(site, monkeypatch, PREPROCESSING="fast", CALIBRATION=pictures)
    assert code == 1
    assert "fast preprocessing changes the answers" in " ".join(output.replace("│", " ").split())
    assert_untouched(site, base)
    code, output, _ = make(site, monkeypatch, PREPROCESSING="fast", PRECISION="bf16", CALIBRATION=pictures)
    assert code == 0, output
    assert "compared with float32 on 161 held-out pictures" in output
    with zipfile.ZipFile(site.archive(NAME)) as archive:
        assert json.loads(archive.read("model.json"))["preprocessing"] == "fast"
    assert (entry(site)["preprocessing"], entry(site)["proof"]) == ("fast", "proven")
    assert "are up to date" in make(site, monkeypatch)[1], "without the settings an archive keeps its own"
    monkeypatch.setenv("PRECISION", "f32")
    assert site.planned() == {NAME: "precision, preprocessing changed"}
