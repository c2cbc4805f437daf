"""The slope of a series of samples, and how far it can be trusted when neighbouring samples resemble each other.

Samples of a process's memory are no independent ones: what was allocated a moment ago still is. An interval that takes
them for independent is too narrow, and finds leaks in noise. So samples are averaged over blocks, a line is fitted
through the means, and the first autocorrelation of what the line leaves says how many independent ones they are worth:
B. D. Santer et al., "Statistical significance of trends …", J. Geophys. Res. 105 (2000), 7337-7356, section 4. That
estimate is too low for short series, by about (2 + 4r)/n where a line was fitted, which is put right before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

_CONFIDENCE = 0.95
_LEAST_BLOCKS = 6
# What is worth fewer independent samples than this has no interval to speak of.
_LEAST_WORTH = 5.0


@dataclass(frozen=True)
class Slope:
    """How a quantity grows an hour, in its unit, with the 95 % confidence interval from ``low`` to ``high``.

    ``blocks`` means were fitted; they are worth ``worth`` independent ones.
    """

    hourly: float
    low: float
    high: float
    blocks: int
    worth: float


def block_means(
    seconds: Sequence[float], values: Sequence[float], length: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Mean time and mean value of each block of ``length`` seconds; blocks without a sample are left out."""
    times, quantity = np.asarray(seconds, float), np.asarray(values, float)
    number = ((times - times[0]) // length).astype(int)
    means = [(times[number == block].mean(), quantity[number == block].mean()) for block in np.unique(number)]
    centres, levels = zip(*means, strict=True)
    return np.array(centres), np.array(levels)


def slope(seconds: Sequence[float], values: Sequence[float], length: float) -> Slope | None:
    """Fit a line through the means of blocks of ``length`` seconds; None with fewer than six of them."""
    if not len(seconds):
        return None
    times, means = block_means(seconds, values, length)
    count = len(times)
    if count < _LEAST_BLOCKS:
        return None
    hours = (times - times.mean()) / 3600
    spread = float((hours**2).sum())
    hourly = float((hours * means).sum() / spread)
    residuals = means - means.mean() - hourly * hours
    worth = _worth(residuals)
    error = float(np.sqrt((residuals**2).sum() / (worth - 2) / spread))
    reach = error * quantile_of_t((1 + _CONFIDENCE) / 2, worth - 2)
    return Slope(hourly, hourly - reach, hourly + reach, count, worth)


def _worth(residuals: npt.NDArray[np.float64]) -> float:
    """How many independent samples these are worth."""
    count = len(residuals)
    total = float((residuals**2).sum())
    if total == 0:
        return float(count)
    first = float((residuals[1:] * residuals[:-1]).sum()) / total
    likely = min(1.0, max(0.0, (count * first + 2) / (count - 4)))
    return max(_LEAST_WORTH, count * (1 - likely) / (1 + likely))


def quantile_of_t(probability: float, freedom: float) -> float:
    """A quantile of Student's t, within 0.02 for three degrees of freedom and more.

    Abramowitz and Stegun, "Handbook of Mathematical Functions", 26.7.5.
    """
    x = NormalDist().inv_cdf(probability)
    terms = (
        (x**3 + x) / 4,
        (5 * x**5 + 16 * x**3 + 3 * x) / 96,
        (3 * x**7 + 19 * x**5 + 17 * x**3 - 15 * x) / 384,
        (79 * x**9 + 776 * x**7 + 1482 * x**5 - 1920 * x**3 - 945 * x) / 92160,
    )
    return x + sum(term / freedom**power for power, term in enumerate(terms, start=1))
