"""A client that sends too many predictions is turned away for a while; others are not."""

from __future__ import annotations

import contextlib
import select
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
import requests

from tests.monitoring.scrape import Scrape
from tests.support import forms, images
from tests.support.assertions import assert_cors, assert_error, assert_prediction
from tests.support.client import COMPARE, Client
from tests.support.operator_view import Operator
from tests.support.polling import poll
from tests.support.reference import Reference
from tests.support.sites import Site
from tests.support.sources import From
from tests.support.wire import head

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack, StartStack

MODEL = "MobileNetV2_FER2013"
SECOND = "MobileNetV2_RAF-DB"
FRAME = images.frame(11)
ORIGIN = "https://faces.example.org"


@pytest.fixture(scope="module")
def limited(start_stack: StartStack, small_site: Site) -> Iterator[RunningStack]:
    """A stack that allows one prediction a second and four at once, to pages of an origin of its own."""
    settings = {
        "LOAD_MODELS": f"{MODEL},{SECOND}",
        "RATE_LIMIT": "1",
        "RATE_BURST": "4",
        "CLIENT_REQUESTS": "3",
        "CORS_ORIGINS": ORIGIN,
    }
    with start_stack(**small_site.places, **settings) as running:
        yield running


def _predict(client: Client, **headers: str) -> requests.Response:
    return client.predict(FRAME, MODEL, {"Origin": ORIGIN, **headers})


def _exhaust(client: Client) -> list[requests.Response]:
    """Answers to predictions in a row, up to and with the first that is turned away."""
    answers: list[requests.Response] = []
    while not answers or answers[-1].status_code == 200:
        answers.append(_predict(client))
        assert len(answers) < 50
    return answers


def test_client_is_turned_away_and_served_again(limited: RunningStack, reference: Reference) -> None:
    client = Client(limited.url)
    *served, refused = _exhaust(client)
    assert len(served) >= 4
    assert_error(refused, 429, "More than 1 predictions a second", origin=ORIGIN)
    again = poll(lambda: _predict(client), lambda answer: answer.status_code != 429, seconds=30)
    for answer in (*served, again):
        assert_prediction(answer, MODEL, reference.probabilities(MODEL, FRAME), ORIGIN)


def test_another_client_is_served_meanwhile(limited: RunningStack) -> None:
    _exhaust(Client(limited.url))
    with requests.Session() as session:
        session.mount("http://", From("127.0.0.2"))
        address = f"http://127.0.0.1:{limited.settings.port}/api/v1/predict"
        form = {"file": ("blob", FRAME, "image/jpeg")}
        answer = session.post(address, data={"model": MODEL}, files=form, timeout=60)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded"])
def test_no_header_makes_a_client_another(limited: RunningStack, header: str) -> None:
    client = Client(limited.url)
    _exhaust(client)
    statuses = [_predict(client, **{header: f"203.0.113.{n}"}).status_code for n in range(6)]
    assert statuses.count(429) >= 3


def test_health_and_models_are_not_limited(limited: RunningStack) -> None:
    client = Client(limited.url)
    _exhaust(client)
    statuses = {client.get(path).status_code for path in ("/api/v1/health", "/api/v1/models") for _ in range(30)}
    assert statuses == {200}


def test_only_the_origins_of_the_setting_are_allowed(limited: RunningStack) -> None:
    client = Client(limited.url)
    assert_cors(client.get("/api/v1/models", {"Origin": ORIGIN}), ORIGIN)
    for origin in ("http://localhost:5173", "http://localhost:3000", "https://faces-example.org"):
        assert "Access-Control-Allow-Origin" not in client.get("/api/v1/models", {"Origin": origin}).headers


def _begin(stack: RunningStack, sockets: contextlib.ExitStack, source: str) -> socket.socket:
    """Send the head of a prediction from an address of this machine, and nothing of its body."""
    sock = sockets.enter_context(socket.create_connection(("127.0.0.1", stack.settings.port), 10, (source, 0)))
    sock.sendall(head("POST /api/v1/predict HTTP/1.1", "Content-Type: multipart/form-data", "Content-Length: 100"))
    return sock


