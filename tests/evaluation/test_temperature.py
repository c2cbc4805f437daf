"""The temperature of a model that is too sure, and how it comes into models.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from scripts.catalogue import CatalogueError
from scripts.evaluation import EvaluationError
from scripts.evaluation.__main__ import main
from scripts.evaluation.catalogue_file import set_number
from scripts.evaluation.metrics import Answers, Floats
from scripts.evaluation.temperature import fit, heated
from scripts.settings import ROOT
from tests.evaluation.conftest import LABELS
from tests.support.models import OTHER

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack


def made_up(count: int, heat: float, people: int | None = None) -> Answers:
    """Answers of a model whose logits are ``heat`` times as large as those that its labels were drawn by."""
    random = np.random.default_rng(5)
    logits = random.normal(0, 1.5, (count, len(LABELS)))
    true = softmax(logits)
    truth = np.array([random.choice(len(LABELS), p=row) for row in true])
    persons = None if people is None else np.array([f"S{number % people}" for number in range(count)])
    return Answers(LABELS, truth, softmax(logits * heat).round(6), persons)


def softmax(logits: Floats) -> Floats:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    rows: Floats = powers / powers.sum(axis=1, keepdims=True)
    return rows


def digests(count: int) -> list[str]:
    return [f"{number:064x}" for number in range(count)]


@pytest.mark.parametrize("heat", [0.5, 1.8])
def test_the_temperature_is_the_one_that_the_labels_were_drawn_by(heat: float) -> None:
    found = fit(made_up(4000, heat), digests(4000), served=1.0)
    assert found["temperature"] == pytest.approx(heat, rel=0.08)
    assert (found["fitted_on"], found["held_out"], found["helps"]) == (2000, 2000, True)
    assert found["after"]["nll"] < found["before"]["nll"]
    assert found["after"]["ece"] < found["before"]["ece"]


def test_a_temperature_that_is_served_already_is_replaced() -> None:
    answers = made_up(2000, 1.8)
    once = fit(answers, digests(2000), served=1.0)["temperature"]
    again = fit(heated(answers, 1.3), digests(2000), served=1.3)
    assert again["temperature"] == pytest.approx(once, rel=0.01)


def test_one_that_is_as_sure_as_it_is_right_keeps_nearly_its_own() -> None:
    assert fit(made_up(4000, 1.0), digests(4000), served=1.0)["temperature"] == pytest.approx(1, rel=0.05)


def test_heated_answers_are_the_softmax_of_the_divided_logits() -> None:
    logits = np.array([[2.0, -1.0, 0.5], [0.0, 3.0, 1.0]])
    answers = Answers(("a", "b", "c"), np.array([0, 1]), softmax(logits))
    assert np.abs(heated(answers, 2.5).probabilities - softmax(logits / 2.5)).max() < 1e-12


def test_pictures_of_one_person_and_copies_of_one_file_are_on_one_side() -> None:
    assert fit(made_up(200, 1.5, people=4), digests(200), served=1.0)["held_out"] == 100
    copies = [digest for digest in digests(40) for _ in range(5)]
    assert fit(made_up(200, 1.5), copies, served=1.0)["held_out"] % 5 == 0
    with pytest.raises(EvaluationError, match="all pictures are of one person or one file"):
        fit(made_up(200, 1.5, people=1), digests(200), served=1.0)


def test_few_pictures_are_refused() -> None:
    with pytest.raises(EvaluationError, match="99 pictures were answered; give at least 100"):
        fit(made_up(99, 1.5), digests(99), served=1.0)


def test_only_the_temperature_changes_in_the_catalogue(tmp_path: Path) -> None:
    path = tmp_path / "models.json"
    before = (ROOT / "models.json").read_text()
    path.write_text(before)
    set_number(path, "MobileNetV2_CK+48", "temperature", 1.4)
    added = path.read_text()
    last = '    "accuracy": 97.98,\n    "face_margin": 0.15'
    assert added == before.replace(last, f'{last},\n    "temperature": 1.4', 1)
    set_number(path, "MobileNetV2_CK+48", "temperature", 0.8)
    assert path.read_text() == added.replace("1.4\n", "0.8\n")


@pytest.mark.parametrize("space", ["", "\n", "\r\n\t"])
def test_a_catalogue_in_another_hand_is_changed_too(tmp_path: Path, space: str) -> None:
    path = tmp_path / "models.json"
    entry = {"architecture": "VGG19", "dataset": "}", "emotions": ["a"], "temperature": None}
    text = "\ufeff" + json.dumps({"A": entry, "B": {**entry, "temperature": 2}}).replace("{", "{" + space)
    path.write_bytes(text.encode())
    set_number(path, "B", "temperature", 1.25)
    assert path.read_bytes().decode() == text.replace('"temperature": 2', '"temperature": 1.25')


def test_a_catalogue_without_the_model_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "models.json"
    path.write_text('{"A": {"architecture": "VGG19", "dataset": "d", "emotions": ["a"]}}')
    with pytest.raises(EvaluationError, match=r"--write: models\.json has no 'B'"):
        set_number(path, "B", "temperature", 1.5)
    with pytest.raises(CatalogueError, match="cannot be read"):
        set_number(tmp_path / "none.json", "B", "temperature", 1.5)


def test_a_temperature_is_fitted_and_written_into_the_catalogue_only_if_asked(
    stack: RunningStack, tmp_path: Path, drawn_faces: Path, catalogue: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [
        str(drawn_faces),
        "--url",
        stack.url,
        "--output",
        str(tmp_path),
        "--model",
        OTHER,
        "--margin",
        "100",
        "--fit-temperature",
    ]
    assert main(asked) == 0
    assert catalogue.read_text() == (ROOT / "models.json").read_text()
    fitted = json.loads((tmp_path / f"{OTHER}.json").read_text())["temperature"]
    assert fitted["fitted_on"] + fitted["held_out"] == 140
    told = f"Temperature {fitted['temperature']:g}, fitted on 70 pictures\n  on 70 others: negative log-likelihood "
    assert told in capsys.readouterr().out
    assert "With a temperature of" in (tmp_path / f"{OTHER}.html").read_text()
    assert main([*asked, "--write"]) == 0
    assert json.loads(catalogue.read_text())[OTHER]["temperature"] == fitted["temperature"]
    assert f"`make archives MODEL={OTHER}` packs it" in capsys.readouterr().out
