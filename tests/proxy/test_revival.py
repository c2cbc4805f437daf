"""Workers that TorchServe has given up are started anew: what the proxy asks for, by its modules under Node.js."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import pytest

from tests.proxy.modules import Call, Modules

MODEL = Call("models/state.js", "setModel", ("M", {"archive": "M"}))
NOBODY = 2**30  # no process has this number
# Rounds after which one without a process is started anew, and after which TorchServe itself starts none any more.
ROUNDS, MANY = 20, 150


def worker(number: int, status: str = "UNLOADING", pid: int = NOBODY) -> dict[str, Any]:
    return {"id": str(number), "status": status, "pid": pid}


def asked(
    modules: Modules, rounds: Sequence[Sequence[dict[str, Any]]], wanted: int = 2, same_container: bool = True
) -> list[tuple[int, list[str]]]:
    """In which rounds the poller had TorchServe scale, and how, as "least-most"."""
    calls = [
        Call("poller/revival.js", "look", ("M", {"minWorkers": wanted, "workers": workers}), [(202, "")] * 3)
        for workers in rounds
    ]
    results = modules.call([MODEL, *calls], same_container=same_container)[1:]
    scaled = [[url.replace("&max_worker=", "-").rpartition("min_worker=")[2] for url in one.asked] for one in results]
    return [(number, numbers) for number, numbers in enumerate(scaled, start=1) if numbers]


READY, OTHER = worker(1, "READY", os.getpid()), worker(2, "READY", os.getpid())
DEAD = worker(0)


@pytest.mark.parametrize(
    ("workers", "expected"),
    [
        ([DEAD, worker(1)], (ROUNDS, ["0-0", "2-2"])),
        ([READY, DEAD], (ROUNDS, ["1-1", "2-2"])),
        # What TorchServe takes away, it takes from the end: the one that is READY stays.
        ([DEAD, READY], (MANY, ["2-2", "3-3", "2-3"])),
    ],
    ids=["all", "the last", "the first"],
)
def test_what_is_given_up_is_started_anew_and_nothing_ready_ends(
    modules: Modules, workers: list[dict[str, Any]], expected: tuple[int, list[str]]
) -> None:
    assert asked(modules, [workers] * expected[0]) == [expected]


def test_nothing_is_done_where_enough_are_ready(modules: Modules) -> None:
    assert asked(modules, [[DEAD, READY, OTHER]] * (MANY + ROUNDS)) == []
    assert asked(modules, [[READY]] * (MANY + ROUNDS)) == []


def test_one_that_loads_is_given_the_time(modules: Modules) -> None:
    loading = worker(0, pid=os.getpid())
    assert asked(modules, [[loading]] * (MANY + ROUNDS), wanted=1) == []


def test_one_in_another_container_is_given_the_time_that_torchserve_gives_it(modules: Modules) -> None:
    """No process is seen there: only that TorchServe has started another one."""
    assert asked(modules, [[DEAD]] * MANY, 1, same_container=False) == [(MANY, ["0-0", "1-1"])]
    started = [[worker(0, pid=NOBODY + number // (MANY - 1))] for number in range(2 * MANY)]
    assert asked(modules, started, 1, same_container=False) == []
    loaded = [*[[DEAD]] * (MANY - 1), [READY], *[[DEAD]] * (MANY - 1)]
    assert asked(modules, loaded, 1, same_container=False) == []
