"""Workers and TorchServe that hang or die: every request ends, and what can recover does."""

from __future__ import annotations

import functools
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TYPE_CHECKING

import psutil
import pytest
import requests

from . import images
from .assertions import assert_error, assert_health, assert_models, assert_prediction
from .client import Client
from .operator_view import Operator, stopped
from .polling import poll
from .reference import Reference
from .stores import Store

if TYPE_CHECKING:
    from tests.conftest import RunningStack, StartStack

MODEL = "MobileNetV2_FER2013"
FRAME = images.frame(8)


def _kill_busy_worker(operator: Operator, archive: str, killed: list[int]) -> None:
    """Kill the model's only worker while it has a batch in its hands and more wait; add it to ``killed``."""
    with stopped(operator.only_worker(archive, killed)) as pid:
        poll(lambda: operator.pending(archive), lambda pending: pending > 0)
        os.kill(pid, signal.SIGKILL)
    killed.append(pid)


def test_killing_the_only_worker_costs_none_of_8_clients_an_error(
    client: Client, operator: Operator, reference: Reference
) -> None:
    model = archive = "MobileNetV2_RAF-DB"
    done = Event()
    killed: list[int] = []

    def run(number: int) -> list[requests.Response]:
        answers = []
        while not done.is_set():
            answers.append(client.predict(images.frame(number), model))
        return [*answers, client.predict(images.frame(number), model)]

    with ThreadPoolExecutor(8) as threads:
        clients = [threads.submit(run, number) for number in range(8)]
        try:
            for _ in range(2):
                _kill_busy_worker(operator, archive, killed)
            operator.only_worker(archive, killed)
        finally:
            done.set()
    for number, answers in enumerate(clients):
        expected = reference.probabilities(model, images.frame(number))
        for answer in answers.result():
            assert_prediction(answer, model, expected)


@pytest.fixture(scope="module")
def fragile(start_stack: StartStack, small_store: Store) -> Iterator[RunningStack]:
    """A stack to be harmed: one loaded model, and predictions that must end within 3 seconds."""
    with start_stack(**small_store.settings, LOAD_MODELS=MODEL, PREDICT_TIMEOUT="3") as running:
        yield running


def _assert_served(client: Client, reference: Reference) -> None:
    assert_prediction(client.predict(FRAME, MODEL), MODEL, reference.probabilities(MODEL, FRAME))


def test_worker_that_hangs_ends_in_504_and_serves_again_when_it_goes_on(
    fragile: RunningStack, reference: Reference
) -> None:
    client, operator = Client(fragile.url), Operator(fragile)
    with operator.frozen(MODEL):
        assert_error(client.predict(FRAME, MODEL), 504, MODEL)
    _assert_served(client, reference)


def _unhealthy(client: Client) -> requests.Response:
    return poll(lambda: client.get("/api/v1/health"), lambda health: health.status_code == 503)


def test_torchserve_that_hangs_ends_in_504_and_serves_again_when_it_goes_on(
    fragile: RunningStack, reference: Reference
) -> None:
    client, operator = Client(fragile.url), Operator(fragile)
    with stopped(operator.torchserve()):
        assert_error(client.predict(FRAME, MODEL), 504, MODEL)
        assert_health(_unhealthy(client), "unhealthy", loaded=0, available=4)
        assert_error(client.predict(FRAME, MODEL), 503)
    poll(lambda: client.get("/api/v1/health").status_code, lambda status: status == 200)
    _assert_served(client, reference)


def test_torchserve_that_died_ends_in_503(fragile: RunningStack, small_store: Store, reference: Reference) -> None:
    client, operator = Client(fragile.url), Operator(fragile)
    _assert_served(client, reference)
    torchserve = psutil.Process(operator.torchserve())
    with ThreadPoolExecutor(2) as threads:
        with operator.frozen(MODEL):
            waiting = [threads.submit(client.predict, FRAME, MODEL) for _ in range(2)]
            poll(functools.partial(operator.pending, MODEL), lambda pending: pending >= 1)
            torchserve.kill()
            poll(
                torchserve.is_running,
                lambda running: not running or torchserve.status() == psutil.STATUS_ZOMBIE,
            )
            for future in waiting:
                assert_error(future.result(), 503)
        assert_error(client.predict(FRAME, MODEL), 503)
    assert_health(_unhealthy(client), "unhealthy", loaded=0, available=4)
    assert_models(client.get("/api/v1/models"), small_store.catalogue, loaded=set())
    assert_error(client.predict(FRAME, MODEL), 503)
    assert_error(client.predict(FRAME, "nobody"), 400, "nobody")
