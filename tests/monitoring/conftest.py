"""A stack with two models that the tests may harm, its client and its operator."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.monitoring.collector import Collector, running_collector
from tests.support.client import Client
from tests.support.models import OTHER, SERVED
from tests.support.operator_view import Operator
from tests.support.sites import Site, some_of_the_nine

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack, StartStack


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory, results: Path, archives: Path) -> Site:
    """The two models by themselves."""
    return some_of_the_nine(tmp_path_factory.mktemp("monitoring"), results, archives, (SERVED, OTHER))


@pytest.fixture(scope="package")
def collector() -> Iterator[Collector]:
    """What the stack's workers export their spans to."""
    with running_collector() as collector:
        yield collector


@pytest.fixture(scope="package")
def monitored(start_stack: StartStack, site: Site, collector: Collector) -> Iterator[RunningStack]:
    """A stack that serves them, and traces."""
    with start_stack(**site.places, OTLP_ENDPOINT=collector.url) as stack:
        yield stack


@pytest.fixture(scope="package")
def client(monitored: RunningStack) -> Client:
    """Its client."""
    return Client(monitored.url)


@pytest.fixture(scope="package")
def operator(monitored: RunningStack) -> Operator:
    """Its operator."""
    return Operator(monitored)
