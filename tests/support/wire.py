"""HTTP by hand, for requests that no well-behaved library sends."""

from __future__ import annotations

import contextlib
import http.client
import socket
from collections.abc import Generator
from dataclasses import dataclass
from urllib.parse import urlsplit

from requests.structures import CaseInsensitiveDict


@dataclass(frozen=True)
class Reply:
    """A response read from a socket."""

    status_code: int
    headers: CaseInsensitiveDict[str]
    text: str


@contextlib.contextmanager
def connection(url: str) -> Generator[socket.socket]:
    """A TCP connection to the server of ``url``."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    with socket.create_connection((parts.hostname, parts.port or 80), timeout=60) as sock:
        yield sock


def read_reply(sock: socket.socket, method: str = "GET") -> Reply:
    """Read one response; ``method`` is that of its request."""
    with contextlib.closing(http.client.HTTPResponse(sock, method=method)) as response:
        response.begin()
        return Reply(response.status, CaseInsensitiveDict(response.headers.items()), response.read().decode("utf-8"))


def exchange(url: str, request: bytes, method: str = "GET") -> Reply:
    """Send the bytes of one request on a connection of its own and read the response."""
    with connection(url) as sock:
        sock.sendall(request)
        return read_reply(sock, method)


def head(start: str, *headers: str) -> bytes:
    """The head of a request: its first line, a Host, the headers, an empty line."""
    return "\r\n".join([start, "Host: localhost", *headers, "", ""]).encode()
