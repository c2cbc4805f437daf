"""A file that says what shall run: which models, in which versions, with how many workers."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from scripts.errors import UserError
from scripts.lifecycle.listing import Row

_KEYS = ("version", "sha256", "precision", "workers")


class DesiredError(UserError):
    """A file cannot say what shall run; the message names the place and the remedy. Nothing was changed."""


@dataclass(frozen=True)
class Wish:
    """What shall run of one model. What is None may be anything; without a version the one that serves stays."""

    model: str
    version: str | None = None
    sha256: str | None = None
    precision: str | None = None
    workers: int | None = None

    def accepts(self, version: str | None, sha256: str | None, precision: str | None) -> bool:
        """Whether an archive is one that is wished for."""
        pairs = ((self.version, version), (self.sha256, sha256), (self.precision, precision))
        return all(wished in (None, found) for wished, found in pairs)


def read_wishes(path: Path) -> list[Wish]:
    """The wishes of a file. Raises DesiredError."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DesiredError(f"{path}: cannot be read ({error})") from error
    models = content.get("models") if isinstance(content, dict) else None
    if not isinstance(models, dict) or not models:
        raise DesiredError(f"{path}: has no models below `models:`; `scripts/models export` writes such a file")
    return [_wish(path, str(name), wished) for name, wished in models.items()]


def written(rows: Sequence[Row]) -> str:
    """What runs, as a file that ``read_wishes`` reads."""
    models = {
        row.model: {
            key: value
            for key, value in zip(_KEYS, (row.version, row.sha256, row.precision, row.workers), strict=True)
            if value is not None
        }
        for row in rows
        if row.default
    }
    return yaml.safe_dump({"models": models}, sort_keys=False, allow_unicode=True)


def _wish(path: Path, name: str, wished: Any) -> Wish:
    values: Mapping[Any, Any] = {} if wished is None else wished
    if not isinstance(values, dict):
        raise DesiredError(f"{path}: {name}: {wished!r} is no mapping of {', '.join(_KEYS)}")
    for key, value in values.items():
        if key not in _KEYS:
            nearest = difflib.get_close_matches(str(key), _KEYS, 1) or _KEYS
            raise DesiredError(f"{path}: {name}: unknown key {key!r}; use {', '.join(nearest)}")
        _require_type(path, name, key, value)
    return Wish(name, **values)


def _require_type(path: Path, name: str, key: str, value: Any) -> None:
    if key == "workers":
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise DesiredError(f"{path}: {name}: workers: {value!r} is not a whole number of 0 or more")
    elif not isinstance(value, str):
        raise DesiredError(f'{path}: {name}: {key}: {value!r} is not a text; put it in quotes, as in "{value}"')
