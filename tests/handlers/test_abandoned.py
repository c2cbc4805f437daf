"""Requests that nobody waits for any more, by the headers of the proxy and real connections."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from abandoned import CLIENT_GONE, CONNECTION_HEADER, LATE, START_HEADER, TIMEOUT_HEADER, abandoned
from client_connection import is_open
from emotion_handler import EmotionHandler
from ts.context import Context, RequestProcessor

from tests.handlers.asking import context, photo, truth

Ends = tuple[socket.socket, socket.socket]
FAMILIES = {"127.0.0.1": socket.AF_INET, "::1": socket.AF_INET6}


@pytest.fixture(params=FAMILIES)
def ends(request: pytest.FixtureRequest) -> Iterator[Ends]:
    """Both ends of a connection: the client's and the proxy's."""
    with ExitStack() as opened:
        listening = opened.enter_context(
            socket.create_server((request.param, 0), family=FAMILIES[request.param], backlog=1)
        )
        client = opened.enter_context(socket.create_connection(listening.getsockname()[:2]))
        proxy = opened.enter_context(listening.accept()[0])
        yield client, proxy


def name_of(ends: Ends) -> str:
    (peer, peer_port), (own, own_port) = (end.getsockname()[:2] for end in ends)
    return f"{peer} {peer_port} {own} {own_port}"


def statuses(*headers: dict[str, str]) -> list[int | None]:
    """With which status each request of a batch is passed over; None if it is computed."""
    asked = Context("model", ".", {}, 8, None, "0.12.0")
    asked.request_processor = [RequestProcessor(given) for given in headers]
    found = abandoned(asked, len(headers))
    return [found[index].status if index in found else None for index in range(len(headers))]


def sent(seconds_ago: float, timeout: float = 30, name: str = "") -> dict[str, str]:
    start = f"{time.time() - seconds_ago:.3f}"
    return {START_HEADER: start, TIMEOUT_HEADER: str(timeout), CONNECTION_HEADER: name}


def test_a_connection_is_open_until_its_client_ends_it(ends: Ends) -> None:
    name = name_of(ends)
    assert is_open(name)
    ends[0].shutdown(socket.SHUT_WR)
    assert not is_open(name)


def test_a_connection_that_was_closed_on_both_sides_is_gone(ends: Ends) -> None:
    name = name_of(ends)
    for end in ends:
        end.close()
    assert not is_open(name)


@pytest.mark.parametrize(
    "name", ["", "nothing", "127.0.0.1 1 127.0.0.1", "a 1 b 2", "127.0.0.1 x 127.0.0.1 2", "1.2.3.4 99999 ::1 5"]
)
def test_what_cannot_be_looked_up_counts_as_open(name: str) -> None:
    assert is_open(name)


def test_only_what_has_waited_is_looked_up(ends: Ends) -> None:
    name = name_of(ends)
    assert statuses(sent(5, name=name)) == [None]
    ends[0].close()
    assert statuses(sent(5, name=name), sent(0, name=name), sent(5)) == [CLIENT_GONE, None, None]


def test_what_is_too_late_is_not_computed() -> None:
    assert statuses(sent(31), sent(29), sent(31, timeout=60), sent(4, timeout=3.75)) == [LATE, None, None, LATE]


@pytest.mark.parametrize("start", ["", "soon", "nan", "-inf", "inf", f"{2**40}"])
def test_a_start_that_means_nothing_abandons_nothing(start: str) -> None:
    assert statuses({START_HEADER: start, TIMEOUT_HEADER: "x"}) == [None]


def test_without_headers_everything_is_computed() -> None:
    assert statuses({}) == [None]


def test_the_others_of_a_batch_are_computed(handler: EmotionHandler) -> None:
    asked = context(Path(), 3)
    asked.request_processor[1] = RequestProcessor(sent(31))
    answers = handler.handle([{"body": photo(seed, "PNG")} for seed in range(3)], asked)
    assert [asked.get_response_status(index)[0] for index in range(3)] == [200, LATE, 200]
    reports = [asked.get_response_headers(index)["X-Prediction-Report"] for index in range(3)]
    assert ['"batch":2' in report for report in reports] == [True, False, True]
    assert answers[0] != answers[2]
    for seed in (0, 2):
        assert json.loads(answers[seed])["predictions"] == pytest.approx(truth(seed), abs=1e-4)
