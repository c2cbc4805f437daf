"""Requests that one connection sends without waiting for answers do not keep nginx from other connections."""

from __future__ import annotations

import json
import re
import selectors
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from urllib.parse import urlsplit

import psutil
import pytest

GET = b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n"
# client_header_buffer_size in proxy/templates/http/limits.conf.j2.
BUFFER = 4096
CONNECTIONS = 20


@pytest.mark.parametrize("path", [b"/api/v1/models", b"/openapi.json", b"/metrics", b"/nothing"])
def test_the_second_of_requests_that_wait_for_no_answer_is_refused_and_ends_the_connection(
    proxy: tuple[str, psutil.Process], path: bytes
) -> None:
    answers = _answers(proxy[0], GET % path * 20)
    first, second = re.findall(rb"HTTP/1\.1 (\d{3}) ", answers)
    assert (first != b"400", second) == (True, b"400")
    refused = json.loads(answers.rsplit(b"\r\n\r\n", 1)[1])
    assert "before the answer" in refused["error"]


@pytest.mark.parametrize("path", [b"/api/v1/models", b"/static/css/page.css"], ids=["script", "file"])
def test_who_asks_once_is_answered_before_those_who_sent_all_that_they_could(
    proxy: tuple[str, psutil.Process], path: bytes
) -> None:
    """Requests that fill nginx's buffer exactly do not count as pipelined: it does not see the next one yet."""
    start = (GET % path)[:-2] + b"X: "
    request = start + b"x" * (BUFFER - len(start) - 4) + b"\r\n\r\n"
    with ExitStack() as open_sockets:
        with _stopped(proxy[1]):
            flood = [open_sockets.enter_context(_connection(proxy[0])) for _ in range(CONNECTIONS)]
            sent = sum(connection.send(request * 1000) // BUFFER for connection in flood)
            neighbour = open_sockets.enter_context(_connection(proxy[0]))
            neighbour.send(GET % b"/api/v1/health/live")
        before = _answered_before(neighbour, flood)
    assert sent > 10 * CONNECTIONS
    # All that nginx has of them would be an eighth.
    assert before < sent / 10, (before, sent)


@contextmanager
def _stopped(main: psutil.Process) -> Iterator[None]:
    """All of nginx's processes stand still meanwhile."""
    processes = main.children()
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()


@contextmanager
def _connection(url: str) -> Iterator[socket.socket]:
    address = urlsplit(url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.setblocking(False)
        yield connection


def _answered_before(neighbour: socket.socket, flood: list[socket.socket]) -> int:
    """How many answers were read on the connections of ``flood`` until that of ``neighbour`` came."""
    count = 0
    with selectors.DefaultSelector() as selector:
        for connection in (neighbour, *flood):
            selector.register(connection, selectors.EVENT_READ)
        while True:
            ready = [key.fileobj for key, _ in selector.select(60)]
            if neighbour in ready:
                return count
            count += sum(_read(connection) for connection in flood if connection in ready)


def _read(connection: socket.socket) -> int:
    """The answers that have come and were not read yet."""
    count = 0
    with suppress(BlockingIOError):
        while piece := connection.recv(1 << 20):
            count += piece.count(b"HTTP/1.1 200 ")
    return count


def _answers(url: str, requests: bytes) -> bytes:
    """All that comes until the proxy closes the connection."""
    address = urlsplit(url)
    received = b""
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(requests)
        while piece := connection.recv(65536):
            received += piece
    return received
