"""Whatever happens to one of two nodes, no client of the balancer sees an error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.nodes.balancers import address, hung, kill, places, running_balancer, start, wait_until_up
from tests.nodes.load import Load
from tests.support import images
from tests.support.models import SERVED
from tests.support.polling import poll
from tests.support.sites import Site, some_of_the_nine
from tests.support.stacks import RunningStack, StartStack

FRAME = images.frame(7)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, results: Path, archives: Path) -> Site:
    return some_of_the_nine(tmp_path_factory.mktemp("site"), results, archives, [SERVED])


@pytest.fixture(scope="module")
def nodes(start_stack: StartStack, site: Site) -> Iterator[list[RunningStack]]:
    """Two, with the same model."""
    with ExitStack() as exits:
        yield [exits.enter_context(start_stack(**site.places)) for _ in range(2)]


@pytest.fixture(scope="module")
def balancer(nodes: list[RunningStack], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    with running_balancer(tmp_path_factory.mktemp("balancer") / "run", [address(node) for node in nodes]) as running:
        poll(lambda: places(running, SERVED), lambda found: found == 2)
        yield running


def test_a_node_is_killed(balancer: RunningStack, nodes: list[RunningStack]) -> None:
    with Load(balancer.url, SERVED, FRAME) as load:
        load.go_on()
        kill(nodes[0])
        load.go_on()
        start(nodes[0])
        wait_until_up(balancer, nodes[0])
        load.go_on()


def test_a_node_hangs(balancer: RunningStack, nodes: list[RunningStack]) -> None:
    with Load(balancer.url, SERVED, FRAME) as load:
        load.go_on()
        with hung(nodes[0]):
            wait_until_up(balancer, nodes[0], up=False)
            load.go_on()
        wait_until_up(balancer, nodes[0])
        load.go_on()
