"""A stack with two models that the tests may harm, its client and its operator."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.client import Client
from tests.support.operator_view import Operator
from tests.support.stores import Store

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack, StartStack

MODEL, OTHER = "MobileNetV2_CK+48", "MobileNetV2_FER2013"
ARCHIVE = "MobileNetV2_CKplus48"


@pytest.fixture(scope="package")
def store(tmp_path_factory: pytest.TempPathFactory, results: Path, archives: Path) -> Store:
    """The two models by themselves."""
    return Store(tmp_path_factory.mktemp("monitoring"), results, archives, (MODEL, OTHER))


@pytest.fixture(scope="package")
def monitored(start_stack: StartStack, store: Store) -> Iterator[RunningStack]:
    """A stack that serves them."""
    with start_stack(**store.settings) as stack:
        yield stack


@pytest.fixture(scope="package")
def client(monitored: RunningStack) -> Client:
    """Its client."""
    return Client(monitored.url)


@pytest.fixture(scope="package")
def operator(monitored: RunningStack) -> Operator:
    """Its operator."""
    return Operator(monitored)
