"""Intervals that hold a true share in 95 of 100 comparisons."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

_Z = statistics.NormalDist().inv_cdf(0.975)

Interval = tuple[float, float]


def wilson(count: int, total: int) -> Interval:
    """A share of independent cases by Wilson's score: ``count`` of ``total``, which is at least 1."""
    share, spread = count / total, _Z * _Z / total
    middle = (share + spread / 2) / (1 + spread)
    width = _Z * math.sqrt(share * (1 - share) / total + spread / (4 * total)) / (1 + spread)
    return max(0.0, middle - width), min(1.0, middle + width)


def paired(lost: int, gained: int, total: int) -> Interval:
    """The part that is lost on balance, where ``lost`` and ``gained`` of the same ``total`` cases differ.

    Wald's interval with half a case more in each of the four kinds (Agresti and Min, doi:10.1002/sim.1781).
    """
    lost_more, gained_more, all_of_them = lost + 0.5, gained + 0.5, total + 2
    change = (lost_more - gained_more) / all_of_them
    variance = (lost_more + gained_more - (lost_more - gained_more) ** 2 / all_of_them) / all_of_them**2
    return change - _Z * math.sqrt(variance), change + _Z * math.sqrt(variance)


def mean(values: Sequence[float]) -> Interval:
    """The mean of independent ``values``, of which there are two at least."""
    width = _Z * statistics.stdev(values) / math.sqrt(len(values))
    return statistics.fmean(values) - width, statistics.fmean(values) + width
