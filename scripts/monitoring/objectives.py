"""The objectives of ``monitoring/slo.yml``, checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from scripts.errors import UserError

_ARCHITECTURE = re.compile(r"[A-Za-z0-9]+", re.ASCII)


class ObjectivesError(UserError):
    """The file of objectives cannot be used; the message names the value and what it must be."""


@dataclass(frozen=True)
class Objectives:
    """What the service promises.

    ``availability`` and ``latency`` are the parts of the predictions that must be good, between 0 and 1;
    ``seconds`` is how long a good answer takes at most, by architecture.
    """

    availability: float
    latency: float
    seconds: Mapping[str, float]


def read_objectives(path: Path) -> Objectives:
    """Read the file. Raises ObjectivesError for what is missing, unknown or out of its range."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ObjectivesError(f"{path.name} cannot be read ({error}); restore it from git") from error
    service = _fields(content, "the file", {"availability", "latency"})
    latency = _fields(service["latency"], "latency", {"objective", "seconds"})
    return Objectives(
        availability=_part(service["availability"], "availability"),
        latency=_part(latency["objective"], "latency: objective"),
        seconds=_seconds(latency["seconds"]),
    )


def _fields(value: Any, place: str, names: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict) or value.keys() != names:
        has = ", ".join(map(str, value)) if isinstance(value, dict) else repr(value)
        raise ObjectivesError(f"{place} has {has}; it must have exactly {', '.join(sorted(names))}")
    return value


def _part(value: Any, place: str) -> float:
    if not _is_number(value) or not 0 < value < 1:
        raise ObjectivesError(f"{place}: {value!r} is no part of a whole; give a number between 0 and 1, as 0.999")
    return float(value)


def _seconds(value: Any) -> dict[str, float]:
    if not isinstance(value, dict) or not value:
        raise ObjectivesError(f"latency: seconds: {value!r} names no architecture; give lines such as ResNet50: 0.5")
    for architecture, seconds in value.items():
        # It becomes part of a regular expression.
        if not _ARCHITECTURE.fullmatch(str(architecture)):
            raise ObjectivesError(f"latency: seconds: {architecture!r} is no architecture; use letters and digits")
        if not _is_number(seconds) or seconds <= 0:
            raise ObjectivesError(f"latency: seconds: {architecture}: {seconds!r} must be a number above 0")
    return {str(architecture): float(seconds) for architecture, seconds in value.items()}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
