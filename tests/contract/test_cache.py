"""CACHE: what was answered a moment ago is not computed again; what may have changed is."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.monitoring.scrape import Scrape, settled
from tests.support import forms, images
from tests.support.assertions import assert_cors, json_body
from tests.support.client import PREDICT, Client, at_once
from tests.support.operator_view import Operator
from tests.support.polling import poll
from tests.support.proxies import proxy_of
from tests.support.wire import connection, head

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

    from tests.support.proxies import RunningProxy
    from tests.support.stacks import RunningStack

MODEL, ARCHIVE = "MobileNetV2_CK+48", "MobileNetV2_CKplus48"
OTHER = "MobileNetV2_RAF-DB"
HIT, MISS = "emotions; hit", "emotions; fwd=miss"


@pytest.fixture(scope="module")
def proxy(stack: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningProxy]:
    """A proxy that keeps answers, before the TorchServe of the nine models."""
    with proxy_of(stack, tmp_path_factory.mktemp("cache") / "run", CACHE="600") as running:
        poll(lambda: Client(running.url).get("/api/v1/health/ready").status_code, lambda status: status == 200)
        yield running


@pytest.fixture(scope="module")
def cached(proxy: RunningProxy) -> Client:
    return Client(proxy.url)


def told(answer: requests.Response) -> str | None:
    assert_cors(answer)
    return answer.headers.get("Cache-Status")


def test_the_same_picture_is_answered_again_without_torchserve(
    cached: Client, client: Client, operator: Operator
) -> None:
    content = images.frame(300)
    first = cached.predict(content, MODEL)
    received, before = operator.received(ARCHIVE), settled(cached.url)
    second = cached.predict(content, MODEL)
    assert (told(first), told(second)) == (MISS, HIT)
    assert second.content == first.content
    assert first.json() == client.predict(content, MODEL).json()
    assert operator.received(ARCHIVE) == received + 1, "that of the other proxy"
    after = settled(cached.url)
    for name, labels in (
        ("emotion_cache_requests_total", {"result": "hit"}),
        ("emotion_http_requests_total", {"route": PREDICT, "status": "200"}),
    ):
        assert after.value(name, model=MODEL, **labels) == before.value(name, model=MODEL, **labels) + 1


def test_another_question_is_another_answer(cached: Client) -> None:
    content = images.encode(images.scene(301, (224, 224)), "PNG")
    assert [told(cached.predict(content, model)) for model in (MODEL, OTHER, MODEL, OTHER)] == [MISS, MISS, HIT, HIT]
    assert told(cached.predict(content + b"\0", MODEL)) == MISS
    faces = [cached.faces(content, MODEL, max_faces=most) for most in ("1", "2", "1")]
    assert [told(answer) for answer in faces] == [MISS, MISS, HIT]
    compared = cached.compare(content, MODEL, OTHER, "ResNet50_CK+48")
    assert told(compared) == 'emotions; fwd=miss; detail="2 of 3 kept"'
    assert told(cached.compare(content, MODEL, OTHER)) == HIT
    assert [result["success"] for result in json_body(compared)["results"]] == [True] * 3


@pytest.mark.parametrize("content", [b"GIF89a", b"%PDF-1.7"])
def test_an_error_is_not_kept(cached: Client, content: bytes) -> None:
    assert [told(cached.predict(content, MODEL)) for _ in range(2)] == [MISS, MISS]


def test_what_is_asked_at_the_same_time_is_computed_once(cached: Client, operator: Operator) -> None:
    content, before = images.frame(302), operator.received(ARCHIVE)
    collapsed = _collapsed(cached)
    with operator.frozen(ARCHIVE) as pid, ThreadPoolExecutor(1) as thread:
        answers = thread.submit(at_once, [lambda: cached.predict(content, MODEL)] * 20)
        poll(lambda: Scrape(cached.url).value("emotion_predictions_in_flight", model=MODEL), lambda count: count == 20)
        os.kill(pid, signal.SIGCONT)
        found = answers.result()
    assert len({answer.content for answer in found}) == 1
    assert sorted(str(told(answer)) for answer in found) == [MISS, *[f"{MISS}; collapsed"] * 19]
    assert operator.received(ARCHIVE) == before + 1
    assert _collapsed(cached) == collapsed + 19


def _collapsed(client: Client) -> float:
    return settled(client.url).value("emotion_cache_requests_total", model=MODEL, result="collapsed")


def test_a_first_client_that_leaves_takes_no_answer_from_the_others(cached: Client, operator: Operator) -> None:
    content = images.frame(303)
    form = forms.encode(forms.image(content), forms.field("model", MODEL))
    lines = (f"Content-Type: multipart/form-data; boundary={forms.BOUNDARY}", f"Content-Length: {len(form)}")
    with operator.frozen(ARCHIVE) as pid, ThreadPoolExecutor(1) as thread:
        with connection(cached.url) as first:
            first.sendall(head(f"POST {PREDICT} HTTP/1.1", *lines) + form)
            poll(lambda: Scrape(cached.url).in_flight(), lambda count: count == 1)
            second = thread.submit(cached.predict, content, MODEL)
            poll(lambda: Scrape(cached.url).in_flight(), lambda count: count == 2)
        os.kill(pid, signal.SIGCONT)
        assert second.result().status_code == 200


def test_a_model_without_a_worker_answers_nothing_that_was_kept(cached: Client, operator: Operator) -> None:
    content = images.frame(304)
    assert [told(cached.predict(content, MODEL)) for _ in range(2)] == [MISS, HIT]
    with operator.unloaded(ARCHIVE):
        poll(lambda: operator.worker_pids(ARCHIVE), lambda pids: pids == [])
        answer = cached.predict(content, MODEL)
        assert answer.status_code == 200, answer.text
        assert operator.worker_pids(ARCHIVE), "it was loaded for this"


def test_an_answer_is_kept_no_longer_than_told(stack: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> None:
    with proxy_of(stack, tmp_path_factory.mktemp("short") / "run", CACHE="1") as running:
        client, content = Client(running.url), images.frame(305)
        poll(lambda: client.predict(content, MODEL).headers["Cache-Status"], lambda status: status == HIT)
        begin = time.monotonic()
        poll(lambda: client.predict(content, MODEL).headers["Cache-Status"], lambda status: status == MISS)
        assert time.monotonic() - begin < 10


def test_without_the_setting_nothing_is_kept_or_told(client: Client) -> None:
    assert {told(client.predict(images.frame(306), MODEL)) for _ in range(2)} == {None}
    assert "emotion_cache" not in Scrape(client.url).text.replace("# HELP emotion_cache", "")
