"""Archives that are missing, damaged or do not load: each model fails alone, with its reason."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from . import images
from .assertions import assert_error, assert_health, assert_models, assert_prediction
from .client import Client
from .polling import poll
from .reference import Reference
from .stores import Store

if TYPE_CHECKING:
    from tests.conftest import StartStack

GOOD = "MobileNetV2_FER2013"
FAILED_BUILD = "MobileNetV2_CK+48"
MISSING = "MobileNetV2_RAF-DB"
DAMAGED = "ResNet50_CK+48"
NOT_LOADING = "ResNet50_FER2013"
BAD = (FAILED_BUILD, MISSING, DAMAGED, NOT_LOADING)
REASON = "MobileNetV2_CK+48_best.pt is a Git LFS pointer, not a checkpoint; run 'git lfs pull' and build again"
FRAME = images.frame(9)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, archives: Path) -> Store:
    """One good archive and one of each kind of bad one."""
    store = Store(tmp_path_factory.mktemp("bad"), archives, (GOOD, *BAD))
    store.fail_build(FAILED_BUILD, REASON)
    store.archive(MISSING).unlink()
    store.flip_a_byte(DAMAGED)
    store.insert_code(NOT_LOADING, 'raise RuntimeError("broken on purpose")')
    return store


@pytest.fixture(scope="module")
def client(start_stack: StartStack, store: Store) -> Iterator[Client]:
    """A client of that store's stack."""
    with start_stack(**store.settings) as stack:
        yield Client(stack.url)


def _poll_error(client: Client, model: str) -> str:
    """The model's 500; until TorchServe has given up on it, a 503 may say that it is not ready."""
    answer = poll(lambda: client.predict(FRAME, model), lambda answer: answer.status_code != 503, seconds=120)
    return assert_error(answer, 500, model)


def test_good_model_is_served_and_the_service_is_degraded(client: Client, store: Store, reference: Reference) -> None:
    assert_prediction(client.predict(FRAME, GOOD), GOOD, reference.probabilities(GOOD, FRAME))
    assert_health(client.get("/api/v1/health"), "degraded", loaded=1, available=5)
    assert_models(client.get("/api/v1/models"), store.catalogue, loaded={GOOD})


def test_model_without_an_archive_tells_why_its_build_failed(client: Client) -> None:
    assert REASON in _poll_error(client, FAILED_BUILD)


def test_archive_that_went_missing_is_named(client: Client) -> None:
    assert "archive" in _poll_error(client, MISSING)


def test_damaged_archive_is_not_served(client: Client) -> None:
    assert "checksum" in _poll_error(client, DAMAGED)


def test_archive_that_does_not_load_ends_in_500(client: Client) -> None:
    assert "load" in _poll_error(client, NOT_LOADING)


@pytest.mark.parametrize("model", BAD)
def test_bad_models_change_nothing_for_the_good_one(client: Client, reference: Reference, model: str) -> None:
    _poll_error(client, model)
    assert_prediction(client.predict(FRAME, GOOD), GOOD, reference.probabilities(GOOD, FRAME))
