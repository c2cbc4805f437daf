"""Workers and TorchServe that hang or die: every request ends, and what can recover does."""

from __future__ import annotations

import functools
import os
import signal
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import pytest
import requests

from scripts.processes import ProcessRecord, read_records
from tests.support import images
from tests.support.assertions import assert_error, assert_health, assert_models, assert_prediction
from tests.support.client import Client
from tests.support.operator_view import Operator, stopped
from tests.support.polling import poll
from tests.support.reference import Reference
from tests.support.sites import Site

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack, StartStack

MODEL = "MobileNetV2_FER2013"
FRAME = images.frame(8)


@pytest.fixture(scope="module")
def patient(start_stack: StartStack, small_site: Site) -> Iterator[RunningStack]:
    """A stack of one loaded model, whose predictions may take as long as bringing back a worker does."""
    with start_stack(**small_site.places, LOAD_MODELS=MODEL, PREDICT_TIMEOUT="90") as running:
        yield running


def test_killing_the_only_worker_costs_none_of_8_clients_an_error(patient: RunningStack, reference: Reference) -> None:
    """Twice, the worker dies with the requests of all of them in its hands or waiting for it."""
    sent = [0] * 8
    answers: list[list[requests.Response]] = [[] for _ in range(8)]
    done = Event()

    def run(client: Client, number: int) -> None:
        while not done.is_set():
            sent[number] += 1
            answers[number].append(client.predict(images.frame(number), MODEL))

    def wait_until_all_are_answered() -> None:
        """A prediction is repeated once, so none may be under way through two deaths."""
        before = [len(received) for received in answers]
        poll(
            lambda: [len(received) for received in answers],
            lambda now: all(a > b for a, b in zip(now, before, strict=True)),
            seconds=90,
        )

    operator, killed = Operator(patient), list[int]()
    before = operator.received(MODEL)
    with ThreadPoolExecutor(8) as threads:
        clients = [threads.submit(run, Client(patient.url), number) for number in range(8)]
        try:
            for _ in range(2):
                wait_until_all_are_answered()
                with stopped(operator.only_worker(MODEL, killed)) as pid:
                    poll(lambda: operator.received(MODEL) - before, lambda received: received >= sum(sent))
                    os.kill(pid, signal.SIGKILL)
                killed.append(pid)
            wait_until_all_are_answered()
        finally:
            done.set()
    for client in clients:
        client.result()
    for number, received in enumerate(answers):
        expected = reference.probabilities(MODEL, images.frame(number))
        for answer in received:
            assert_prediction(answer, MODEL, expected)


def test_request_that_no_worker_answers_is_repeated_when_another_worker_has_ended(
    patient: RunningStack, reference: Reference
) -> None:
    """TorchServe can lose a request when a worker ends. Here the request is held by a worker that hangs instead."""
    client, operator = Client(patient.url), Operator(patient)
    oldest = operator.only_worker(MODEL)
    _scale(patient, 3)
    with stopped(oldest), ThreadPoolExecutor(1) as thread:
        held = _held_request(thread, client)
        _scale(patient, 2)  # TorchServe ends the newest
        assert_prediction(held.result(), MODEL, reference.probabilities(MODEL, FRAME))
        # The answer that TorchServe still owes does not keep others from theirs.
        _assert_served(client, reference)
        assert oldest in operator.worker_pids(MODEL)


def _scale(stack: RunningStack, workers: int) -> None:
    scaled = stack.command("lifecycle", "scale", MODEL, str(workers))
    assert scaled.returncode == 0, scaled.stderr


def _held_request(thread: ThreadPoolExecutor, client: Client) -> Future[requests.Response]:
    """The workers take turns: ask until the one that hangs has its turn."""
    for _ in range(10):
        asked = thread.submit(client.predict, FRAME, MODEL)
        if not wait([asked], timeout=3).done:
            return asked
    pytest.fail("every request was answered")


def test_a_worker_that_hangs_is_replaced_and_its_requests_are_answered(
    start_stack: StartStack, small_site: Site, reference: Reference, tmp_path: Path
) -> None:
    """Soon, as its archive wants it here."""
    site = small_site.copy(tmp_path)
    site.change_file(MODEL, "model-config.yaml", lambda text: text.replace(b"Timeout: 20", b"Timeout: 2"))
    with start_stack(**site.places, LOAD_MODELS=MODEL) as stack:
        operator, client = Operator(stack), Client(stack.url)
        with operator.frozen(MODEL) as hanging, ThreadPoolExecutor(8) as threads:
            asked = [threads.submit(client.predict, images.frame(number), MODEL) for number in range(12)]
            answers = [future.result() for future in asked]
            for number, answer in enumerate(answers):
                assert_prediction(answer, MODEL, reference.probabilities(MODEL, images.frame(number)))
            assert operator.only_worker(MODEL) != hanging


@pytest.fixture(scope="module")
def fragile(start_stack: StartStack, small_site: Site) -> Iterator[RunningStack]:
    """A stack to be harmed: one loaded model, and predictions that must end within 5 seconds."""
    with start_stack(**small_site.places, LOAD_MODELS=MODEL, PREDICT_TIMEOUT="5") as running:
        yield running


def _assert_served(client: Client, reference: Reference) -> None:
    answer = poll(lambda: client.predict(FRAME, MODEL), lambda given: given.status_code not in (503, 504))
    assert_prediction(answer, MODEL, reference.probabilities(MODEL, FRAME))


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


def test_torchserve_that_nobody_brings_back_ends_in_503(
    fragile: RunningStack, small_site: Site, reference: Reference
) -> None:
    read_records(fragile.settings.run_dir / "stack.json")["supervisor"].stop(signal.SIGKILL, 10)
    client, operator = Client(fragile.url), Operator(fragile)
    _assert_served(client, reference)
    torchserve = ProcessRecord.of(operator.torchserve())
    with ThreadPoolExecutor(9) as threads:
        with operator.frozen(MODEL):
            # One more than a batch holds, so that one waits although a worker may take all others at once.
            waiting = [threads.submit(client.predict, FRAME, MODEL) for _ in range(9)]
            poll(functools.partial(operator.pending, MODEL), lambda pending: pending >= 1)
            torchserve.stop(signal.SIGKILL, 10)
            assert not torchserve.alive
            for future in waiting:
                assert_error(future.result(), 503)
        assert_error(client.predict(FRAME, MODEL), 503)
    assert_health(_unhealthy(client), "unhealthy", loaded=0, available=4)
    assert_models(client.get("/api/v1/models"), small_site.catalogue, loaded=set())
    assert_error(client.predict(FRAME, MODEL), 503)
    assert_error(client.predict(FRAME, "nobody"), 400, "nobody")
