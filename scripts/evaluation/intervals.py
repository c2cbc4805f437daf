"""Intervals that hold a figure's true value in 95 of 100 evaluations, and how likely a difference is by chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

CONFIDENCE = 0.95
RESAMPLES = 2000
SEED = 14

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Estimate:
    """A figure between 0 and 1 with its interval, and how that was found."""

    value: float
    low: float
    high: float
    method: str

    def to_json(self) -> dict[str, Any]:
        """Its fields, with four decimals."""
        rounded = {name: round(getattr(self, name), 4) for name in ("value", "low", "high")}
        return {**rounded, "method": self.method}


def wilson(right: int, all_of_them: int) -> Estimate:
    """A share of independent cases, by Wilson's score; ``all_of_them`` is at least 1."""
    interval = stats.binomtest(right, all_of_them).proportion_ci(CONFIDENCE, method="wilson")
    return Estimate(right / all_of_them, float(interval.low), float(interval.high), "Wilson")


def resampled_confusions(parts: Counts) -> Counts:
    """Confusion matrices [RESAMPLES, L, L] of samples drawn with repetition from ``parts`` [P, L, L].

    A part is the matrix of what belongs together, such as all pictures of one person. The same parts give the same
    samples.
    """
    random = np.random.default_rng(SEED)
    count = len(parts)
    times = random.multinomial(count, np.full(count, 1 / count), size=RESAMPLES)
    drawn = times @ parts.reshape(count, -1)
    return drawn.reshape(RESAMPLES, *parts.shape[1:])


def resampled_pictures(confusion: Counts) -> Counts:
    """The same where each picture was drawn alone: then only the counts [L, L] matter."""
    random = np.random.default_rng(SEED)
    total = int(confusion.sum())
    drawn = random.multinomial(total, confusion.ravel() / total, size=RESAMPLES)
    return drawn.reshape(RESAMPLES, *confusion.shape)


def bootstrap(value: float, resampled: Sequence[float] | npt.NDArray[np.float64], method: str) -> Estimate:
    """The interval of a figure by its values in the samples."""
    tail = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(resampled, [tail, 1 - tail])
    return Estimate(value, float(low), float(high), method)


def mcnemar(only_first: int, only_second: int) -> float:
    """The exact two-sided p-value of McNemar's test, from the pictures that only one of two was right about."""
    differing = only_first + only_second
    return float(stats.binomtest(min(only_first, only_second), differing, 0.5).pvalue) if differing else 1.0


def independence(table: Counts) -> float:
    """The p-value of a table [2, G]: right and wrong do not depend on the group.

    Fisher's exact test for two groups; for more the chi-squared test, by permutations where a cell expects under 5.
    """
    if table.shape[1] == 2:
        return float(stats.fisher_exact(table).pvalue)
    if not table.sum(axis=1).all():
        return 1.0
    small = stats.contingency.expected_freq(table).min() < 5
    method = stats.PermutationMethod(n_resamples=RESAMPLES, rng=np.random.default_rng(SEED)) if small else None
    return float(stats.chi2_contingency(table, correction=False, method=method).pvalue)


def holm(values: Sequence[float]) -> list[float]:
    """p-values corrected for their number, by Holm's method, in the same order."""
    corrected = [0.0] * len(values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(values)), key=lambda index: values[index])):
        largest = max(largest, min(1.0, values[index] * (len(values) - rank)))
        corrected[index] = largest
    return corrected
