"""What the proxy makes of TorchServe's lists of workers and models: the modules by themselves, under Node.js."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.proxy.modules import Call, Modules

MODEL = "M"


def described(**pids: int) -> dict[str, Any]:
    """TorchServe's description of a model with these workers."""
    return {"modelVersion": "1.0", "workers": [{"id": name, "pid": pid} for name, pid in pids.items()]}


def test_only_workers_that_are_ready_count(modules: Modules) -> None:
    """By their number it is told how long a prediction waits: one that TorchServe has given up stays in its list."""
    listed = [
        {"id": str(number), "pid": number, "status": status}
        for number, status in enumerate(["READY", "UNLOADING", "READY"], start=1)
    ]
    calls = []
    for workers in (listed, listed[:2], listed[1:2]):
        calls += [Call("models/workers.js", "record", (MODEL, {"modelVersion": "1.0", "workers": workers}))]
        calls += [Call("models/workers.js", "count", (MODEL,))]
    assert [result.returned for result in modules.call(calls)][1::2] == [2, 1, 1]


def test_the_end_of_a_worker_is_told_once_more_in_the_next_round(modules: Modules) -> None:
    """It may take a request after TorchServe has ceased to list it: who asks between the rounds must hear of it too."""
    rounds = [described(a=1, b=2), described(a=1), described(a=1), described(a=1), described(a=3), described(a=3)]
    calls = []
    for description in [*rounds, described(a=3)]:
        calls += [Call("models/workers.js", "record", (MODEL, description))]
        calls += [Call("models/workers.js", "ends", (MODEL,))]
    assert [result.returned for result in modules.call(calls)][1::2] == [0, 1, 2, 2, 3, 4, 4]


@pytest.mark.parametrize(("built", "status"), [(False, 500), (True, 503)])
def test_a_model_without_an_archive_is_not_waited_for_while_torchserve_is_away(
    modules: Modules, built: bool, status: int
) -> None:
    """A balancer would take this node for one that has the model."""
    absent = {"state": "absent", "built": built, "archive": MODEL, "error": ""}
    away = Call("models/state.js", "setAnswered", (False,))
    _, told = modules.call([away, Call("models/availability.js", "failure", (MODEL, absent))])
    assert told.returned["status"] == status


def test_restarts_of_a_canary_are_counted_under_its_version(modules: Modules, tmp_path: Path) -> None:
    """Those of the version that serves, whose workers go on, are another series."""
    files = {name: str(tmp_path / name) for name in ("trials", "trial_outcomes", "management_log")}
    trial = {"id": "a", "kind": "canary", "version": "1.1", "before": "1.0", "percent": 5, "by": "client", "limits": {}}
    (tmp_path / "trials").write_text(json.dumps({MODEL: trial}))
    served = described(a=1)
    calls = [Call("models/state.js", "setModel", (MODEL, {"archive": MODEL}))]
    for pid in (11, 12, 12, 13):
        tried = {**described(b=pid), "modelVersion": "1.1"}
        calls += [Call("models/workers.js", "record", (MODEL, served))]
        calls += [Call("poller/trials.js", "look", ([MODEL], [served]), [(200, json.dumps([tried]))])]
    told = [
        Call("counting/counters.js", "current", ("emotion_worker_restarts_total", {"model": MODEL, "version": version}))
        for version in ("1.1", "1.0")
    ]
    assert [result.returned for result in modules.call([*calls, *told], **files)][-2:] == [2, 0]
