"""Clients that take all that the proxy has of something keep no other from its answer."""

from __future__ import annotations

import resource
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
import requests

from tests.proxy.forms import UNKNOWN, form
from tests.support.assertions import json_body
from tests.support.polling import poll
from tests.support.proxies import running_proxy
from tests.support.wire import head

CONNECTIONS = 3000
# More than fit into 2 GiB, the most there is by default: 102 do, each counted twice, and 8 MiB are left.
BODIES, LARGEST = 110, 10 * 2**20
# What a process takes besides the bodies.
SPARE = 16 * 2**20
# No client may have so many requests under way.
SENDERS = {"leave": ("127.0.0.2", "127.0.0.3"), "their process ends": ("127.0.0.4", "127.0.0.5")}


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


@pytest.fixture(params=SENDERS)
def end_of_bodies(request: pytest.FixtureRequest, proxy: tuple[str, psutil.Process]) -> Iterator[Callable[[], None]]:
    """Bodies that fill the memory there is for them, and do not arrive; a function that ends them."""
    own = SENDERS[request.param]
    with ExitStack() as open_sockets:
        for number in range(BODIES):
            connection = open_sockets.enter_context(_sender(proxy[0], own[number % len(own)]))
            connection.sendall(head("POST /api/v1/predict HTTP/1.1", f"Content-Length: {LARGEST}") + b"--x\r\n")
        yield open_sockets.close if request.param == "leave" else lambda: _kill_all(proxy[1])


def _kill_all(main: psutil.Process) -> None:
    for process in main.children():
        process.kill()


def test_bodies_that_would_fill_the_memory_are_refused_and_small_ones_are_not(
    proxy: tuple[str, psutil.Process], end_of_bodies: Callable[[], None]
) -> None:
    refused = poll(lambda: _post(proxy[0], 5 * 2**20), lambda answer: answer.status_code == 503)
    assert refused.headers["Retry-After"] == "2"
    assert "memory" in json_body(refused)["error"]
    assert _post(proxy[0], 200_000).status_code == 400
    metrics = requests.get(f"{proxy[0]}/metrics", timeout=10).text
    assert 'emotion_rejections_total{model="unknown",reason="body_memory"}' in metrics
    end_of_bodies()
    with suppress(requests.ConnectionError):  # where a process has just ended
        poll(lambda: _post(proxy[0], 5 * 2**20), lambda answer: answer.status_code == 400)
    poll(lambda: _post(proxy[0], 5 * 2**20), lambda answer: answer.status_code == 400)


def test_the_memory_for_bodies_is_a_setting_and_holds_their_copies(tmp_path: Path) -> None:
    """64 MiB are for three of the largest bodies, each held twice, whatever sends how many at once."""
    with running_proxy(tmp_path / "run", {"BODY_MEMORY": "64", "CLIENT_REQUESTS": "0"}) as small:
        processes = psutil.Process(small.pid).children()
        before = [_peak(process.pid) for process in processes]
        with ThreadPoolExecutor(12) as threads:
            statuses = list(threads.map(lambda _: _post(small.url, LARGEST - 1000).status_code, range(36)))
        assert set(statuses) <= {400, 503}
        assert statuses.count(400) >= 3
        more = [_peak(process.pid) - first for process, first in zip(processes, before, strict=True)]
        assert max(more) < 64 * 2**20 + SPARE
        # What was answered is counted until nginx has logged it: a sender may come too early for that.
        poll(lambda: _statuses_beside_senders(small.url, 3), lambda statuses: statuses == (503, 400))


def _statuses_beside_senders(url: str, count: int) -> tuple[int, int]:
    """Of a post of 5 MiB and a small one, while bodies of the largest size are on their way."""
    with ExitStack() as open_sockets:
        for _ in range(count):
            sender = open_sockets.enter_context(_sender(url, "127.0.0.1"))
            sender.sendall(head("POST /api/v1/predict HTTP/1.1", f"Content-Length: {LARGEST}") + b"--x\r\n")
        return _post(url, 5 * 2**20).status_code, _post(url, 200_000).status_code


def _peak(pid: int) -> int:
    """The most memory that a process had, in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def _post(url: str, size: int) -> requests.Response:
    body = form("x", ("file", bytes(size)), ("model", UNKNOWN.encode()))
    declared = {"Content-Type": "multipart/form-data; boundary=x"}
    return requests.post(f"{url}/api/v1/predict", data=body, headers=declared, timeout=60)


@contextmanager
def _sender(url: str, own: str) -> Iterator[socket.socket]:
    address = urlsplit(url)
    with socket.create_connection((address.hostname, address.port), 10, (own, 0)) as connection:
        yield connection
