"""A settings file: lines of NAME=value, with the names of the environment."""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection
from pathlib import Path

from scripts.environment import SettingsError


def read_settings_file(root: Path, names: Collection[str]) -> dict[str, str]:
    """The values in the file that SETTINGS names, or else in ``settings.env``, if there is one; by their names.

    All of these must be among ``names``. Empty lines and those that begin with # are passed over; quotes around a value
    are taken off. ``root`` is where relative paths start. Raises SettingsError.
    """
    named = os.environ.get("SETTINGS", "").strip()
    path = root / (named or "settings.env")
    if not named and not path.exists():
        return {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"SETTINGS={path}: cannot be read ({error}); name a text file") from error
    values: dict[str, str] = {}
    for number, line in enumerate(map(str.strip, lines), start=1):
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.partition("=")
        name, place = name.strip(), f"{path.name}, line {number}"
        if not equals:
            raise SettingsError(f"{place}: {line!r} is no setting; write NAME=value")
        if name not in names:
            raise SettingsError(f"{place}: there is no setting {name}{_nearest(name, names)}")
        if name in values:
            raise SettingsError(f"{place}: {name} is set a second time; keep one")
        values[name] = _unquoted(value.strip())
    return values


def readable_settings_file(root: Path, names: Collection[str]) -> dict[str, str]:
    """The same; nothing of a file that cannot be used."""
    try:
        return read_settings_file(root, names)
    except SettingsError:
        return {}


def _nearest(name: str, names: Collection[str]) -> str:
    found = difflib.get_close_matches(name.upper(), names, 1)
    return f"; did you mean {found[0]}?" if found else "; docs/configuration.md lists them"


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if quoted else value
