"""Fixtures of the contract's tests: the catalogue, a client, the reference networks, an operator's view."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scripts.catalogue import Model, load_catalogue
from scripts.settings import ROOT
from tests.support.client import Client
from tests.support.models import SMALL
from tests.support.operator_view import Operator
from tests.support.reference import Reference
from tests.support.sites import Site, some_of_the_nine

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack


@pytest.fixture(scope="session")
def catalogue() -> dict[str, Model]:
    """The nine models by their contract names."""
    return load_catalogue(ROOT / "models.json")


@pytest.fixture(scope="session")
def client(stack: RunningStack) -> Client:
    """A client of the nine stand-in models."""
    return Client(stack.url)


@pytest.fixture(scope="session")
def operator(stack: RunningStack) -> Operator:
    """The operator of the nine stand-in models."""
    return Operator(stack)


@pytest.fixture(scope="session")
def reference(results: Path, catalogue: dict[str, Model]) -> Reference:
    """The nine networks in torch."""
    return Reference(results, catalogue)


@pytest.fixture(scope="session")
def small_site(tmp_path_factory: pytest.TempPathFactory, results: Path, archives: Path) -> Site:
    """Four small models, for the further stacks."""
    return some_of_the_nine(tmp_path_factory.mktemp("small"), results, archives, SMALL)
