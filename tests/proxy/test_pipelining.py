"""Requests that one connection sends without waiting for answers do not keep nginx from other connections."""

from __future__ import annotations

import contextlib
import json
import re
import socket
from urllib.parse import urlsplit

import psutil
import pytest

GET = b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n"
# client_header_buffer_size in proxy/templates/http/limits.conf.j2
HEADER_BUFFER = 4096


@pytest.mark.parametrize("path", [b"/api/v1/models", b"/openapi.json", b"/metrics", b"/nothing"])
def test_the_second_of_requests_that_wait_for_no_answer_is_refused_and_ends_the_connection(
    proxy: tuple[str, psutil.Process], path: bytes
) -> None:
    answers = _answers(proxy[0], GET % path * 20)
    first, second = re.findall(rb"HTTP/1\.1 (\d{3}) ", answers)
    assert (first != b"400", second) == (True, b"400")
    refused = json.loads(answers.rsplit(b"\r\n\r\n", 1)[1])
    assert "before the answer" in refused["error"]


def _answers(url: str, requests: bytes) -> bytes:
    """All that comes until the proxy closes the connection."""
    address = urlsplit(url)
    received = b""
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(requests)
        while piece := connection.recv(65536):
            received += piece
    return received


def test_requests_that_fill_nginx_s_buffers_exactly_keep_no_other_connection_waiting(
    proxy: tuple[str, psutil.Process],
) -> None:
    """nginx does not know that these were sent before the answers: it had read none of the next one."""
    filled = GET.replace(b"\r\n\r\n", b"\r\nX-Padding: %s\r\n\r\n") % (b"/api/v1/models", b"")
    filled = filled.replace(b"\r\n\r\n", b"." * (HEADER_BUFFER - len(filled)) + b"\r\n\r\n")
    address = urlsplit(proxy[0])
    place = (address.hostname, address.port)
    with contextlib.ExitStack() as stack:
        others, hostile = (
            [stack.enter_context(socket.create_connection(place, timeout=60)) for _ in range(count)]
            for count in (8, 20)
        )
        for connection in hostile:
            connection.setblocking(False)
            connection.send(filled * 200)
        for connection in others:
            connection.sendall(GET % b"/api/v1/health/live")
        assert all(connection.recv(65536) for connection in others)
        # Were they answered in one round, all answers would be there.
        answers = sum(_arrived(connection).count(b"HTTP/1.1 200") for connection in hostile)
    assert answers < 1000


def _arrived(connection: socket.socket) -> bytes:
    try:
        return connection.recv(2**22)
    except BlockingIOError:
        return b""
