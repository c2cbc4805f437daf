"""Clients that take all that the proxy has of something keep no other from its answer."""

from __future__ import annotations

import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from urllib.parse import urlsplit

import psutil
import pytest
import requests

CONNECTIONS = 3000


@pytest.fixture
def many_files() -> Iterator[None]:
    """So many connections need as many files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, CONNECTIONS + 1000)), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_files")
def test_connections_that_send_no_whole_request_keep_nobody_waiting(proxy: tuple[str, psutil.Process]) -> None:
    address = urlsplit(proxy[0])
    with ExitStack() as open_sockets:
        held = []
        for _ in range(CONNECTIONS):
            connection = socket.create_connection((address.hostname, address.port), timeout=10)
            held.append(open_sockets.enter_context(connection))
            connection.sendall(b"GET / HTTP/1.1\r\nX: ")
            connection.setblocking(False)
        assert requests.get(f"{proxy[0]}/api/v1/health/live", timeout=60).status_code == 200
        assert not any(_is_closed(connection) for connection in held)


def _is_closed(connection: socket.socket) -> bool:
    with suppress(BlockingIOError):
        return connection.recv(1) == b""
    return False
