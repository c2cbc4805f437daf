"""A picture to ask about, and a service that makes its clients wait."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.places import SAMPLES
from tests.support.stacks import RunningStack, StartStack
from tests.support.stores import FAST, Store


@pytest.fixture(scope="package")
def limited(
    start_stack: StartStack, tmp_path_factory: pytest.TempPathFactory, results: Path, archives: Path
) -> Iterator[RunningStack]:
    """A stack that takes one prediction a second from a client."""
    store = Store(tmp_path_factory.mktemp("limited"), results, archives, (FAST,))
    with start_stack(**store.settings, RATE_LIMIT="1", RATE_BURST="0") as running:
        yield running


@pytest.fixture(scope="session")
def face() -> Path:
    """A drawing of a face, as JPEG."""
    return SAMPLES / "happiness.jpg"
