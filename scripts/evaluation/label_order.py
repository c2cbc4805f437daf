"""Labels in the wrong order: the network knows the emotions, and calls them by each other's names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from scripts.evaluation.intervals import mcnemar
from scripts.evaluation.metrics import Answers
from scripts.labels import FER2013_CSV_ORDER, RAF_DB_ORDER, emotion

_GAIN = 0.1  # of accuracy that other names must bring at least
_WORTH = 0.4  # accuracy with them: what is right less often may fit some order by chance
_CHANCE = 0.001


@dataclass(frozen=True)
class Permutation:
    """``order`` are the labels that the outputs seem to have, in the order of the outputs.

    It may as well be the data that are wrong: then ``held`` are the labels of the pictures in the folders, in the order
    of the model's labels. ``known_as`` and ``held_known_as`` say whose orders these are, if anybody's.
    """

    order: tuple[str, ...]
    held: tuple[str, ...]
    accuracy: float
    renamed: dict[str, str]
    known_as: str | None
    held_known_as: str | None


def find_permutation(answers: Answers) -> Permutation | None:
    """The order of labels under which the answers would be far better than under the model's; None without one."""
    count = len(answers.labels)
    # Of orders that are equally good the one with the most labels in place: one without pictures says nothing.
    truth, predicted = linear_sum_assignment(answers.confusion * (count + 1) + np.eye(count), maximize=True)
    meaning = np.empty(count, dtype=int)  # of each output, the true label it goes with
    meaning[predicted] = truth
    renamed_right = meaning[answers.predicted] == answers.truth
    accuracy, gain = float(renamed_right.mean()), float(renamed_right.mean() - answers.right.mean())
    only_named = int((answers.right & ~renamed_right).sum())
    only_renamed = int((renamed_right & ~answers.right).sum())
    if gain < _GAIN or accuracy < _WORTH or mcnemar(only_named, only_renamed) > _CHANCE:
        return None
    order = tuple(answers.labels[place] for place in meaning)
    held = tuple(answers.labels[place] for place in np.argsort(meaning))
    renamed = {said: meant for said, meant in zip(answers.labels, order, strict=True) if said != meant}
    return Permutation(order, held, accuracy, renamed, _known_order(order), _known_order(held))


def _known_order(order: Sequence[str]) -> str | None:
    """The name of an order that some dataset or library has."""
    emotions = tuple(emotion(label) for label in order)
    if emotions == RAF_DB_ORDER:
        return "RAF-DB's 1 to 7"
    if emotions == FER2013_CSV_ORDER:
        return "FER2013's CSV file"
    if list(order) == sorted(order, key=str.lower):
        return "the alphabet, as torchvision's ImageFolder has it"
    return None
