"""What one key may have under way and how often, that others are not counted with it; how often models are managed."""

from __future__ import annotations

import contextlib
import select
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from scripts.access.apps import app_keys
from tests.monitoring.scrape import Scrape
from tests.proxy.guarded import status_of
from tests.support.assertions import assert_error
from tests.support.client import ORIGIN
from tests.support.polling import poll
from tests.support.proxies import RunningProxy
from tests.support.wire import head

pytestmark = pytest.mark.slow


def _begin(proxy: RunningProxy, sockets: contextlib.ExitStack, key: str) -> socket.socket:
    """Send the head of a prediction, and nothing of its long body."""
    sock = sockets.enter_context(socket.create_connection(("127.0.0.1", proxy.settings.port), 10))
    lines = ("Content-Type: multipart/form-data", "Content-Length: 1000000", f"X-API-Key: {key}")
    sock.sendall(head("POST /api/v1/predict HTTP/1.1", *lines))
    return sock


def _refused(proxy: RunningProxy, key: str, begun: list[socket.socket]) -> requests.Response:
    """The answer that refuses one more prediction. Those under way go on: nginx ends what sends nothing for a while."""

    def ask() -> requests.Response:
        for sock in begun:
            sock.sendall(b".")
        return _predict(proxy, key)

    return poll(ask, lambda answer: answer.status_code == 429)


def _limit(proxy: RunningProxy, name: str, **limits: int) -> None:
    """Give a key limits, and wait until they hold: once another file of keys is read, so is this."""
    app_keys(proxy.settings).limit(name, **{"requests": 0, "rate": 0, **limits})
    other = app_keys(proxy.settings).add(f"after-{name}-{sum(limits.values())}")
    poll(lambda: status_of(proxy, other), lambda status: status == 200)


def _predict(proxy: RunningProxy, key: str) -> requests.Response:
    """Ask for a prediction; without a form it is refused with 400."""
    headers = {"Origin": ORIGIN, "X-API-Key": key}
    return requests.post(f"{proxy.url}/api/v1/predict", headers=headers, timeout=10)


def test_a_key_may_have_more_under_way_or_less_than_others(
    guarded: RunningProxy, make_key: Callable[[str], str]
) -> None:
    key = make_key("large")
    _limit(guarded, "large", requests=3)
    with contextlib.ExitStack() as sockets:
        begun = [_begin(guarded, sockets, key) for _ in range(3)]
        sentence = assert_error(_refused(guarded, key, begun), 429)
        assert sentence == "3 predictions of this key are under way; wait for an answer before the next one."
        assert {_predict(guarded, key).status_code for _ in range(5)} == {429}
        assert status_of(guarded, key) == 200, "only predictions count"
        assert select.select(begun, [], [], 0)[0] == [], "none of those under way was refused"
    # They are over when nginx sees that their clients are gone.
    poll(lambda: _predict(guarded, key).status_code, lambda status: status == 400)
    assert {_predict(guarded, key).status_code for _ in range(10)} == {400}, "what was refused is not under way"
    assert Scrape(guarded.url).total("emotion_rejections_total", reason="concurrency") >= 1


def test_a_key_may_have_a_rate_of_its_own(guarded: RunningProxy, make_key: Callable[[str], str]) -> None:
    key, other = make_key("slow"), make_key("quick")
    _limit(guarded, "slow", rate=2)
    answers = [_predict(guarded, key) for _ in range(2)]
    while answers[-1].status_code == 400:
        answers.append(_predict(guarded, key))
        assert len(answers) < 100
    sentence = assert_error(answers[-1], 429)
    assert sentence == "More than 2 predictions a second from this key; wait a second, and send fewer at a time."
    assert _predict(guarded, other).status_code == 400
    assert poll(lambda: _predict(guarded, key).status_code, lambda status: status == 400)
    assert Scrape(guarded.url).total("emotion_rejections_total", reason="rate_limit") >= 1


def test_predictions_under_way_are_counted_by_the_key(guarded: RunningProxy, make_key: Callable[[str], str]) -> None:
    """All come from one address, as those of an app's server do."""
    busy, other = make_key("busy"), make_key("other")
    with contextlib.ExitStack() as sockets:
        begun = [_begin(guarded, sockets, busy) for _ in range(2)]
        sentence = assert_error(_refused(guarded, busy, begun), 429)
        assert sentence == "2 predictions of this key are under way; wait for an answer before the next one."
        assert _predict(guarded, other).status_code == 400


def test_who_calls_the_management_api_too_often_is_told_how_often_it_may(guarded: RunningProxy) -> None:
    url = f"http://{guarded.settings.management_listen}/models"
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: requests.get(url, timeout=30), range(200)))
    refused = next((answer for answer in answers if answer.status_code == 429), None)
    assert refused is not None
    sentence = assert_error(refused, 429, origin=None)
    assert sentence == "More than 20 calls a second from this address; wait a second, and send fewer at a time."
    assert refused.headers["Retry-After"] == "1"
    assert "uninitialized" not in guarded.log("proxy-error.log")
