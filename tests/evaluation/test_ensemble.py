"""What an ensemble gains over its members, and the weights that suit some pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scripts.ensembles import Ensemble
from scripts.evaluation import EvaluationError
from scripts.evaluation.ensemble import fit, gain
from scripts.evaluation.folder import Picture
from scripts.evaluation.journal import Outcome
from scripts.evaluation.matrix import table
from scripts.evaluation.metrics import Answers

LABELS = ("happy", "sad")
WORDS = {"happy": "Happiness", "sad": "Sadness"}  # of the second member


def ensemble_of(*weights: float) -> Ensemble:
    members = [f"M{number}" for number in range(len(weights))]
    entry = {"ensemble": members, "weights": weights, "missing": "refuse", "emotions": LABELS}
    return Ensemble.from_entry("E", entry)


def pictures_of(truth: Sequence[int]) -> list[Picture]:
    return [Picture(Path(), f"{place}.png", LABELS[label], str(place)) for place, label in enumerate(truth)]


def outcomes_of(happy: Sequence[float], words: Mapping[str, str] | None = None) -> dict[str, Outcome]:
    """Answers with these probabilities of ``happy``."""
    names = [(words or {}).get(label, label) for label in LABELS]
    return {str(place): Outcome({names[0]: part, names[1]: 1 - part}) for place, part in enumerate(happy)}


def mean_of(ensemble: Ensemble, *members: Sequence[float]) -> list[float]:
    return list(np.average(np.array(members), axis=0, weights=ensemble.weights))


def test_the_gain_is_that_over_the_best_member_in_its_own_words() -> None:
    truth = [0, 0, 1, 1]
    one, two = [0.9, 0.2, 0.6, 0.4], [0.8, 0.7, 0.3, 0.6]  # right twice of four, and three times
    ensemble = ensemble_of(1, 2)
    members = {"M0": outcomes_of(one), "M1": outcomes_of(two, WORDS)}
    found = gain(ensemble, pictures_of(truth), outcomes_of([0.9, 0.6, 0.4, 0.4]), members)
    assert found["best"] == "M1"
    assert [(member["name"], member["weight"], member["accuracy"]["value"]) for member in found["members"]] == [
        ("M0", 0.3333, 0.5),
        ("M1", 0.6667, 0.75),
    ]
    assert (found["gain"]["accuracy"]["value"], found["gain"]["other_accuracy"]["value"]) == (1, 0.75)
    assert (found["gain"]["only_this_right"], found["gain"]["only_other_right"]) == (1, 0)
    assert found["gain"]["agreement"]["value"] == 0.75


def made_up(good: float, count: int = 400) -> tuple[list[int], dict[str, dict[str, Outcome]], Answers]:
    """Pictures, what two members say to them, and the truth: the first is right so often, the other by chance."""
    random = np.random.default_rng(3)
    truth = random.integers(0, 2, count)
    right = np.where(random.random(count) < good, 0.9, 0.1)
    one = np.where(truth == 0, right, 1 - right)
    two = random.uniform(0.05, 0.95, count)
    members = {"M0": outcomes_of(one.tolist()), "M1": outcomes_of(two.tolist(), WORDS)}
    return truth.tolist(), members, Answers(LABELS, truth.astype(np.int64), np.zeros((count, 2)))


def test_weights_are_fitted_to_who_is_right() -> None:
    truth, members, answers = made_up(good=0.9)
    fitted = fit(ensemble_of(1, 1), answers, pictures_of(truth), members)
    assert fitted["weights"][0] > 0.9
    assert sum(fitted["weights"]) == pytest.approx(1, abs=0.01)
    assert fitted["fitted"]["nll"] < fitted["before"]["nll"]


def test_a_member_that_adds_nothing_is_named() -> None:
    truth, members, answers = made_up(good=1.0)
    assert fit(ensemble_of(1, 1), answers, pictures_of(truth), members)["negligible"] == ["M1"]


def test_no_other_weights_are_more_likely() -> None:
    """Against every hundredth: the likelihood has one maximum, and the fit finds it."""
    truth, members, answers = made_up(good=0.7)
    pictures = pictures_of(truth)
    parts = np.array(
        [
            [next(iter((members[name][one.digest].probabilities or {}).values())) for one in pictures]
            for name in ("M0", "M1")
        ]
    )
    true = np.where(answers.truth == 0, parts, 1 - parts)
    grid = np.arange(0.01, 1, 0.01)
    best = max(grid, key=lambda weight: float(np.log(weight * true[0] + (1 - weight) * true[1]).sum()))
    assert fit(ensemble_of(1, 1), answers, pictures, members)["weights"][0] == pytest.approx(best, abs=0.011)


def test_pictures_of_one_person_are_not_both_fitted_on_and_judged_by() -> None:
    truth, members, answers = made_up(good=0.9)
    people = np.array([f"p{place // 80}" for place in range(len(truth))])
    known = Answers(answers.labels, answers.truth, answers.probabilities, people)
    by_person = fit(ensemble_of(1, 1), known, pictures_of(truth), members)
    assert by_person["weights"] == fit(ensemble_of(1, 1), answers, pictures_of(truth), members)["weights"]
    assert by_person["fitted"] != by_person["before"]


def test_few_pictures_are_refused() -> None:
    truth, members, answers = made_up(good=0.9, count=99)
    with pytest.raises(EvaluationError, match="--fit-weights: 99 pictures are too few; give 100 or more"):
        fit(ensemble_of(1, 1), answers, pictures_of(truth), members)


def test_each_ensemble_has_a_row_in_the_table_of_all_models() -> None:
    entry: dict[str, Any] = {"architecture": "Ensemble", "dataset": "FER2013", "ensemble": ["A", "B"]}
    assert table([], {"E": entry, "F": entry})["architectures"] == ["E", "F"]
