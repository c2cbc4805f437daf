"""Bodies that arrive slowly: each is answered, and nothing is held for longer than its bound."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import suppress

import psutil
import pytest

from tests.proxy.forms import UNKNOWN, form
from tests.support import h2
from tests.support.assertions import json_body
from tests.support.authority import NAME, Authority, Installed
from tests.support.polling import poll
from tests.support.proxies import RunningProxy, running_proxy
from tests.support.wire import connection, exchange, head, read_reply

UPLOAD_TIMEOUT = 3
STILL = "Nothing more of the body came for 2 seconds; send the request again."
SLOW = "The body did not arrive within 3 seconds; send a smaller image."
FORM = form("x", ("file", bytes(20_000)), ("model", UNKNOWN.encode()))
TYPE = "Content-Type: multipart/form-data; boundary=x"
CHUNK = b"%x\r\n%s\r\n" % (len(FORM), FORM)
BODIES = {
    "length": (f"Content-Length: {len(FORM)}", FORM),
    "chunked": ("Transfer-Encoding: chunked", CHUNK + b"0\r\n\r\n"),
}
each_body = pytest.mark.parametrize(("header", "body"), BODIES.values(), ids=BODIES.keys())


@pytest.fixture(scope="module")
def proxy(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningProxy]:
    """A proxy that waits three seconds for a body."""
    with running_proxy(tmp_path_factory.mktemp("uploads"), {"UPLOAD_TIMEOUT": str(UPLOAD_TIMEOUT)}) as running:
        yield running


def start(header: str, path: str = "/api/v1/predict") -> bytes:
    return head(f"POST {path} HTTP/1.1", TYPE, header)


def closed(sock: socket.socket) -> bool:
    """Whether the server has closed the connection, which goes on sending."""
    with suppress(ConnectionError):
        sock.sendall(b"0")
        sock.settimeout(0.1)
        with suppress(TimeoutError):
            return sock.recv(4096) == b""
        return False
    return True


@each_body
def test_a_body_that_stands_still_is_answered_and_its_connection_closed(
    proxy: RunningProxy, header: str, body: bytes
) -> None:
    with connection(proxy.url) as sock:
        sock.sendall(start(header) + body[:1000])
        reply = read_reply(sock)
        assert (reply.status_code, json_body(reply)) == (408, {"success": False, "error": STILL})
        assert reply.headers["X-Request-ID"]
        assert poll(lambda: closed(sock), bool, seconds=20)


@each_body
def test_a_body_that_trickles_is_answered_and_its_connection_closed(
    proxy: RunningProxy, header: str, body: bytes
) -> None:
    """Each byte would give it more time by nginx's own rule."""
    with connection(proxy.url) as sock:
        sock.sendall(start(header))
        sock.settimeout(0.2)
        answered = b""
        for sent in range(1000):
            sock.sendall(body[sent : sent + 1])
            with suppress(TimeoutError):
                answered = sock.recv(4096)
                break
        assert answered.startswith(b"HTTP/1.1 408 ")
        assert SLOW in answered.decode()
        assert poll(lambda: closed(sock), bool, seconds=20)


@each_body
def test_a_body_that_arrives_in_time_is_read_whole(proxy: RunningProxy, header: str, body: bytes) -> None:
    with connection(proxy.url) as sock:
        for answers in range(2):  # the second on the connection that was kept
            sock.sendall(start(header) + body[:1000])
            time.sleep(1.5)
            sock.sendall(body[1000:])
            reply = read_reply(sock)
            assert reply.status_code == 400, answers
            assert str(json_body(reply)["error"]).startswith(f"Unknown model '{UNKNOWN}'")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/nowhere", 404),
        ("POST", "/api/v1/health", 405),
        ("GET", "/", 200),
        ("GET", "/api/v1/models/X/ready", 404),
    ],
)
def test_where_no_body_is_taken_none_is_waited_for(proxy: RunningProxy, method: str, path: str, status: int) -> None:
    for header in ("Content-Length: 9000000", "Transfer-Encoding: chunked"):
        with connection(proxy.url) as sock:
            sock.sendall(head(f"{method} {path} HTTP/1.1", header) + b"800\r\n")
            sock.settimeout(5)
            assert read_reply(sock).status_code == status


def test_the_metrics_take_no_body(proxy: RunningProxy) -> None:
    reply = exchange(proxy.url, head("GET /metrics HTTP/1.1", "Content-Length: 2"))
    assert (reply.status_code, json_body(reply)["error"]) == (
        413,
        "This path takes no body; send the request without one.",
    )


def test_a_body_that_is_not_taken_is_not_written_to_the_disk(proxy: RunningProxy) -> None:
    with connection(proxy.url) as sock:
        sock.sendall(head("POST /nowhere%0a HTTP/1.1", "Content-Length: 1000000") + bytes(1_000_000))
        assert read_reply(sock).status_code == 404
        sock.sendall(head("GET /api/v1/health/live HTTP/1.1"))
        assert read_reply(sock).status_code == 200
    assert "temporary file" not in (proxy.settings.log_dir / "proxy-error.log").read_text()


def test_the_error_of_the_open_inference_protocol_has_its_shape(proxy: RunningProxy) -> None:
    with connection(proxy.url) as sock:
        sock.sendall(start("Content-Length: 100", "/v2/models/X/infer") + b"{")
        assert json_body(read_reply(sock)) == {"error": STILL}


@pytest.mark.parametrize("leave", ["reset", "close"])
def test_clients_that_leave_in_the_middle_harm_nobody(proxy: RunningProxy, leave: str) -> None:
    """Before the answer, with it, and after it."""
    before = {child.pid for child in psutil.Process(proxy.pid).children()}
    for wait in (0.0, 0.5, 2.0, 2.5):
        socks = [socket.create_connection(("127.0.0.1", proxy.settings.port)) for _ in range(20)]
        for sock in socks:
            sock.sendall(start(f"Content-Length: {len(FORM)}") + FORM[:1000])
        time.sleep(wait)
        for sock in socks:
            if leave == "reset":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()
    with connection(proxy.url) as sock:
        sock.sendall(start(f"Content-Length: {len(FORM)}") + FORM)
        assert read_reply(sock).status_code == 400
    assert {child.pid for child in psutil.Process(proxy.pid).children()} == before


def test_one_stream_of_http_2_that_stands_still_leaves_the_others(
    authority: Authority, installed: Installed, tmp_path_factory: pytest.TempPathFactory
) -> None:
    settings = {**installed.settings, "SERVER_NAMES": f"localhost {NAME}", "UPLOAD_TIMEOUT": str(UPLOAD_TIMEOUT)}
    headers = {"content-type": "multipart/form-data; boundary=x", "content-length": str(len(FORM))}
    with running_proxy(tmp_path_factory.mktemp("h2"), settings) as proxy:
        url = f"https://localhost:{proxy.settings.port}"
        with h2.connection(url, authority.client("h2")) as http:
            still = http.begin("POST", "/api/v1/predict", headers, FORM[:1000])
            assert http.request("POST", "/api/v1/predict", headers, FORM).status_code == 400
            reply = http.reply(still)
            assert (reply.status_code, json_body(reply)) == (408, {"success": False, "error": STILL})
            untaken = http.begin("POST", "/nowhere", {}, b"0")
            assert http.reply(untaken).status_code == 404
            time.sleep(3)  # the stream has been cut off
            assert http.request("POST", "/api/v1/predict", headers, FORM).status_code == 400
