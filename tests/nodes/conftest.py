"""Two nodes with the same model, the second behind a network that can be cut, and a balancer before them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.nodes.balancers import address, places, running_balancer
from tests.nodes.relays import Relay
from tests.support.models import SERVED
from tests.support.polling import poll
from tests.support.sites import Site, some_of_the_nine
from tests.support.stacks import RunningStack, StartStack


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, results: Path, archives: Path) -> Site:
    return some_of_the_nine(tmp_path_factory.mktemp("site"), results, archives, [SERVED])


@pytest.fixture(scope="module")
def nodes(start_stack: StartStack, site: Site) -> Iterator[list[RunningStack]]:
    with ExitStack() as exits:
        yield [exits.enter_context(start_stack(**site.places, CPUS="1")) for _ in range(2)]


@pytest.fixture(scope="module")
def relay(nodes: list[RunningStack]) -> Iterator[Relay]:
    with closing(Relay(nodes[1].settings.port)) as relay:
        yield relay


@pytest.fixture(scope="module")
def balancer(
    nodes: list[RunningStack], relay: Relay, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningStack]:
    with running_balancer(tmp_path_factory.mktemp("balancer") / "run", [address(nodes[0]), relay.address]) as running:
        poll(lambda: places(running, SERVED), lambda found: found == 2)
        yield running
