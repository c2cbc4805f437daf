"""Faults that tests cause on purpose, and undo."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Generator
from pathlib import Path


@contextlib.contextmanager
def refused(index: Path, name: str) -> Generator[None]:
    """Let the build's index refuse a model for a while."""
    text = index.read_text()
    entries = json.loads(text)
    entries[name]["error"] = "refused on purpose"
    new = index.with_suffix(".new")
    for content in (json.dumps(entries), text):
        new.write_text(content)
        new.replace(index)
        if content != text:
            yield
