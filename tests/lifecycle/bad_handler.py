"""A worker's code that does wrong when it is told to."""

from __future__ import annotations

from pathlib import Path


def bad_handler(flag: Path) -> str:
    """Code behind a handler that changes what it answers."""
    return f"""

import os as _os, re as _re, time as _time
from pathlib import Path as _Path

_handle, _inference = EmotionHandler.handle, EmotionHandler.inference


def _slow(self, prepared):
    if _Path({str(flag)!r}).exists() and _Path({str(flag)!r}).read_text() == "slow":
        _time.sleep(0.5)
    return _inference(self, prepared)


def _bad(self, data, context):
    fault = _Path({str(flag)!r}).read_text() if _Path({str(flag)!r}).exists() else ""
    if fault == "raises":
        raise RuntimeError("broken on purpose")
    if fault == "dies":
        _os._exit(1)
    answers = _handle(self, data, context)
    if fault == "labels":
        return [answer.replace("happy", "merry") for answer in answers]
    if fault == "otherwise":
        return [_re.sub('("top_emotion": *")[a-z]+', r"\\1happy", answer) for answer in answers]
    return answers


EmotionHandler.handle, EmotionHandler.inference = _bad, _slow
"""
