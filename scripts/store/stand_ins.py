"""Whether stand-ins may serve: by the setting, or else where no real model was ever built or served."""

from __future__ import annotations

import contextlib
from pathlib import Path

from scripts.settings import Settings

# In results/, which nothing cleans; in the run directory where that cannot be written.
_MARK = ".real-checkpoints-were-here"


def note_real(settings: Settings) -> None:
    """Remember that an archive of a real checkpoint was built or served, unless no folder can be written."""
    for mark in _marks(settings):
        with contextlib.suppress(OSError):
            mark.touch()
            return


def stand_ins_may_serve(settings: Settings) -> bool:
    """Whether stand-ins are made where there is nothing, and served."""
    if settings.stand_ins == "auto":
        return not any(mark.exists() for mark in _marks(settings))
    return settings.stand_ins == "allowed"


def _marks(settings: Settings) -> tuple[Path, Path]:
    return settings.results_dir / _MARK, settings.run_dir / _MARK
