"""Intervals and tests of significance against published values."""

from __future__ import annotations

import math

import numpy as np
import pytest

from scripts.evaluation.intervals import holm, independence, mcnemar, wilson


@pytest.mark.parametrize(("right", "total"), [(10, 20), (0, 30), (97, 99), (2040, 3589)])
def test_wilsons_interval_is_that_of_the_formula(right: int, total: int) -> None:
    share, z = right / total, 1.959963984540054
    centre = (share + z**2 / (2 * total)) / (1 + z**2 / total)
    half = z / (1 + z**2 / total) * math.sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    found = wilson(right, total)
    assert (found.value, found.method) == (share, "Wilson")
    assert (found.low, found.high) == pytest.approx((centre - half, centre + half), abs=1e-9)


def test_mcnemars_test_is_exact() -> None:
    tail = sum(math.comb(180, k) for k in range(60)) / 2**180
    assert mcnemar(121, 59) == pytest.approx(2 * tail)
    assert mcnemar(121, 59) == pytest.approx(4.434444926375551e-06), "as statsmodels documents it"
    assert mcnemar(5, 5) == 1
    assert mcnemar(0, 0) == 1


def test_two_groups_are_compared_by_fishers_test() -> None:
    assert independence(np.array([[3, 1], [1, 3]])) == pytest.approx(34 / 70), "the lady who tastes tea"


def test_more_groups_are_compared_by_the_chi_squared_test() -> None:
    chi_squared = 25 / 9  # of this table, with two degrees of freedom
    assert independence(np.array([[10, 10, 20], [20, 20, 20]])) == pytest.approx(math.exp(-chi_squared / 2))
    assert independence(np.array([[5, 7, 9], [0, 0, 0]])) == 1


def test_few_pictures_are_compared_by_permutations() -> None:
    # Of the 3^6 orders in which six pictures could be right in three groups of two the observed one is the rarest kind.
    table = np.array([[2, 0, 2], [0, 2, 0]])
    assert independence(table) == pytest.approx(3 / 15, abs=0.03)


def test_many_tests_are_corrected_by_holms_method() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []
