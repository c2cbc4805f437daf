"""What an ensemble gains over its best member, and which weights would suit these pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import GroupKFold, KFold

from scripts.ensembles import Ensemble
from scripts.evaluation import EvaluationError
from scripts.evaluation.comparison import Said, compare, said
from scripts.evaluation.folder import Picture
from scripts.evaluation.intervals import SEED, wilson
from scripts.evaluation.journal import Outcome
from scripts.evaluation.metrics import LEAST, Answers

FOLDS = 5
MIN_PICTURES = 100  # to fit weights on: fewer say nothing of other pictures
_ROUNDS = 1000
_SETTLED = 1e-7  # a round that changes no weight by more was the last
_NEGLIGIBLE = 0.01  # of a member's weight

Floats = npt.NDArray[np.float64]
Outcomes = Mapping[str, Outcome]


def gain(
    ensemble: Ensemble, pictures: Sequence[Picture], outcomes: Outcomes, members: Mapping[str, Outcomes]
) -> dict[str, Any]:
    """Compare an ensemble with its best member on these pictures, of which ``outcomes`` and ``members`` have answers.

    The best one is chosen on the same pictures, which favours it: the gain is rather underestimated.
    """
    truth = [picture.label for picture in pictures]
    answers = {name: _said(pictures, own) for name, own in members.items()}
    accuracies = {name: _accuracy(ensemble, name, truth, own) for name, own in answers.items()}
    best = max(accuracies, key=lambda name: float(accuracies[name]["value"]))
    mapped = [Said(str(ensemble.label_of(best, one.label)), one.confidence) for one in answers[best]]
    names = [picture.name for picture in pictures]
    return {
        "members": [
            {"name": name, "weight": round(weight / sum(ensemble.weights), 4), "accuracy": accuracies[name]}
            for name, weight in zip(ensemble.members, ensemble.weights, strict=True)
        ],
        "best": best,
        "gain": compare(names, truth, _said(pictures, outcomes), mapped, best),
        "fitted": None,
    }


def fit(
    ensemble: Ensemble, answers: Answers, pictures: Sequence[Picture], members: Mapping[str, Outcomes]
) -> dict[str, Any]:
    """The weights under which the ensemble finds the true labels most probable, and what they are worth.

    ``before`` and ``fitted`` have accuracy and negative log-likelihood on the same pictures with the present weights,
    and with weights that were fitted on four fifths of the pictures and judged on the other fifth, in turn; pictures of
    one person stay together. Raises EvaluationError for too few pictures.
    """
    if len(pictures) < MIN_PICTURES:
        raise EvaluationError(f"--fit-weights: {len(pictures)} pictures are too few; give {MIN_PICTURES} or more")
    said_of = np.stack([_probabilities(ensemble, name, pictures, members[name]) for name in ensemble.members])
    true = said_of[:, np.arange(len(pictures)), answers.truth]
    mixed = np.empty(said_of.shape[1:])
    for fitted, judged in _folds(answers):
        mixed[judged] = np.tensordot(_weights(true[:, fitted]), said_of[:, judged], axes=1)
    present = np.asarray(ensemble.weights) / sum(ensemble.weights)
    weights = _weights(true)
    return {
        "weights": [round(float(weight), 3) for weight in weights],
        "negligible": [name for name, weight in zip(ensemble.members, weights, strict=True) if weight < _NEGLIGIBLE],
        "before": _worth(np.tensordot(present, said_of, axes=1), answers),
        "fitted": _worth(mixed, answers),
        "folds": FOLDS,
        "pictures": len(pictures),
    }


def _weights(true: Floats) -> Floats:
    """The maximum-likelihood weights [M] of a mixture that gives the true labels the probabilities ``true`` [M, n].

    By expectation and maximisation, which finds the one maximum: the likelihood is concave in the weights.
    https://en.wikipedia.org/wiki/Expectation-maximization_algorithm
    """
    true = np.maximum(true, LEAST)
    weights = np.full(len(true), 1 / len(true))
    for _ in range(_ROUNDS):
        shares = weights[:, None] * true
        after = (shares / shares.sum(axis=0)).mean(axis=1)
        settled = np.abs(after - weights).max() < _SETTLED
        weights = after
        if settled:
            break
    return weights


def _folds(answers: Answers) -> Any:
    """Places of the pictures to fit on and to judge on, FOLDS times."""
    places = np.arange(len(answers.truth))
    if answers.people is not None and len(np.unique(answers.people)) >= FOLDS:
        return GroupKFold(FOLDS).split(places, groups=answers.people)
    return KFold(FOLDS, shuffle=True, random_state=SEED).split(places)


def _worth(probabilities: Floats, answers: Answers) -> dict[str, Any]:
    """Accuracy and negative log-likelihood of probabilities [n, L]."""
    true = probabilities[np.arange(len(answers.truth)), answers.truth]
    right = int((probabilities.argmax(axis=1) == answers.truth).sum())
    nll = round(float(-np.log(np.maximum(true, LEAST)).mean()), 4)
    return {"accuracy": wilson(right, len(answers.truth)).to_json(), "nll": nll}


def _probabilities(ensemble: Ensemble, member: str, pictures: Sequence[Picture], outcomes: Outcomes) -> Floats:
    """A member's probabilities [n, L] by the ensemble's labels."""
    found = np.zeros((len(pictures), len(ensemble.emotions)))
    for row, picture in zip(found, pictures, strict=True):
        for label, probability in (outcomes[picture.digest].probabilities or {}).items():
            row[ensemble.emotions.index(str(ensemble.label_of(member, label)))] += probability
    return found


def _said(pictures: Sequence[Picture], outcomes: Outcomes) -> list[Said]:
    return [said(outcomes[picture.digest].probabilities or {}) for picture in pictures]


def _accuracy(ensemble: Ensemble, member: str, truth: Sequence[str], answers: Sequence[Said]) -> dict[str, Any]:
    pairs = zip(truth, answers, strict=True)
    right = sum(ensemble.label_of(member, answer.label) == label for label, answer in pairs)
    return wilson(right, len(truth)).to_json()
