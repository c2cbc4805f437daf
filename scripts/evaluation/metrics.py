"""The figures of a set of answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from scripts.evaluation.intervals import (
    Counts,
    Estimate,
    bootstrap,
    resampled_confusions,
    resampled_pictures,
    wilson,
)

BINS = 15  # of confidence, as in Guo et al., https://arxiv.org/abs/1706.04599
LEAST = 5e-7  # the API rounds probabilities to six decimals, so 0 may be anything below

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Answers:
    """n answers of a model with L labels: true labels [n] and probabilities [n, L], both by the labels' places.

    ``people`` [n] says who is in each picture where the names of files tell, else it is None.
    """

    labels: tuple[str, ...]
    truth: Counts
    probabilities: Floats
    people: npt.NDArray[np.str_] | None = None

    @property
    def predicted(self) -> Counts:
        """The place of the most probable label of each [n]."""
        places: Counts = self.probabilities.argmax(axis=1).astype(np.int64)
        return places

    @property
    def confidence(self) -> Floats:
        """The probability of that label [n]."""
        highest: Floats = self.probabilities.max(axis=1)
        return highest

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        """Whether it is the true one [n]."""
        right: npt.NDArray[np.bool_] = self.predicted == self.truth
        return right

    @property
    def confusion(self) -> Counts:
        """Pictures by true (rows) and predicted label [L, L]."""
        return _confusion(self.truth, self.predicted, len(self.labels))


def headline(answers: Answers) -> dict[str, Estimate]:
    """Accuracy, macro-F1 and mean recall; the last two over the labels that the data have.

    Pictures of one person are not independent, so with ``people`` the samples are of persons.
    """
    confusion = answers.confusion
    present = confusion.sum(axis=1) > 0
    if answers.people is None:
        samples, method = resampled_pictures(confusion), "bootstrap of pictures"
        accuracy = wilson(int(np.trace(confusion)), int(confusion.sum()))
    else:
        samples, method = resampled_confusions(_by_person(answers, answers.people)), "bootstrap of persons"
        accuracy = bootstrap(_accuracy(confusion), _accuracy(samples), method)
    return {
        "accuracy": accuracy,
        "macro_f1": bootstrap(_macro_f1(confusion, present), _macro_f1(samples, present), method),
        "mean_recall": bootstrap(_mean_recall(confusion, present), _mean_recall(samples, present), method),
    }


def per_class(answers: Answers) -> list[dict[str, Any]]:
    """Precision, recall with its interval, F1, support and number of predictions of each label; None if undefined."""
    places = np.arange(len(answers.labels))
    precision, _, f1, support = precision_recall_fscore_support(
        answers.truth, answers.predicted, labels=places, zero_division=np.nan
    )
    predicted = answers.confusion.sum(axis=0)
    right = answers.confusion.diagonal()
    return [
        {
            "label": label,
            "precision": _defined(precision[place]),
            "recall": wilson(int(right[place]), int(support[place])).to_json() if support[place] else None,
            "f1": _defined(f1[place]),
            "support": int(support[place]),
            "predicted": int(predicted[place]),
        }
        for place, label in enumerate(answers.labels)
    ]


def never_predicted(answers: Answers) -> list[str]:
    """The labels that no answer had first."""
    said = set(answers.predicted.tolist())
    return [label for place, label in enumerate(answers.labels) if place not in said]


def calibration(answers: Answers) -> dict[str, Any]:
    """Expected calibration error, negative log-likelihood, and the bins of the reliability plot.

    The error is the distance between confidence and accuracy, averaged over BINS bins of equal width by their pictures.
    """
    bins = np.clip(np.ceil(answers.confidence * BINS).astype(int) - 1, 0, BINS - 1)
    found = []
    error = 0.0
    for place in range(BINS):
        inside = bins == place
        count = int(inside.sum())
        if count:
            confidence, accuracy = float(answers.confidence[inside].mean()), float(answers.right[inside].mean())
            error += count / len(answers.truth) * abs(confidence - accuracy)
            found.append({"confidence": round(confidence, 4), "accuracy": round(accuracy, 4), "pictures": count})
    return {"ece": round(error, 4), "nll": round(log_likelihood(answers), 4), "bins": found}


def log_likelihood(answers: Answers) -> float:
    """The mean negative logarithm of the true label's probability."""
    true = answers.probabilities[np.arange(len(answers.truth)), answers.truth]
    return float(-np.log(np.maximum(true, LEAST)).mean())


def latency(milliseconds: Sequence[float], clients: int) -> dict[str, float]:
    """Percentiles of the time that clients waited for an answer, in ms, of so many at a time."""
    p50, p95, p99 = np.percentile(milliseconds, [50, 95, 99])
    return {"p50": round(float(p50), 1), "p95": round(float(p95), 1), "p99": round(float(p99), 1), "clients": clients}


def _confusion(truth: Counts, predicted: Counts, labels: int) -> Counts:
    counts: Counts = confusion_matrix(truth, predicted, labels=np.arange(labels)).astype(np.int64)
    return counts


def _by_person(answers: Answers, people: npt.NDArray[np.str_]) -> Counts:
    chosen = [people == person for person in np.unique(people)]
    return np.stack([_confusion(answers.truth[one], answers.predicted[one], len(answers.labels)) for one in chosen])


def _accuracy(confusions: Counts) -> Any:
    return np.trace(confusions, axis1=-2, axis2=-1) / confusions.sum(axis=(-2, -1))


def _mean_recall(confusions: Counts, present: npt.NDArray[np.bool_]) -> Any:
    """Over the labels ``present``; one that a sample has none of does not count in it."""
    support = confusions.sum(axis=-1)
    right = np.diagonal(confusions, axis1=-2, axis2=-1)
    recall = np.where(support > 0, right / np.maximum(support, 1), np.nan)
    return np.nanmean(recall[..., present], axis=-1)


def _macro_f1(confusions: Counts, present: npt.NDArray[np.bool_]) -> Any:
    """Over the labels ``present``: 2 right / (support + predictions)."""
    both = confusions.sum(axis=-1) + confusions.sum(axis=-2)
    right = np.diagonal(confusions, axis1=-2, axis2=-1)
    f1 = np.where(both > 0, 2 * right / np.maximum(both, 1), np.nan)
    return np.nanmean(f1[..., present], axis=-1)


def _defined(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)