def test_one_client_cannot_have_all_the_predictions_under_way(limited: RunningStack) -> None:
    with contextlib.ExitStack() as sockets:
        for _ in range(3):
            _begin(limited, sockets, "127.0.0.3")
        with requests.Session() as session:
            session.mount("http://", From("127.0.0.3"))
            url = f"http://127.0.0.1:{limited.settings.port}"
            # Until the three have arrived, others pass, and may use up the rate.
            refused = poll(
                lambda: session.post(f"{url}/api/v1/predict", timeout=10), lambda answer: "under way" in answer.text
            )
            assert_error(refused, 429, "3 predictions of this address are under way", origin=None)
            assert session.get(f"{url}/api/v1/health", timeout=10).status_code == 200
        other = requests.post(f"{url}/api/v1/predict", timeout=10)
        assert other.status_code in (400, 429), "another client's form is read, or its rate is over"
        assert "under way" not in other.text
    counted = Scrape(limited.url).total("emotion_rejections_total", reason="concurrency")
    assert counted >= 1


def test_who_comes_back_at_once_is_refused_later_than_others_are_answered(limited: RunningStack) -> None:
    """Its refusal is held back for a second: to answer it at once again and again would take the processors."""

    def is_held() -> bool:
        with contextlib.ExitStack() as attempt:
            assert _begin(limited, attempt, "127.0.0.5").recv(12) == b"HTTP/1.1 429"
            refused = _begin(limited, attempt, "127.0.0.5")  # at once
            statuses = {Client(limited.url).get("/api/v1/health").status_code for _ in range(3)}
            waits = not select.select([refused], [], [], 0)[0]
            refused.settimeout(30)
            return waits and (statuses, refused.recv(12)) == ({200}, b"HTTP/1.1 429")

    with contextlib.ExitStack() as sockets:
        for _ in range(3):
            _begin(limited, sockets, "127.0.0.5")
        poll(is_held, every=3)  # as many requests as the rate allows meanwhile


def _compare(client: Client) -> requests.Response:
    models = [forms.field("model", model) for model in (MODEL, SECOND)]
    return client.post_form(forms.image(FRAME), *models, headers={"Origin": ORIGIN}, path=COMPARE)


def test_a_comparison_takes_the_rate_of_all_its_networks(limited: RunningStack) -> None:
    client = Client(limited.url)
    answers = [poll(lambda: _compare(client), lambda answer: answer.status_code == 200, seconds=30)]
    while answers[-1].status_code == 200:
        answers.append(_compare(client))
        assert len(answers) < 50
    refused = poll(lambda: _compare(client), lambda answer: "2 networks" in answer.text, seconds=30)
    assert_error(refused, 429, "More than 1 predictions a second", "2 networks", origin=ORIGIN)
    poll(lambda: _compare(client), lambda answer: answer.status_code == 200, seconds=30)


def test_a_comparison_is_under_way_once_for_each_of_its_networks(limited: RunningStack) -> None:
    client = Client(limited.url)
    poll(lambda: _compare(client), lambda answer: answer.status_code == 200, seconds=30)
    counted = Scrape(limited.url).total("emotion_rejections_total", reason="concurrency")

    with Operator(limited).frozen(MODEL):
        held = ThreadPoolExecutor(1)
        first = held.submit(lambda: poll(lambda: _compare(client), lambda a: a.status_code == 200, seconds=60))
        poll(lambda: Scrape(limited.url).in_flight(), lambda count: count >= 1, seconds=30)
        refused = poll(lambda: _compare(client), lambda answer: "would be under way" in answer.text, seconds=30)
        assert_error(refused, 429, "More than 3 predictions of this address", "2 networks", origin=ORIGIN)
    assert first.result().status_code == 200
    assert Scrape(limited.url).total("emotion_rejections_total", reason="concurrency") > counted
