"""A proxy in a container of its own sees no process of TorchServe's: its modules, under Node.js."""

from __future__ import annotations

import json
import os
import time
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


@pytest.mark.parametrize(("age", "told"), [(0, "starting"), (60, None)])
def test_a_supervisor_is_there_as_long_as_it_gives_signs_of_life(
    modules: Modules, tmp_path: Path, age: float, told: str | None
) -> None:
    """Whatever has its number here; in containers that is 1, which something always has."""
    said = tmp_path / "supervisor.json"
    for pid in (1, 2**30):
        said.write_text(json.dumps({"pid": pid, "parts": {"torchserve": {"state": "starting"}}}))
        os.utime(said, (time.time() - age,) * 2)
        of_torchserve = Call("models/supervision.js", "ofTorchServe", ())
        (result,) = modules.call([of_torchserve], same_container=False, supervision=str(said))
        assert result.returned == told


def test_no_memory_is_told_of_what_is_not_seen(modules: Modules) -> None:
    """That of this container, or of the machine, would be taken for that of TorchServe's."""
    calls = [Call("metrics/memory.js", "read", ()), Call("models/workers.js", "memory", ("M",))]
    assert [result.returned for result in modules.call(calls, same_container=False)] == [None, None]
    seen = modules.call(calls, memory=None)
    assert seen[0].returned["limit"] > seen[0].returned["available"] > 0
    assert seen[1].returned == 0
