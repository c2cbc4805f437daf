"""Whether stand-ins may serve: by the setting, or else where no real model was ever built."""

from __future__ import annotations

import contextlib

from scripts.settings import Settings

# In results/, which nothing cleans.
_MARK = ".real-checkpoints-were-here"


def note_real(settings: Settings) -> None:
    """Remember that an archive of a real checkpoint was built; a folder that cannot be written is left alone."""
    with contextlib.suppress(OSError):
        (settings.results_dir / _MARK).touch()


def stand_ins_may_serve(settings: Settings) -> bool:
    """Whether stand-ins are made where there is nothing, and served."""
    if settings.stand_ins == "auto":
        return not (settings.results_dir / _MARK).exists()
    return settings.stand_ins == "allowed"
