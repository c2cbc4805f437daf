"""What the proxy makes of TorchServe's lists of workers and models: the modules by themselves, under Node.js."""

from __future__ import annotations

from typing import Any

import pytest

from tests.proxy.modules import Call, Modules

MODEL = "M"


def described(**pids: int) -> dict[str, Any]:
    """TorchServe's description of a model with these workers."""
    return {"modelVersion": "1.0", "workers": [{"id": name, "pid": pid} for name, pid in pids.items()]}


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
