"""Labels in a wrong order are named; what is merely wrong is not."""

from __future__ import annotations

import numpy as np
import pytest

from scripts.evaluation.label_order import find_permutation
from scripts.evaluation.metrics import Answers
from tests.evaluation.conftest import LABELS, answers_of

RAF_DB = ("Surprise", "Fear", "Disgust", "Happiness", "Sadness", "Anger", "Neutral")


def noisy(accuracy: float, labels: tuple[str, ...], actual: tuple[str, ...] | None = None) -> Answers:
    """700 answers, right so often, of a network whose outputs are in the order ``actual`` and are called ``labels``."""
    random = np.random.default_rng(1)
    truth = np.arange(700) % 7
    meant = np.where(random.random(700) < accuracy, truth, random.integers(0, 7, 700))
    place = [(actual or labels).index(label) for label in labels]
    return answers_of(truth.tolist(), [place[one] for one in meant], labels=labels)


@pytest.mark.parametrize("accuracy", [0.5, 0.75, 1.0])
def test_a_right_order_is_left_in_peace(accuracy: float) -> None:
    assert find_permutation(noisy(accuracy, LABELS)) is None


def test_fer2013s_csv_order_is_recognised() -> None:
    actual = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
    found = find_permutation(noisy(0.6, LABELS, actual))
    assert found is not None
    assert found.order == actual
    assert found.renamed == {"neutral": "sad", "sad": "surprise", "surprise": "neutral"}
    assert found.known_as == "FER2013's CSV file"


def test_folders_that_were_named_by_fer2013s_numbers_are_recognised() -> None:
    """4 is sad in the CSV file, and its pictures lie in the folder of the fifth label of the alphabet, neutral."""
    numbers = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
    predicted = [place % 7 for place in range(700)]
    truth = [numbers.index(LABELS[place]) for place in predicted]
    found = find_permutation(answers_of(truth, predicted))
    assert found is not None
    assert found.held == numbers
    assert (found.known_as, found.held_known_as) == (None, "FER2013's CSV file")


def test_an_alphabetical_raf_db_is_recognised() -> None:
    actual = tuple(sorted(RAF_DB))
    found = find_permutation(noisy(0.8, RAF_DB, actual))
    assert found is not None
    assert found.order == actual
    assert found.known_as == "the alphabet, as torchvision's ImageFolder has it"
    back = find_permutation(noisy(0.8, actual, RAF_DB))
    assert back is not None
    assert (back.order, back.known_as) == (RAF_DB, "RAF-DB's 1 to 7")


def test_two_exchanged_labels_are_named() -> None:
    actual = ("disgust", "angry", *LABELS[2:])
    found = find_permutation(noisy(0.7, LABELS, actual))
    assert found is not None
    assert found.renamed == {"angry": "disgust", "disgust": "angry"}
    assert found.known_as is None


def test_chance_and_blindness_are_no_order() -> None:
    random = np.random.default_rng(2)
    truth = np.arange(210) % 7
    assert find_permutation(answers_of(truth.tolist(), random.integers(0, 7, 210).tolist())) is None
    assert find_permutation(answers_of(truth.tolist(), [1] * 210)) is None, "always the same label"


def test_an_order_that_fits_one_answer_in_three_is_chance() -> None:
    random = np.random.default_rng(3)
    truth = np.arange(700) % 7
    predicted = np.where(random.random(700) < 0.2, (truth + 1) % 7, random.integers(0, 7, 700))
    assert find_permutation(answers_of(truth.tolist(), predicted.tolist())) is None


def test_labels_without_pictures_keep_their_names() -> None:
    truth = [place % 4 for place in range(400)]
    found = find_permutation(answers_of(truth, [1 - place if place < 2 else place for place in truth]))
    assert found is not None
    assert found.renamed == {"angry": "disgust", "disgust": "angry"}


def test_a_label_that_is_never_said_and_one_without_pictures_keep_their_names() -> None:
    """Disgust is called angry, as real networks for FER2013 do, and the data have no neutral face."""
    truth = [place % 7 for place in range(700) if place % 7 != 4]
    assert find_permutation(answers_of(truth, [0 if place == 1 else place for place in truth])) is None
