"""The machine's clock is put forward or back while the proxy waits: by an hour, under Node.js."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.proxy.modules import Call, Modules

HOUR = 3_600_000
LATER, EARLIER = HOUR, -HOUR
CHANGES = pytest.mark.parametrize("change", [LATER, EARLIER], ids=["forward", "back"])
MODEL = {"archive": "M", "built": True, "error": "", "state": "ready", "pids": [], "since": 0, "served": True}
KNOWN = Call("models/state.js", "setModel", ("M", MODEL))
# How long is waited, when within that the clock is changed, and how long Node.js may take to start: ms.
WAIT, CHANGE_AFTER, START = 600, 100, 3000


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Modules:
    return Modules(tmp_path_factory.mktemp("clock"))


def uptime() -> int:
    """What counting/clock.js goes by."""
    return round(float(Path("/proc/uptime").read_text().split()[0]) * 1000)


@CHANGES
def test_a_request_that_waits_for_torchserve_waits_as_long_as_it_should(
    modules: Modules, tmp_path: Path, change: int
) -> None:
    supervision = tmp_path / "supervisor.json"
    starting = {"state": "starting", "restarts": 0}
    supervision.write_text(json.dumps({"pid": os.getpid(), "parts": {"torchserve": starting}}))
    waits = Call("models/recovery.js", "wait", ("M", uptime() + START + WAIT), clock=(CHANGE_AFTER, change))
    ends = Call("models/recovery.js", "wait", ("M", uptime()), clock=(0, change))
    waited, ended = modules.call([KNOWN, waits, ends], supervision=str(supervision))[1:]
    assert waited.returned["reason"] == ended.returned["reason"] == "torchserve_down"
    assert waited.milliseconds > CHANGE_AFTER


@CHANGES
def test_what_is_known_of_torchserve_is_old_until_it_is_asked_again(modules: Modules, change: int) -> None:
    answered, fresh = Call("models/state.js", "setAnswered", (True,)), ("models/state.js", "isFresh", ())
    changed = Call(*fresh, clock=(0, change))
    asked_again = Call("models/state.js", "setAnswered", (True,), clock=(0, change))
    results = modules.call([answered, Call(*fresh), changed, asked_again, changed])
    assert [result.returned for result in results if result.returned is not None] == [True, False, True]


@CHANGES
def test_a_mark_lasts_as_long_as_it_should(modules: Modules, change: int) -> None:
    marked = ("models/closing.js", "isMarked", ("M",))
    long, over = Call("models/closing.js", "mark", ("M", HOUR // 2)), Call("models/closing.js", "mark", ("N", -1))
    marked_of = Call("models/closing.js", "isMarked", ("N",), clock=(0, change))
    results = modules.call([long, over, Call(*marked, clock=(0, change)), marked_of])
    assert [result.returned for result in results[2:]] == [True, False]


@CHANGES
def test_a_model_does_not_count_as_failing_for_it(modules: Modules, change: int) -> None:
    before = {**MODEL, "state": "starting", "served": False, "pids": [1], "since": uptime()}
    worker = {"id": "1", "status": "UNLOADING", "pid": 1, "gpu": False}
    call = Call("models/lifecycle.js", "after", (before, {"workers": [worker]}), clock=(0, change))
    assert modules.call([call])[0].returned["state"] == "starting"


@CHANGES
def test_counts_that_were_forgotten_too_early_begin_anew(modules: Modules, change: int) -> None:
    """nginx's dictionaries forget by the time of day. A place that is given back then would leave less than nothing."""
    request = {"variables": {"places": "1 0 M 127.0.0.1"}}
    release = Call("models/admission.js", "release", (request,), clock=(0, change))
    epoch = Call("models/state.js", "read", ("epoch",))
    assert modules.call([KNOWN, release, epoch])[2].returned == 1
