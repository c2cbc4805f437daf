"""Images that kill their worker: each takes only itself down, and is refused when it is sure to be to blame."""

from __future__ import annotations

import hashlib
import json
import socket
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.monitoring.scrape import Scrape, settled
from tests.support import forms, images, wire
from tests.support.assertions import assert_error, assert_prediction
from tests.support.client import Client
from tests.support.operator_view import Operator
from tests.support.polling import poll
from tests.support.reference import Reference
from tests.support.sites import some_of_the_nine

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack, StartStack

MODEL = "MobileNetV2_FER2013"
CLIENTS, QUEUE = 8, 100
HEADERS = (f"Content-Type: multipart/form-data; boundary={forms.BOUNDARY}",)
# Put behind an image, where no decoder looks.
KILLER, FRAIL, SLOW = b"always", b"twice", b"once"
# Begun so long after its batch, a large image is for a later one: some of several are, on any machine, s.
PATIENCE = 0.05
# For the worker. A KILLER ends it always, a FRAIL the first two times, as if somebody else had ended it; a SLOW one
# the first time, and then it is computed when there is a file "gate".
CODE = f"""
import os, pathlib, signal, time
import face_image, image_budget
image_budget.PATIENCE_SECONDS = {PATIENCE}
harmless, deaths = face_image.read_face, pathlib.Path({{deaths!r}})
def deadly(content, *arguments, **options):
    limits = {{{{ {KILLER!r}: 99, {FRAIL!r}: 2, {SLOW!r}: 1 }}}}
    marks = [mark for mark in limits if content.endswith(mark)]
    if marks and len(deaths.read_bytes()) < limits[marks[0]]:
        with deaths.open("ab") as file:
            file.write(b".")
        os.kill(os.getpid(), signal.SIGKILL)
    while content.endswith({SLOW!r}) and not deaths.with_name("gate").exists():
        time.sleep(0.02)
    return harmless(content, *arguments, **options)
face_image.read_face = deadly
"""


