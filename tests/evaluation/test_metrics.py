"""The figures against scikit-learn's and against sums made by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score, log_loss

from scripts.evaluation.metrics import (
    Answers,
    calibration,
    headline,
    latency,
    log_likelihood,
    never_predicted,
    per_class,
)
from tests.evaluation.conftest import LABELS, answers_of


@pytest.fixture(scope="module")
def random_answers() -> Answers:
    """3,000 answers, right about six times in ten."""
    random = np.random.default_rng(5)
    truth = random.integers(0, 7, 3000)
    logits = random.normal(size=(3000, 7)) + 2.2 * np.eye(7)[truth]
    odds = np.exp(logits)
    return Answers(LABELS, truth, odds / odds.sum(axis=1, keepdims=True))


def test_headline_is_what_scikit_learn_computes(random_answers: Answers) -> None:
    truth, predicted = random_answers.truth, random_answers.predicted
    found = headline(random_answers)
    assert found["accuracy"].value == pytest.approx((truth == predicted).mean())
    assert found["macro_f1"].value == pytest.approx(f1_score(truth, predicted, average="macro"))
    assert found["mean_recall"].value == pytest.approx(balanced_accuracy_score(truth, predicted))


def test_the_bootstraps_interval_is_as_wide_as_the_formulas(random_answers: Answers) -> None:
    found = headline(random_answers)
    assert found["accuracy"].method == "Wilson"
    # With equally frequent labels mean recall varies nearly as accuracy does.
    for end in ("low", "high"):
        assert getattr(found["mean_recall"], end) == pytest.approx(getattr(found["accuracy"], end), abs=0.004)
    assert found["macro_f1"].low < found["macro_f1"].value < found["macro_f1"].high


def test_the_same_answers_give_the_same_intervals(random_answers: Answers) -> None:
    assert headline(random_answers) == headline(random_answers)


def test_pictures_of_one_person_count_as_one_case() -> None:
    """Ten frames of each of 40 persons that are all right or all wrong are no more evidence than 40 pictures."""
    right = np.arange(40) % 4 > 0
    truth = np.repeat(np.arange(40) % 7, 10)
    predicted = np.where(np.repeat(right, 10), truth, (truth + 1) % 7)
    alone = answers_of(truth.tolist(), predicted.tolist())
    together = replace(alone, people=np.repeat([f"S{person:03}" for person in range(40)], 10))
    narrow, wide = headline(alone)["accuracy"], headline(together)["accuracy"]
    assert wide.method == "bootstrap of persons"
    assert narrow.value == wide.value == 0.75
    assert (wide.high - wide.low) / (narrow.high - narrow.low) == pytest.approx(10**0.5, rel=0.1)


def test_labels_without_pictures_count_nowhere() -> None:
    answers = answers_of([0, 0, 3, 3], [0, 5, 3, 3])
    found = headline(answers)
    assert found["mean_recall"].value == 0.75
    assert found["macro_f1"].value == pytest.approx((2 / 3 + 1) / 2)
    assert never_predicted(answers) == ["disgust", "fear", "neutral", "surprise"]


def test_each_label_has_its_figures() -> None:
    by_label = {one["label"]: one for one in per_class(answers_of([0, 0, 0, 3, 3], [0, 3, 0, 3, 5]))}
    angry = by_label["angry"]
    assert (angry["precision"], angry["f1"], angry["support"], angry["predicted"]) == (1.0, 0.8, 3, 2)
    assert angry["recall"]["value"] == pytest.approx(2 / 3, abs=1e-4)
    assert by_label["happy"]["precision"] == 0.5
    assert by_label["fear"] == {
        "label": "fear",
        "precision": None,
        "recall": None,
        "f1": None,
        "support": 0,
        "predicted": 0,
    }
    assert by_label["sad"]["precision"] == 0


def test_calibration_error_is_the_mean_distance_of_confidence_and_accuracy() -> None:
    # Four answers with 0.9, of which three are right; one right answer with 0.5: 4/5 · 0.15 + 1/5 · 0.5.
    found = calibration(answers_of([0, 1, 2, 3, 4], [0, 1, 2, 4, 4], confidence=[0.9, 0.9, 0.9, 0.9, 0.5]))
    assert found["ece"] == pytest.approx(0.22)
    assert found["bins"] == [
        {"confidence": 0.5, "accuracy": 1.0, "pictures": 1},
        {"confidence": 0.9, "accuracy": 0.75, "pictures": 4},
    ]


def test_likelihood_is_scikit_learns_and_finite_for_a_probability_of_zero(random_answers: Answers) -> None:
    truth, probabilities = random_answers.truth, random_answers.probabilities
    assert log_likelihood(random_answers) == pytest.approx(log_loss(truth, probabilities))
    sure = answers_of([0, 1], [0, 0], confidence=1.0)
    assert log_likelihood(sure) == pytest.approx(-np.log(5e-7) / 2)


def test_latency_has_percentiles() -> None:
    assert latency([float(ms) for ms in range(101)], 8) == {"p50": 50, "p95": 95, "p99": 99, "clients": 8}
