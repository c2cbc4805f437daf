"""Models registered without a worker: the first request loads one and waits for it, within a bound."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support import images
from tests.support.assertions import assert_error, assert_health, assert_models, assert_prediction
from tests.support.client import Client, at_once
from tests.support.operator_view import Operator
from tests.support.polling import poll
from tests.support.reference import Reference
from tests.support.sites import Site, some_of_the_nine

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack, StartStack

FRAME = images.frame(10)


@pytest.fixture(scope="module")
def lazy(start_stack: StartStack, small_site: Site) -> Iterator[RunningStack]:
    """Four models, none of them loaded."""
    with start_stack(**small_site.places, LOAD_MODELS="none") as running:
        yield running


def test_models_are_loaded_by_their_first_requests(lazy: RunningStack, small_site: Site, reference: Reference) -> None:
    """From none loaded, over one by a single request, to three by clients that all come at once."""
    client = Client(lazy.url)
    assert_health(client.get("/api/v1/health"), "unhealthy", loaded=0, available=4)
    assert_models(client.get("/api/v1/models"), small_site.catalogue, loaded=set())

    first = "MobileNetV2_CK+48"
    assert_prediction(client.predict(FRAME, first), first, reference.probabilities(first, FRAME))
    health = poll(lambda: client.get("/api/v1/health"), lambda answer: answer.status_code == 200)
    assert_health(health, "degraded", loaded=1, available=4)
    assert_models(client.get("/api/v1/models"), small_site.catalogue, loaded={first})

    others = ["MobileNetV2_FER2013", "MobileNetV2_RAF-DB"] * 4
    answers = at_once(functools.partial(client.predict, FRAME, name) for name in others)
    for name, answer in zip(others, answers, strict=True):
        assert_prediction(answer, name, reference.probabilities(name, FRAME))
    for archive in ("MobileNetV2_CKplus48", "MobileNetV2_FER2013", "MobileNetV2_RAF-DB"):
        assert len(Operator(lazy).describe(archive)["workers"]) == 1
    poll(lambda: client.get("/api/v1/health").json()["loaded_models"], lambda loaded: loaded == 3)


def test_bad_image_may_be_the_first_request(lazy: RunningStack) -> None:
    client = Client(lazy.url)
    assert_error(client.predict(b"no image", "ResNet50_CK+48"), 415)


def test_unknown_model_is_not_waited_for(lazy: RunningStack) -> None:
    assert_error(Client(lazy.url).predict(FRAME, "MobileNetV2_CKplus48"), 400, "MobileNetV2_CKplus48")


def test_only_the_models_of_the_setting_start_loaded(start_stack: StartStack, small_site: Site) -> None:
    with start_stack(**small_site.places, LOAD_MODELS="MobileNetV2_CK+48,MobileNetV2_RAF-DB") as stack:
        client = Client(stack.url)
        loaded = {"MobileNetV2_CK+48", "MobileNetV2_RAF-DB"}
        assert_models(client.get("/api/v1/models"), small_site.catalogue, loaded)
        assert_health(client.get("/api/v1/health"), "degraded", loaded=2, available=4)


def test_request_waits_no_longer_than_its_bound(
    start_stack: StartStack, results: Path, archives: Path, tmp_path: Path, reference: Reference
) -> None:
    """A model that loads until a file appears: not ready is a 503, and once it is loaded it is served."""
    name, gate = "MobileNetV2_FER2013", tmp_path / "gate"
    site = some_of_the_nine(tmp_path, results, archives, [name])
    site.insert_code(name, f"import os, time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.05)")
    with start_stack(**site.places, LOAD_MODELS="none", LOAD_TIMEOUT="2") as stack:
        client = Client(stack.url)
        assert_error(client.predict(FRAME, name), 503, name)
        assert_error(client.predict(FRAME, name), 503, name)
        assert_health(client.get("/api/v1/health"), "unhealthy", loaded=0, available=1)
        gate.touch()
        answer = poll(lambda: client.predict(FRAME, name), lambda answer: answer.status_code != 503)
        assert_prediction(answer, name, reference.probabilities(name, FRAME))
        health = poll(lambda: client.get("/api/v1/health"), lambda health: health.ok)
        assert_health(health, "healthy", loaded=1, available=1)