@pytest.fixture(scope="module")
def deaths(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a byte for each death of the worker."""
    path = tmp_path_factory.mktemp("deaths") / "deaths"
    path.touch()
    return path


@pytest.fixture(scope="module")
def deadly(
    start_stack: StartStack, tmp_path_factory: pytest.TempPathFactory, results: Path, archives: Path, deaths: Path
) -> Iterator[RunningStack]:
    """A stack whose only model is killed by some images."""
    site = some_of_the_nine(tmp_path_factory.mktemp("deadly"), results, archives, [MODEL])
    site.insert_code(MODEL, CODE.format(deaths=str(deaths)))
    with start_stack(**site.places, PREDICT_TIMEOUT="90") as running:
        yield running


def _logged(stack: RunningStack, status: int) -> list[dict[str, Any]]:
    settled(stack.url)
    lines = map(json.loads, (stack.settings.log_dir / "proxy-access.log").read_text().splitlines())
    return [line for line in lines if line["model"] and line["status"] == status]


def _refused(stack: RunningStack) -> float:
    return settled(stack.url).total("emotion_rejections_total", reason="killed_worker")


def test_image_that_kills_its_worker_costs_8_others_no_more_than_one_repeat(
    deadly: RunningStack, deaths: Path, reference: Reference
) -> None:
    client, operator, done = Client(deadly.url), Operator(deadly), Event()
    killer = images.frame(400) + KILLER

    def ask_on(number: int) -> list[requests.Response]:
        answers = []
        while not done.is_set():
            answers.append(client.predict(images.frame(number), MODEL))
        return answers

    with ThreadPoolExecutor(CLIENTS + 1) as threads:
        try:
            with operator.frozen(MODEL):
                others = [threads.submit(ask_on, 0)]
                poll(lambda: operator.received(MODEL) == 1 and operator.pending(MODEL) == 0)
                # The worker holds one; the killer is among those it takes next, together.
                others += [threads.submit(ask_on, number) for number in (1, 2, 3)]
                poll(lambda: operator.pending(MODEL) == 3)
                killed = threads.submit(client.predict, killer, MODEL)
                poll(lambda: operator.pending(MODEL) == 4)
                others += [threads.submit(ask_on, number) for number in range(4, CLIENTS)]
                poll(lambda: operator.pending(MODEL) == CLIENTS)
            assert_error(killed.result(), 422, MODEL)
        finally:
            done.set()
    for number, answered in enumerate(others):
        expected = reference.probabilities(MODEL, images.frame(number))
        for answer in answered.result():
            assert_prediction(answer, MODEL, expected)
    assert len(deaths.read_bytes()) == 3  # with the others, and twice alone
    repeated = [line for line in _logged(deadly, 200) if line["retries"]]
    assert repeated
    assert {(line["retries"], line["batch"]) for line in repeated} == {(1, 1)}

    assert_error(client.predict(killer, MODEL), 422, MODEL)
    assert len(deaths.read_bytes()) == 3
    assert _refused(deadly) == 2
    digest = hashlib.sha256(killer).hexdigest()[:16]
    assert [line["image_sha256"] for line in _logged(deadly, 422)] == [digest] * 2
    assert_prediction(
        client.predict(images.frame(400), MODEL), MODEL, reference.probabilities(MODEL, images.frame(400))
    )


def test_image_whose_worker_was_ended_by_something_else_is_not_blamed(
    deadly: RunningStack, deaths: Path, reference: Reference
) -> None:
    client, frail = Client(deadly.url), images.frame(401) + FRAIL
    deaths.write_bytes(b"")
    refused = _refused(deadly)
    for _ in range(2):
        assert_prediction(client.predict(frail, MODEL), MODEL, reference.probabilities(MODEL, images.frame(401)))
        assert len(deaths.read_bytes()) == 2
        # Next time it dies once more, and is then asked alone: the death before must be forgotten.
        deaths.write_bytes(b".")
    assert_prediction(client.predict(frail, MODEL), MODEL, reference.probabilities(MODEL, images.frame(401)))
    assert _refused(deadly) == refused


def test_image_is_not_blamed_before_the_model_has_answered_for_another(
    deadly: RunningStack, deaths: Path, reference: Reference
) -> None:
    """Of a model that can compute nothing, no image is to blame."""
    client, killer = Client(deadly.url), images.frame(406) + KILLER
    deaths.write_bytes(b"")
    assert_error(client.predict(killer, MODEL), 503, MODEL)
    assert len(deaths.read_bytes()) == 3
    assert_prediction(
        client.predict(images.frame(407), MODEL), MODEL, reference.probabilities(MODEL, images.frame(407))
    )
    settled(deadly.url)  # answers are counted after they are sent
    assert_error(client.predict(killer, MODEL), 422, MODEL)
    assert len(deaths.read_bytes()) == 3


def test_image_whose_client_has_gone_is_remembered_and_holds_nobody_up(
    deadly: RunningStack, deaths: Path, reference: Reference
) -> None:
    client, killer = Client(deadly.url), images.frame(402) + KILLER
    deaths.write_bytes(b"")
    body = forms.encode(forms.image(killer), forms.field("model", MODEL))
    with ThreadPoolExecutor(1) as thread:
        with wire.connection(deadly.url) as leaving:
            leaving.sendall(wire.head("POST /api/v1/predict HTTP/1.1", *HEADERS, f"Content-Length: {len(body)}") + body)
            poll(deaths.read_bytes)
            other = thread.submit(client.predict, images.frame(403), MODEL)
            poll(lambda: Scrape(deadly.url).value("emotion_predictions_held", model=MODEL) == 1)
            leaving.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset
        answer = other.result()
    assert_prediction(answer, MODEL, reference.probabilities(MODEL, images.frame(403)))
    assert_error(client.predict(killer, MODEL), 422, MODEL)
    assert len(deaths.read_bytes()) == 3
    assert settled(deadly.url).value("emotion_predictions_held", model=MODEL) == 0


def test_no_more_wait_for_one_that_is_asked_alone_than_in_a_queue(
    deadly: RunningStack, deaths: Path, reference: Reference
) -> None:
    client = Client(deadly.url)
    deaths.write_bytes(b"")
    with ThreadPoolExecutor(QUEUE + 11) as threads:
        slow = threads.submit(client.predict, images.frame(404) + SLOW, MODEL)
        poll(deaths.read_bytes)
        others = [threads.submit(client.predict, images.frame(405), MODEL) for _ in range(QUEUE + 10)]
        poll(lambda: sum(other.done() for other in others) >= 5)
        deaths.with_name("gate").touch()
    assert_prediction(slow.result(), MODEL, reference.probabilities(MODEL, images.frame(404)))
    served = [other.result() for other in others if other.result().status_code == 200]
    assert QUEUE <= len(served) <= QUEUE + 5  # nginx has two processes: more than one may take the last place
    for answer in served:
        assert_prediction(answer, MODEL, reference.probabilities(MODEL, images.frame(405)))
    for other in others:
        if other.result() not in served:
            assert_error(other.result(), 503, MODEL)


def test_large_images_come_one_after_the_other_and_hold_nobody_up(deadly: RunningStack, reference: Reference) -> None:
    """All of them in one batch would take longer than TorchServe waits for a worker that hangs."""
    client, large = Client(deadly.url), images.blank_png(7000, 7000)
    with ThreadPoolExecutor(13) as threads:
        slow = [threads.submit(client.predict, large, MODEL) for _ in range(12)]
        other = threads.submit(client.predict, images.frame(408), MODEL)
    assert_prediction(other.result(), MODEL, reference.probabilities(MODEL, images.frame(408)))
    for answer in slow:
        assert_prediction(answer.result(), MODEL, reference.probabilities(MODEL, large))
    lines = [line for line in _logged(deadly, 200) if line["received_bytes"] > len(large)][-12:]
    assert {line["retries"] for line in lines} == {0}
    assert "is answered with 425: deferred" in (deadly.settings.log_dir / "workers.log").read_text()
