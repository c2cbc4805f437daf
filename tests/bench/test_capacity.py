"""How many nodes does a rate need? By hand-made figures, and by those of the documentation."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from scripts.bench.__main__ import FIGURES, main
from scripts.bench.capacity import CapacityError, Node, capacity_table, checked, costs, need

MIX = {"MobileNetV2": 1.0}


@pytest.fixture
def figures(result: dict[str, Any]) -> dict[str, Any]:
    """A run on two cores: 100 requests a second, 1 ms of the proxy for each, 100 kB on the network."""
    result["breakdown"]["MobileNetV2"]["cpu"]["proxy"] = 1.0
    result["generator"]["request_bytes"] = 99_100
    names = ("torchserve", "worker MobileNetV2_FER2013", "worker VGG19_FER2013")
    result["memory"]["stack"] = [{"name": name, "pss": 1000.0} for name in names]
    return result


def test_a_mean_request_costs_its_share_of_each_architecture(figures: dict[str, Any]) -> None:
    cost = costs(figures, MIX)
    assert (cost.core_seconds, cost.proxy, cost.bytes, cost.memory) == (0.02, 1.0, 100_000, 2.0)
    slow = {**figures["cases"][1], "title": "VGG19", "stack": {**figures["cases"][1]["stack"], "rate": 10.0}}
    figures["cases"].append(slow)
    figures["breakdown"]["VGG19"] = {"cpu": {"proxy": 3.0}}
    both = costs(figures, {"MobileNetV2": 3.0, "VGG19": 1.0})
    assert both.core_seconds == pytest.approx(0.75 * 0.02 + 0.25 * 0.2)
    assert (both.proxy, both.memory) == (1.5, 3.0)


@pytest.mark.parametrize(
    ("rate", "node", "nodes", "limit", "balancers"),
    [
        (400, Node(cores=4, memory=8, network=10), 5, "cores", 2),  # 100 a second each, and one to spare
        (401, Node(cores=4, memory=8, network=10), 6, "cores", 2),
        (10_000, Node(cores=4, memory=8, network=10), 101, "cores", 6),  # a balancer computes 2,000 a second
        (1_000, Node(cores=400, memory=8, network=0.16), 11, "network", 11),  # 100 a second each
    ],
    ids=["cores", "one-more", "balancers", "network"],
)
def test_what_saturates_first_decides(
    figures: dict[str, Any], rate: float, node: Node, nodes: int, limit: str, balancers: int
) -> None:
    found = need(rate, costs(figures, MIX), node, utilisation=0.5)
    assert (found.nodes, found.limit, found.balancers) == (nodes, limit, balancers)
    assert found.gigabits == pytest.approx(rate * 100_000 * 8 / 1e9)


def test_the_table_tells_the_price(figures: dict[str, Any]) -> None:
    node = Node(cores=4, memory=8, network=10, price=0.5)
    table = capacity_table([need(400, costs(figures, MIX), node, utilisation=0.5)], node)
    assert table.rows == [("400", "5", "100.0/s", "cores", "2", "0.32", "3.50", "2.43")]


def test_what_cannot_be_planned_is_told(figures: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CapacityError, match=r"models hold 2\.0 GB and a node has 1"):
        need(1, costs(figures, MIX), Node(cores=4, memory=1, network=10), utilisation=0.5)
    with pytest.raises(CapacityError, match="VGG19 in int8 with 8 clients is not among the figures"):
        costs(figures, {"VGG19": 1.0}, "int8")
    for wrong in ("MobileNetV2=0", "MobileNetV2=often", "AlexNet=1"):
        assert main(["plan", "--mix", wrong]) == 2
    assert "NAME=WEIGHT" in capsys.readouterr().err


def test_the_model_agrees_with_what_was_measured(capsys: pytest.CaptureFixture[str]) -> None:
    """The load of all models was measured by itself, on the machine of the documentation's figures."""
    assert main(["plan"]) == 0
    said, measured = (
        float(number) for number in re.findall(r"([0-9.]+) (?:requests|were)", capsys.readouterr().out)[-2:]
    )
    assert said == pytest.approx(measured, rel=0.25)
    assert checked(json.loads(Path(FIGURES).read_text()))


def test_a_run_without_the_mixed_load_is_not_checked(figures: dict[str, Any]) -> None:
    assert checked(figures) == []
