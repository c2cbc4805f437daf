"""Who is in a picture, where the names of files tell: CK+ calls its frames S005_001_00000011.png."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePath

_CK_PLUS = re.compile(r"^(S\d{3})_\d{3}_\d{8}", re.IGNORECASE)


def person(name: str) -> str | None:
    """The subject of a frame of CK+ by the file's name, None for any other name."""
    found = _CK_PLUS.match(PurePath(name).name)
    return found[1].upper() if found else None


def people(names: Iterable[str]) -> list[str] | None:
    """The subject in each picture, or None unless every name tells."""
    found = [person(name) for name in names]
    told = [one for one in found if one]
    return told if found and len(told) == len(found) else None


def on_both_sides(evaluated: Iterable[str], training: Iterable[str]) -> list[str]:
    """The subjects of CK+ that both sets of file names have, sorted."""
    one, other = ({person(name) for name in names} for names in (evaluated, training))
    return sorted(subject for subject in one & other if subject)
