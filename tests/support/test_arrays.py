"""What the comparison of arrays says of a difference."""

from __future__ import annotations

import re

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.arrays import assert_close, assert_equal

ROW = np.array([[0, 255, 3], [4, 5, 6]], np.uint8)


def test_equal_arrays_are_equal() -> None:
    assert_equal(ROW, ROW.copy())
    assert_close([np.inf, 1.0], [np.inf, 1.0 + 1e-6], 1e-5)


def test_the_largest_difference_is_told_with_its_place() -> None:
    other = ROW.copy()
    other[0, 1], other[1, 2] = 0, 7
    with pytest.raises(AssertionError, match=re.escape("2 of 6 values differ; the most at (0, 1): 0 instead of 255")):
        assert_equal(other, ROW)
    with pytest.raises(AssertionError, match=re.escape("1 of 2 values differ; the most at (1,): 0.5 instead of 0.25")):
        assert_close([1.0, 0.5], [1.0, 0.25], 0.2)


def test_a_value_that_is_no_number_differs() -> None:
    with pytest.raises(AssertionError, match=re.escape("1 of 2 values differ; the most at (1,): nan instead of 1.0")):
        assert_close([1.0, np.nan], [1.0, 1.0], 0.1)


@pytest.mark.parametrize(
    ("other", "message"),
    [(ROW.T, "shape (3, 2) instead of (2, 3)"), (ROW.astype(np.int16), "int16 instead of uint8")],
)
def test_another_shape_or_type_is_told(other: NDArray[np.generic], message: str) -> None:
    with pytest.raises(AssertionError, match=re.escape(message)):
        assert_equal(other, ROW)
