"""Comparing arrays: where two differ, and by how much."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def assert_close(actual: ArrayLike, expected: ArrayLike, tolerance: float) -> None:
    """Shapes are equal, and no value differs by more than ``tolerance`` (absolute); NaN differs from everything."""
    got, wanted = np.asarray(actual), np.asarray(expected)
    assert got.shape == wanted.shape, f"shape {got.shape} instead of {wanted.shape}"
    distance = _distance(got, wanted)
    away = ~(distance <= tolerance)
    assert not away.any(), _message(got, wanted, np.where(np.isnan(distance), np.inf, distance), int(away.sum()))


def assert_equal(actual: ArrayLike, expected: ArrayLike) -> None:
    """Shapes, types and every value are equal."""
    got, wanted = np.asarray(actual), np.asarray(expected)
    assert got.dtype == wanted.dtype, f"{got.dtype} instead of {wanted.dtype}"
    assert_close(got, wanted, 0)


def _distance(got: NDArray[Any], wanted: NDArray[Any]) -> NDArray[Any]:
    """The absolute differences as float64, which holds those of uint8 and float32 as they are."""
    with np.errstate(invalid="ignore"):  # inf - inf
        distance: NDArray[Any] = np.abs(got.astype(np.float64) - wanted.astype(np.float64))
    return np.where(got == wanted, 0, distance)  # infinities that are equal


def _message(got: NDArray[Any], wanted: NDArray[Any], distance: NDArray[Any], count: int) -> str:
    worst = tuple(int(index) for index in np.unravel_index(distance.argmax(), distance.shape))
    return (
        f"{count} of {distance.size} values differ; the most at {worst}: "
        f"{got[worst]} instead of {wanted[worst]}, by {distance[worst]:.3g}"
    )
