"""The margin around a face: chosen on one half of the pictures, judged on the other, written only if it helps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from scripts.evaluation import EvaluationError
from scripts.evaluation.__main__ import main
from scripts.evaluation.face_margin import DEFAULT, MARGINS, fit
from scripts.pictures.faces import write_faces
from scripts.settings import ROOT
from tests.evaluation.conftest import LABELS, answers_of
from tests.support.models import OTHER

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack

COUNT = 200
DIGESTS = [f"{number:064x}" for number in range(COUNT)]
TRUTH = [place % len(LABELS) for place in range(COUNT)]


def predicted(wrong: int = 0) -> list[int]:
    """Labels, of which the first ``wrong`` are false."""
    return [(label + (place < wrong)) % len(LABELS) for place, label in enumerate(TRUTH)]


def test_the_margin_with_the_most_probable_labels_is_chosen_and_judged_on_others() -> None:
    answers = {
        0.1: answers_of(TRUTH, predicted(wrong=60), confidence=0.6),
        0.3: answers_of(TRUTH, predicted(), confidence=0.9),
        0.5: answers_of(TRUTH, predicted(), confidence=0.8),
    }
    found = fit(answers, DIGESTS, served=0.1)
    assert (found["margin"], found["served"], found["helps"]) == (0.3, 0.1, True)
    assert (found["fitted_on"], found["held_out"]) == (100, 100)
    assert [one["margin"] for one in found["tried"]] == [0.1, 0.3, 0.5]
    assert found["after"] == {"accuracy": 1.0, "nll": pytest.approx(-np.log(0.9), abs=1e-4)}
    assert found["before"]["accuracy"] < 0.9
    assert fit(answers, DIGESTS, served=0.3)["helps"] is False


def test_few_pictures_are_refused() -> None:
    with pytest.raises(EvaluationError, match="--fit-margin: 99 pictures were answered; give at least 100"):
        fit({0.2: answers_of(TRUTH[:99], predicted()[:99])}, DIGESTS[:99], served=0.2)


def test_the_default_is_the_workers() -> None:
    from face_finder import DEFAULT_MARGIN

    assert DEFAULT == DEFAULT_MARGIN


def test_a_margin_is_fitted_through_the_service_and_written_into_the_catalogue(
    stack: RunningStack, tmp_path: Path, catalogue: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The stand-ins know drawings of head and shoulders: far more than models.json's margin for FER2013."""
    drawn = len(write_faces(tmp_path / "faces", LABELS, 112, seed=4))  # each is asked about at eleven margins
    asked = [str(tmp_path / "faces"), "--url", stack.url, "--output", str(tmp_path), "--model", OTHER]
    assert main([*asked, "--margin", "100", "--fit-margin", "--write"]) == 0
    fitted = json.loads((tmp_path / f"{OTHER}.json").read_text())["face_margin"]
    assert fitted["served"] == json.loads((ROOT / "models.json").read_text())[OTHER]["face_margin"]
    assert [one["margin"] for one in fitted["tried"]] == sorted({*MARGINS, fitted["served"]})
    assert fitted["without_face"] + fitted["fitted_on"] + fitted["held_out"] == drawn
    assert fitted["margin"] > 0.3
    assert fitted["after"]["accuracy"] > fitted["before"]["accuracy"]
    assert json.loads(catalogue.read_text())[OTHER]["face_margin"] == fitted["margin"]
    assert f"Margin {fitted['margin']:g} around a face, chosen on " in capsys.readouterr().out
    assert "The margin around a face" in (tmp_path / f"{OTHER}.html").read_text()
