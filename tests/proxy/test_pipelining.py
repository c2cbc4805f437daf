"""Requests that one connection sends without waiting for answers do not keep nginx from other connections."""

from __future__ import annotations

import json
import re
import socket
from urllib.parse import urlsplit

import psutil
import pytest

GET = b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n"


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
