"""What the environment says of decoding, as arguments of ``read_face``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypedDict

from image_limits import DEFAULT_MAX_MEMORY, DEFAULT_MAX_PIXELS, DEFAULT_MAX_SECONDS

_MEGABYTE = 1_000_000


class DecodingOptions(TypedDict):
    """The limits and ways of decoding that an operator may set."""

    max_pixels: int
    max_memory: int
    max_seconds: float
    reduced: bool
    avif: bool
    fast: bool


def decoding_options(environment: Mapping[str, str], *, fast: bool = False) -> DecodingOptions:
    """Read ``MAX_PIXELS``, ``MAX_DECODE_MEMORY`` (MB), ``MAX_DECODE_SECONDS``, ``JPEG_DECODING`` and ``EXTRA_FORMATS``.

    An archive of ``fast`` preprocessing decodes large JPEGs at a reduced size in any case.

    Raises ValueError, which names the variable and its value, for what cannot be used.
    """
    return {
        "max_pixels": _count(environment, "MAX_PIXELS", DEFAULT_MAX_PIXELS, "pixels"),
        "max_memory": _count(environment, "MAX_DECODE_MEMORY", DEFAULT_MAX_MEMORY // _MEGABYTE, "megabytes")
        * _MEGABYTE,
        "max_seconds": _seconds(environment, "MAX_DECODE_SECONDS", DEFAULT_MAX_SECONDS),
        "reduced": _chosen(environment, "JPEG_DECODING", ("exact", "reduced")) or fast,
        "avif": _chosen(environment, "EXTRA_FORMATS", ("none", "avif")),
        "fast": fast,
    }


def _count(environment: Mapping[str, str], name: str, default: int, unit: str) -> int:
    text = environment.get(name, str(default))
    if not text.isdecimal() or int(text) == 0:
        raise ValueError(f"{name}={text!r} is not a number of {unit}; set one, such as {default}")
    return int(text)


def _seconds(environment: Mapping[str, str], name: str, default: float) -> float:
    text = environment.get(name, f"{default:g}")
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value < math.inf:
        raise ValueError(f"{name}={text!r} is not a number of seconds; set one, such as {default:g}")
    return value


def _chosen(environment: Mapping[str, str], name: str, choices: tuple[str, str]) -> bool:
    """Whether the second of two is chosen; the first one is the default."""
    text = environment.get(name, choices[0])
    if text not in choices:
        raise ValueError(f"{name}={text!r} is unknown; set {' or '.join(choices)}")
    return text == choices[1]
