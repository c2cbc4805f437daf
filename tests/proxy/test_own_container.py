"""A proxy in a container of its own sees no process of TorchServe's: its modules, under Node.js."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path

import pytest

from scripts.files import renewed
from tests.proxy.modules import Call, Modules

# Longer than a mark counts that nobody renews, ms.
LONGER = 5500


def pause(milliseconds: int) -> Call:
    return Call("http/pause.js", "call", (None, milliseconds))


@pytest.mark.parametrize("is_renewed", [True, False], ids=["renewed", "not renewed"])
def test_a_mark_holds_as_long_as_it_is_renewed(modules: Modules, tmp_path: Path, is_renewed: bool) -> None:
    """The number of the process that wrote it says nothing where that is not seen."""
    mark = tmp_path / "closing.json"
    mark.write_text(json.dumps({"archives": ["M"]}))
    poll, is_marked = Call("models/closing.js", "begin", ()), Call("models/closing.js", "isMarked", ("M",))
    with renewed(mark) if is_renewed else nullcontext():
        results = modules.call([poll, is_marked, pause(LONGER), poll, is_marked], closing=str(mark))
    assert [results[1].returned, results[4].returned] == [True, is_renewed]
