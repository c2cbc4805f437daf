"""Archives whose answers are meant to differ from the network's own, by fast preprocessing."""

from __future__ import annotations

import json
import zipfile

import pytest

from tests.archives.colour_site import NAME, assert_untouched, entry, make
from tests.archives.workshop import Workshop


@pytest.mark.slow
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
    assert "compared with float32 on 105 held-out pictures" in output
    with zipfile.ZipFile(site.archive(NAME)) as archive:
        assert json.loads(archive.read("model.json"))["preprocessing"] == "fast"
    assert (entry(site)["preprocessing"], entry(site)["proof"]) == ("fast", "proven")
    assert "are up to date" in make(site, monkeypatch)[1], "without the settings an archive keeps its own"
    monkeypatch.setenv("PRECISION", "f32")
    assert site.planned() == {NAME: "precision, preprocessing changed"}
