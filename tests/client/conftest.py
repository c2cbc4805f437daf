"""A picture to ask about, and a service that makes its clients wait."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.models import OTHER
from tests.support.places import SAMPLES
from tests.support.sites import some_of_the_nine
from tests.support.stacks import RunningStack, StartStack


@pytest.fixture(scope="package")
def limited(
    start_stack: StartStack, tmp_path_factory: pytest.TempPathFactory, results: Path, archives: Path
) -> Iterator[RunningStack]:
    """A stack that takes one prediction a second from a client."""
    site = some_of_the_nine(tmp_path_factory.mktemp("limited"), results, archives, (OTHER,))
    with start_stack(**site.places, RATE_LIMIT="1", RATE_BURST="0") as running:
        yield running


@pytest.fixture(scope="session")
def face() -> Path:
    """A drawing of a face, as JPEG."""
    return SAMPLES / "happiness.jpg"
