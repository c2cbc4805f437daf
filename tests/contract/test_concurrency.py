"""Many clients at once: batches form, and each client gets its own answer."""

from __future__ import annotations

import functools
import itertools
import json
import os
import signal
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
import requests

from scripts.catalogue import Model
from tests.support import forms, images
from tests.support.assertions import TOLERANCE, assert_error, assert_prediction
from tests.support.client import Client, at_once
from tests.support.operator_view import Operator, stopped
from tests.support.polling import poll
from tests.support.reference import Reference

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack

CLIENTS = 16
SLOW = "VGG19_RAF-DB"
LONG = 90  # requests: a client gets three quarters of the queue


def _distance(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    return max(abs(one[label] - other[label]) for label in one)


def test_each_of_16_clients_gets_its_own_answer(
    client: Client, catalogue: dict[str, Model], reference: Reference
) -> None:
    """Every client has an image of its own and asks two quick models about it; every fourth asks a slow one too."""
    quick = [model.name for model in catalogue.values() if model.architecture != "VGG19"]
    tasks = {
        images.frame(100 + number): [quick[number % 6], quick[(number + 3) % 6], *([SLOW] if number % 4 == 0 else [])]
        for number in range(CLIENTS)
    }
    for model in (*quick, SLOW):
        own = [reference.probabilities(model, content) for content, asked in tasks.items() if model in asked]
        assert min(_distance(a, b) for a, b in itertools.combinations(own, 2)) > 2 * TOLERANCE

    def run(content: bytes) -> list[requests.Response]:
        return [client.predict(content, model) for model in tasks[content]]

    answers = at_once(functools.partial(run, content) for content in tasks)
    for (content, asked), responses in zip(tasks.items(), answers, strict=True):
        for model, response in zip(asked, responses, strict=True):
            assert_prediction(response, model, reference.probabilities(model, content))


def test_32_clients_of_one_model_lose_nothing(client: Client, reference: Reference) -> None:
    model = "MobileNetV2_CK+48"
    frames = [images.frame(200 + number) for number in range(32)]
    expected = [reference.probabilities(model, content) for content in frames]
    answers = at_once(
        functools.partial(lambda content: [client.predict(content, model) for _ in range(3)], content)
        for content in frames
    )
    for responses, want in zip(answers, expected, strict=True):
        for response in responses:
            assert_prediction(response, model, want)


def _wait_for_queue(operator: Operator, archive: str, length: int) -> None:
    poll(functools.partial(operator.pending, archive), lambda pending: pending == length)


def _logged(stack: RunningStack, ids: list[str], what: str) -> list[int]:
    """What the log says of each of the requests, as far as they are logged: say, the size of its "batch"."""
    lines = map(json.loads, (stack.settings.log_dir / "proxy-access.log").read_text().splitlines())
    return [line[what] for line in lines if line["request_id"] in ids]


BAD = {
    2: (b"version https://git-lfs.github.com/spec/v1\n", 415),
    4: (images.frame(300)[:5000], 400),
    7: (images.png_header(100_000, 100_000) + images.blank_png(9, 9)[33:], 413),
}


@pytest.mark.parametrize("bad", [{}, BAD], ids=["all-good", "three-bad"])
def test_waiting_requests_are_computed_together_and_bad_images_fail_alone(
    stack: RunningStack,
    client: Client,
    operator: Operator,
    reference: Reference,
    bad: dict[int, tuple[bytes, int]],
    request: pytest.FixtureRequest,
) -> None:
    """With the worker held, one request is in its hands and eight wait; let go, it takes these together.

    All eight at once, unless TorchServe needs longer than maxBatchDelay to collect them; never one by one.
    """
    model = archive = "ResNet50_FER2013"
    contents = [images.frame(300 + number) for number in range(8)]
    expected = [reference.probabilities(model, content) for content in contents]
    for number, (content, _) in bad.items():
        contents[number] = content
    received = operator.received(archive)

    with ThreadPoolExecutor(9) as threads:
        with operator.frozen(archive):
            first = threads.submit(client.predict, images.frame(299), model)
            poll(lambda: operator.received(archive), lambda count: count == received + 1)
            _wait_for_queue(operator, archive, 0)
            ids = [f"{request.node.callspec.id}-{number}" for number in range(8)]
            others = [
                threads.submit(client.predict, content, model, {"X-Request-ID": name})
                for content, name in zip(contents, ids, strict=True)
            ]
            _wait_for_queue(operator, archive, 8)
        answers = [future.result() for future in others]
    batches = poll(lambda: _logged(stack, ids, "batch"), lambda logged: len(logged) == 8)
    assert max(batches) > 1

    assert_prediction(first.result(), model, reference.probabilities(model, images.frame(299)))
    for number, (answer, want) in enumerate(zip(answers, expected, strict=True)):
        if number in bad:
            assert_error(answer, bad[number][1])
        else:
            assert_prediction(answer, model, want)


def test_full_queue_turns_clients_away_and_serves_the_others(
    client: Client, operator: Operator, reference: Reference
) -> None:
    model, archive = "MobileNetV2_RAF-DB", "MobileNetV2_RAF-DB"
    # A client alone may have three quarters of what TorchServe takes; two of the proxy's processes count at once.
    whole = operator.describe(archive)["jobQueueStatus"]["remainingCapacity"] + 8
    capacity, refused = whole * 3 // 4, 12
    expected = reference.probabilities(model, images.frame(400))
    with ThreadPoolExecutor(capacity + refused) as threads:
        with operator.frozen(archive):
            answers: list[Future[requests.Response]] = [
                threads.submit(client.predict, images.frame(400), model) for _ in range(capacity + refused)
            ]
            poll(lambda: sum(answer.done() for answer in answers), lambda done: done >= refused, seconds=25)
        responses = [answer.result() for answer in answers]
    served = [response for response in responses if response.status_code == 200]
    assert capacity - 3 <= len(served) <= capacity
    for response in responses:
        if response.status_code == 200:
            assert_prediction(response, model, expected)
        else:
            assert_error(response, 503, model)


def test_who_waits_long_is_not_taken_for_lost_when_a_worker_has_died(
    stack: RunningStack, client: Client, operator: Operator
) -> None:
    """What is repeated for nothing would be computed twice, and alone, while the queue is long anyway."""
    assert stack.command("lifecycle", "scale", SLOW, "2").returncode == 0
    ids = [f"long-{number}" for number in range(LONG)]
    with ThreadPoolExecutor(LONG) as threads:
        asked = [threads.submit(client.predict, images.frame(8), SLOW, {"X-Request-ID": name}) for name in ids]
        poll(functools.partial(operator.pending, SLOW), lambda pending: pending >= LONG - 30)
        os.kill(operator.worker_pids(SLOW)[0], signal.SIGKILL)
    assert [answer.result() for answer in asked if answer.result().status_code != 200] == []
    repeats = poll(lambda: _logged(stack, ids, "retries"), lambda logged: len(logged) == LONG)
    assert sum(count > 0 for count in repeats) <= 8, "the batch of the worker that died"
    assert stack.command("lifecycle", "scale", SLOW, "1").returncode == 0


def test_one_busy_model_holds_up_no_other(client: Client, operator: Operator, reference: Reference) -> None:
    with ThreadPoolExecutor(4) as threads, stopped(operator.only_worker("VGG19_RAF-DB")):
        waiting = [threads.submit(client.predict, images.frame(1), "VGG19_RAF-DB") for _ in range(4)]
        poll(lambda: operator.pending("VGG19_RAF-DB"), lambda pending: pending >= 1)
        response = client.predict(images.frame(1), "MobileNetV2_FER2013")
        assert not any(future.done() for future in waiting)
    assert_prediction(response, "MobileNetV2_FER2013", reference.probabilities("MobileNetV2_FER2013", images.frame(1)))
    expected = reference.probabilities("VGG19_RAF-DB", images.frame(1))
    for future in waiting:
        assert_prediction(future.result(), "VGG19_RAF-DB", expected)


def test_answers_hold_while_bad_forms_arrive_between_them(client: Client, reference: Reference) -> None:
    model = "MobileNetV2_FER2013"
    good = [functools.partial(client.predict, images.frame(number), model) for number in range(8)]
    bad = [
        functools.partial(client.predict, b"no image", model),
        functools.partial(client.predict, images.frame(1), "nobody"),
        functools.partial(client.post_body, b"no form"),
        functools.partial(client.post_form, forms.image(images.frame(1))),
    ]
    answers = at_once([*good, *bad])
    for number, answer in enumerate(answers[:8]):
        assert_prediction(answer, model, reference.probabilities(model, images.frame(number)))
    for answer, status in zip(answers[8:], [415, 400, 400, 400], strict=True):
        assert_error(answer, status)
