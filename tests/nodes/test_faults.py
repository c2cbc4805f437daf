"""Whatever happens to one of two nodes, none of eight clients of the balancer sees an error."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from pathlib import Path

from tests.monitoring.scrape import Scrape
from tests.nodes.balancers import (
    address,
    hung,
    in_flight,
    is_up,
    kill,
    places,
    running_balancer,
    start,
    stop,
    wait_until_up,
)
from tests.nodes.load import Load
from tests.nodes.relays import Relay
from tests.support.models import ARCHIVE, SERVED
from tests.support.operator_view import Operator
from tests.support.polling import poll
from tests.support.stacks import RunningStack


def outcomes(balancer: RunningStack, node: str, outcome: str) -> float:
    """How many requests to the node have come to this."""
    return Scrape(balancer.url).value("emotion_node_requests_total", node=node, outcome=outcome)


@contextlib.contextmanager
def answering(balancer: RunningStack, node: RunningStack) -> Generator[None]:
    """The node has a request under way in the block, which its worker does not answer."""
    with Operator(node).frozen(ARCHIVE):
        asked = "emotion_node_requests_in_flight"
        poll(lambda: Scrape(balancer.url).value(asked, node=address(node)), lambda count: count > 0)
        yield


def test_equal_nodes_share_the_load(balancer: RunningStack, nodes: list[RunningStack], relay: Relay) -> None:
    names = [address(nodes[0]), relay.address]
    before = [outcomes(balancer, node, "answered") for node in names]
    with Load(balancer.url, SERVED) as load:
        load.go_on(80)
    shares = [outcomes(balancer, node, "answered") - count for node, count in zip(names, before, strict=True)]
    assert min(shares) > sum(shares) / 4


def test_a_node_that_is_slow_is_asked_less(balancer: RunningStack, nodes: list[RunningStack]) -> None:
    """Of eight clients it holds no more than half; in turns, it would hold all of them."""
    with Load(balancer.url, SERVED) as load:
        load.go_on()
        with Operator(nodes[0]).frozen(ARCHIVE):
            load.go_on(40)
        load.go_on()


def test_a_node_is_killed_and_comes_back(balancer: RunningStack, nodes: list[RunningStack]) -> None:
    node = address(nodes[0])
    before = outcomes(balancer, node, "lost")
    with Load(balancer.url, SERVED) as load:
        load.go_on()
        with answering(balancer, nodes[0]):
            kill(nodes[0])
        load.go_on()
        assert outcomes(balancer, node, "lost") > before
        start(nodes[0])
        wait_until_up(balancer, node)
        answered = outcomes(balancer, node, "answered")
        load.go_on()
        assert outcomes(balancer, node, "answered") > answered


def test_a_node_loses_its_torchserve(balancer: RunningStack, nodes: list[RunningStack]) -> None:
    """Its proxy then answers 503, for a second as a node that has the model."""
    node = address(nodes[0])
    with Load(balancer.url, SERVED) as load:
        load.go_on()
        with answering(balancer, nodes[0]):
            kill(nodes[0], parts=("torchserve",))
        load.go_on()
        poll(lambda: outcomes(balancer, node, "refused"), lambda count: count > 0)
        stop(nodes[0])
        start(nodes[0])
        poll(lambda: places(balancer, SERVED), lambda found: found == 2)
        load.go_on()


def test_a_node_hangs(balancer: RunningStack, nodes: list[RunningStack]) -> None:
    node = address(nodes[0])
    with Load(balancer.url, SERVED) as load:
        load.go_on()
        with hung(nodes[0]):
            wait_until_up(balancer, node, up=False)
            load.go_on()
        wait_until_up(balancer, node)
        load.go_on()
    assert outcomes(balancer, node, "silent") > 0
    poll(lambda: in_flight(balancer), lambda count: count == 0)


def test_the_network_to_a_node_is_cut(balancer: RunningStack, relay: Relay) -> None:
    before = outcomes(balancer, relay.address, "silent")
    with Load(balancer.url, SERVED) as load:
        load.go_on()
        with relay.cut():
            wait_until_up(balancer, relay.address, up=False)
            load.go_on()
        wait_until_up(balancer, relay.address)
        load.go_on()
    assert outcomes(balancer, relay.address, "silent") > before


def test_nodes_are_upgraded_one_after_the_other(
    balancer: RunningStack, nodes: list[RunningStack], relay: Relay
) -> None:
    """Each is drained by an ordinary stop, and is asked again once its model is READY."""
    with Load(balancer.url, SERVED) as load:
        for node, name in zip(nodes, [address(nodes[0]), relay.address], strict=True):
            stop(node)
            wait_until_up(balancer, name, up=False)
            load.go_on()
            start(node)
            wait_until_up(balancer, name)
            load.go_on()


def test_a_node_is_added(nodes: list[RunningStack], tmp_path: Path) -> None:
    """NODES may name one that is to come."""
    names = [address(node) for node in nodes]
    stop(nodes[1])
    with running_balancer(tmp_path / "run", names) as balancer, Load(balancer.url, SERVED) as load:
        load.go_on()
        assert not is_up(balancer, names[1])
        start(nodes[1])
        wait_until_up(balancer, names[1])
        load.go_on()
        assert outcomes(balancer, names[1], "answered") > 0
