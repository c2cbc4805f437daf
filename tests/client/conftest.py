"""A picture to ask about, and a service that makes its clients wait."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.access.key_file import KeyFile
from tests.support.models import OTHER
from tests.support.places import SAMPLES
from tests.support.sites import some_of_the_nine
from tests.support.stacks import RunningStack, StartStack


@pytest.fixture(scope="package")
def keys(tmp_path_factory: pytest.TempPathFactory) -> KeyFile:
    """The keys of the stack that wants one."""
    return KeyFile(tmp_path_factory.mktemp("keys") / "keys.json")


@pytest.fixture(scope="package")
def key(keys: KeyFile) -> str:
    """One of them."""
    return keys.add("app")


@pytest.fixture(scope="package")
def limited(
    start_stack: StartStack,
    tmp_path_factory: pytest.TempPathFactory,
    results: Path,
    archives: Path,
    keys: KeyFile,
    key: str,
) -> Iterator[RunningStack]:
    """A stack that takes one prediction a second with ``key``, and none without."""
    site = some_of_the_nine(tmp_path_factory.mktemp("limited"), results, archives, (OTHER,))
    settings = {"ALLOW_ANONYMOUS": "0", "API_KEYS_FILE": str(keys.path), "RATE_LIMIT": "1", "RATE_BURST": "0"}
    with start_stack(**site.places, **settings) as running:
        yield running


@pytest.fixture(scope="session")
def face() -> Path:
    """A drawing of a face, as JPEG."""
    return SAMPLES / "happiness.jpg"
