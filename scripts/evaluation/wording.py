"""Figures as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def percent(value: float | None) -> str:
    """A share."""
    return "–" if value is None else f"{100 * value:.1f} %"


def estimate(value: Mapping[str, Any] | None) -> str:
    """A share with its interval."""
    if value is None:
        return "–"
    return f"{100 * value['value']:.1f} % ({100 * value['low']:.1f} to {100 * value['high']:.1f})"


def score(value: float | None) -> str:
    """An F1."""
    return "–" if value is None else f"{value:.3f}"


def pvalue(value: float) -> str:
    """A probability."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def counted(number: int, noun: str) -> str:
    """So many of something; the plural has an s."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def enumerated(words: Sequence[str]) -> str:
    """Words in a sentence: a, b and c."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def some(names: Sequence[str], most: int = 8) -> str:
    """The first of many names."""
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")
