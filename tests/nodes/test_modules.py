"""What a balancer makes of what its nodes say, and whom it asks: the modules by themselves, under Node.js."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.proxy.modules import Call, Modules

NODES = "a:1 b:2 c:3"
COUNT = 3
LEVELS = ("ready", "able", "listed")


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Modules:
    return Modules(tmp_path_factory.mktemp("modules"))


def said(loaded: bool, error: str | None = None, **more: Any) -> dict[str, Any]:
    """What a node says of its one model M."""
    entry = {"emotions": ["happy"], "version": "1.0", **more, **({"error": error} if error else {})}
    return {"models": {"M": entry}, "loaded": ["M"] if loaded else [], "gpu": False}


def union_of(modules: Modules, nodes: list[tuple[str, dict[str, Any]]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is recorded of M, and where it is, by the state of each node and what it said."""
    calls = [Call("nodes/known.js", "setState", (index, state)) for index, (state, _) in enumerate(nodes)]
    calls += [Call("nodes/union.js", "note", (index, told)) for index, (_, told) in enumerate(nodes)]
    calls += [Call("nodes/union.js", "record", ())]
    calls += [Call("models/state.js", "model", ("M",)), Call("nodes/known.js", "places", ("M",))]
    *_, model, places = modules.call(calls, nodes=NODES)
    return model.returned, places.returned


def test_one_node_that_has_a_model_is_enough(modules: Modules) -> None:
    model, places = union_of(modules, [("up", said(False, "no archive")), ("up", said(True, version="2.0"))])
    assert (model["state"], model["error"], model["facts"]["version"]) == ("ready", "", "2.0")
    assert places == {"ready": [1], "able": [], "listed": [1]}


def test_a_node_that_would_load_a_model_counts_more_than_one_that_cannot(modules: Modules) -> None:
    model, places = union_of(modules, [("up", said(False, "no archive")), ("up", said(False, version="2.0"))])
    assert (model["state"], model["error"], model["facts"]["version"]) == ("idle", "", "2.0")
    assert places == {"ready": [], "able": [1], "listed": [1]}


def test_the_reason_of_a_node_is_told_where_no_node_has_the_model(modules: Modules) -> None:
    model, _ = union_of(modules, [("up", said(False, "no archive"))])
    assert (model["state"], model["error"]) == ("idle", "no archive")
    assert "error" not in model["facts"]


@pytest.mark.parametrize("away", ["refused", "silent"])
def test_a_model_is_not_broken_while_its_own_pool_is_away(modules: Modules, away: str) -> None:
    model, places = union_of(modules, [("up", said(False, "no archive")), (away, said(True, version="2.0"))])
    assert (model["error"], model["facts"]["version"]) == ("", "2.0")
    assert places == {"ready": [1], "able": [], "listed": [1]}


def test_the_node_on_which_it_will_be_soon_says_why_it_is_not_there_yet(modules: Modules) -> None:
    loading = said(False, "still loading", version="2.0", retry_after=2)
    model, places = union_of(modules, [("up", said(False, "no archive")), ("up", loading)])
    assert (model["error"], model["retry_after"], model["facts"]["version"]) == ("still loading", 2, "2.0")
    assert "retry_after" not in model["facts"]
    assert places == {"ready": [], "able": [], "listed": [1]}


def test_a_model_whose_node_is_away_is_still_known(modules: Modules) -> None:
    model, _ = union_of(modules, [("refused", said(True)), ("silent", said(True))])
    assert (model["state"], model["facts"]["version"]) == ("idle", "1.0")


def allowed(places: dict[str, dict[str, list[int]]], up: list[int], tried: list[int], busy: list[int]) -> list[int]:
    """The nodes that may be asked next, as docs/nodes.md has it."""
    for level in LEVELS[: 2 if tried else 3]:
        counts = {node: sum(node in of[level] for of in places.values()) for node in up if node not in tried}
        best = [node for node, count in counts.items() if count and count == max(counts.values())]
        if best:
            least = min(busy[node] for node in best)
            return [node for node in best if busy[node] == least]
    return []


def test_the_least_busy_of_the_nodes_that_have_most_of_the_models_is_asked(modules: Modules) -> None:
    noise = random.Random(8)
    busy = [2, 1, 1]
    calls = [
        Call("nodes/under_way.js", "begin", ({"variables": {}}, node))
        for node in range(COUNT)
        for _ in range(busy[node])
    ]
    expected = []
    for _ in range(500):
        up = [node for node in range(COUNT) if noise.random() < 0.8]
        tried = [node for node in range(COUNT) if noise.random() < 0.2]
        places = {
            name: {level: [node for node in range(COUNT) if noise.random() < 0.4] for level in LEVELS}
            for name in noise.choice([["M"], ["M", "N"]])
        }
        calls += [Call("nodes/known.js", "setState", (node, "up" if node in up else "silent")) for node in range(COUNT)]
        calls += [Call("nodes/known.js", "setPlaces", place) for place in places.items()]
        calls += [Call("nodes/choosing.js", "next", (list(places), tried))]
        expected.append(allowed(places, up, tried, busy))
    results = modules.call(calls, nodes=NODES)
    chosen = [result.returned for call, result in zip(calls, results, strict=True) if call.name == "next"]
    for choice, nodes in zip(chosen, expected, strict=True):
        assert (choice is None and nodes == []) or choice["index"] in nodes
    assert sum(choice is not None for choice in chosen) > 300
