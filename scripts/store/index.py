"""``model_store/index.json``: what the build says of each model, read by the stack and the proxy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypedDict

from scripts.files import write_text


class IndexEntry(TypedDict, total=False):
    """One model. ``error`` says why it must not be served, ``warning`` what its users should know."""

    archive: str | None
    version: str
    stand_in: bool
    runtime: str
    precision: str
    sha256: str
    error: str | None
    warning: str


def read_index(path: Path) -> dict[str, IndexEntry]:
    """The entries by the models' contract names; empty if nothing was built yet."""
    try:
        entries: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return entries


def write_index(path: Path, entries: dict[str, IndexEntry]) -> None:
    """Replace the index in one step, so that no reader sees half of it."""
    write_text(path, json.dumps(entries, indent=2, ensure_ascii=False) + "\n")
