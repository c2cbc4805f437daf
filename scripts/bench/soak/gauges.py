"""What the proxy says is under way, when nobody asks any more."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import requests

_SECONDS = 10.0
_SAMPLE = re.compile(r"^emotion_predictions_in_flight(?:\{[^}]*\})? (\S+)$", re.MULTILINE)


def in_flight(port: int) -> float:
    """The predictions that the proxy on ``127.0.0.1:port`` counts as under way, of all models."""
    answer = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=_SECONDS)
    answer.raise_for_status()
    return sum(float(value) for value in _SAMPLE.findall(answer.text))


def settled(read: Callable[[], float], seconds: float) -> float:
    """What ``read`` returns last: 0, or what is left after ``seconds``."""
    end = time.monotonic() + seconds
    while (value := read()) and time.monotonic() < end:
        time.sleep(1)
    return value
