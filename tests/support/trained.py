"""A stand-in that says it is none."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

from tests.support.operator_view import Operator
from tests.support.stacks import RunningStack


@contextlib.contextmanager
def as_if_trained(stack: RunningStack, archive_name: str) -> Iterator[None]:
    """Let the archive that runs say, where the proxy reads it, that it holds a real checkpoint."""
    file = Path(Operator(stack).describe(archive_name)["modelUrl"]) / "model.json"
    before = file.read_text()
    file.unlink()  # the same file may be linked elsewhere
    file.write_text(json.dumps({**json.loads(before), "stand_in": False}))
    try:
        yield
    finally:
        file.write_text(before)
