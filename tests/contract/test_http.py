"""How the service behaves on a connection: kept alive, slow, cut, with a request id."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psutil
import pytest

from tests.support import forms, images
from tests.support.assertions import assert_prediction, json_body
from tests.support.client import ORIGIN, Client
from tests.support.polling import poll
from tests.support.reference import Reference
from tests.support.wire import connection, head, read_reply

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack

MODEL = "MobileNetV2_FER2013"
FRAME = images.frame(7)
FORM = forms.encode(forms.image(FRAME), forms.field("model", MODEL))
FORM_TYPE = f"multipart/form-data; boundary={forms.BOUNDARY}"
FORM_HEADERS = (f"Origin: {ORIGIN}", f"Content-Type: {FORM_TYPE}", f"Content-Length: {len(FORM)}")


def test_connection_is_kept_through_answers_and_errors(client: Client) -> None:
    parts = urlsplit(client.url)
    assert parts.hostname
    kept = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
    statuses, sockets = [], set()
    for method, path, body in [
        ("GET", "/api/v1/health", b""),
        ("POST", "/api/v1/predict", FORM),
        ("POST", "/api/v1/predict", FORM[:-4]),
        ("GET", "/nowhere", b""),
        ("DELETE", "/api/v1/models", b""),
        ("POST", "/api/v1/predict", FORM),
    ]:
        kept.request(method, path, body, {"Content-Type": FORM_TYPE})
        sockets.add(kept.sock)
        response = kept.getresponse()
        response.read()
        statuses.append(response.status)
    kept.close()
    assert statuses == [200, 200, 400, 404, 405, 200]
    assert len(sockets) == 1
    assert None not in sockets


def test_connections_to_torchserve_are_kept(stack: RunningStack, client: Client) -> None:
    """Those that were closed are seen too: the system remembers them for a minute."""

    def ports() -> set[int]:
        ends = [
            {connection.laddr.port, connection.raddr.port}
            for connection in psutil.net_connections("tcp")
            if connection.laddr and connection.raddr
        ]
        return {port for pair in ends if stack.settings.inference_port in pair for port in pair}

    assert client.predict(FRAME, MODEL).ok
    before = ports()
    assert before
    assert all(client.predict(FRAME, MODEL).ok for _ in range(20))
    assert len(ports() - before) <= 2  # one for each of nginx's processes


def test_http_1_0_is_answered(client: Client) -> None:
    with connection(client.url) as sock:
        sock.sendall(b"GET /api/v1/health HTTP/1.0\r\n\r\n")
        reply = read_reply(sock)
    assert (reply.status_code, json_body(reply)["status"]) == (200, "healthy")


def test_client_that_waits_for_100_continue_is_answered(client: Client, reference: Reference) -> None:
    with connection(client.url) as sock:
        sock.sendall(head("POST /api/v1/predict HTTP/1.1", *FORM_HEADERS, "Expect: 100-continue"))
        assert sock.recv(4096).startswith(b"HTTP/1.1 100 ")
        sock.sendall(FORM)
        reply = read_reply(sock)
    assert_prediction(reply, MODEL, reference.probabilities(MODEL, FRAME))


def test_body_may_arrive_byte_by_byte(client: Client, reference: Reference) -> None:
    with connection(client.url) as sock:
        sock.sendall(head("POST /api/v1/predict HTTP/1.1", *FORM_HEADERS))
        for start in range(200):
            sock.sendall(FORM[start : start + 1])
        sock.sendall(FORM[200:])
        reply = read_reply(sock)
    assert_prediction(reply, MODEL, reference.probabilities(MODEL, FRAME))


def test_stalled_clients_hold_nobody_up(client: Client, reference: Reference) -> None:
    with connection(client.url) as first, connection(client.url) as second, connection(client.url) as third:
        first.sendall(b"POST /api/v1/pre")
        second.sendall(head("POST /api/v1/predict HTTP/1.1", *FORM_HEADERS))
        third.sendall(head("POST /api/v1/predict HTTP/1.1", *FORM_HEADERS) + FORM[:-100])
        response = client.predict(FRAME, MODEL)
        assert_prediction(response, MODEL, reference.probabilities(MODEL, FRAME))
        third.sendall(FORM[-100:])
        assert_prediction(read_reply(third), MODEL, reference.probabilities(MODEL, FRAME))


def test_clients_that_leave_harm_nobody(client: Client, reference: Reference) -> None:
    for _ in range(20):
        with connection(client.url) as sock:
            sock.sendall(head("POST /api/v1/predict HTTP/1.1", *FORM_HEADERS) + FORM)
    response = client.predict(FRAME, MODEL)
    assert_prediction(response, MODEL, reference.probabilities(MODEL, FRAME))


REQUESTS = {
    "models": ("GET", "/api/v1/models", None),
    "health": ("GET", "/api/v1/health", None),
    "prediction": ("POST", "/api/v1/predict", FORM),
    "malformed": ("POST", "/api/v1/predict", FORM[:-4]),
    "not-found": ("GET", "/nowhere", None),
    "not-allowed": ("PUT", "/api/v1/models", None),
    "too-large": ("POST", "/api/v1/predict", bytes(11 * 1024 * 1024)),
}


@pytest.mark.parametrize(("method", "path", "body"), REQUESTS.values(), ids=REQUESTS.keys())
def test_request_id_of_the_client_comes_back(client: Client, method: str, path: str, body: bytes | None) -> None:
    headers = {"X-Request-ID": "b7e23ec2-9af1.trace_7", "Content-Type": FORM_TYPE}
    response = client.request(method, path, data=body, headers=headers)
    assert response.headers["X-Request-ID"] == "b7e23ec2-9af1.trace_7"


@pytest.mark.parametrize(("method", "path", "body"), REQUESTS.values(), ids=REQUESTS.keys())
def test_request_without_an_id_gets_one_of_its_own(client: Client, method: str, path: str, body: bytes | None) -> None:
    ids = {
        client.request(method, path, data=body, headers={"Content-Type": FORM_TYPE}).headers["X-Request-ID"]
        for _ in range(3)
    }
    assert len(ids) == 3
    assert all(len(request_id) >= 8 for request_id in ids)


@pytest.mark.parametrize("request_id", ["", "a b\tc", '"quoted"', "x" * 5000, "größe"])
def test_unusable_request_id_is_replaced(client: Client, request_id: str) -> None:
    response = client.get("/api/v1/health", {"X-Request-ID": request_id})
    assert response.status_code == 200
    assert response.headers["X-Request-ID"].isascii()
    assert 8 <= len(response.headers["X-Request-ID"]) <= 200
    assert response.headers["X-Request-ID"] != request_id


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.parametrize(
    ("header", "logged"), [(f"00-{TRACE}-00f067aa0ba902b7-01", TRACE), (f"00-{TRACE}-01", None), (None, None)]
)
def test_without_a_collector_a_clients_trace_is_logged_and_none_begins(
    client: Client, stack: RunningStack, header: str | None, logged: str | None
) -> None:
    """With one: tests/monitoring/test_tracing.py."""
    answer = client.predict(b"no image", MODEL, {"traceparent": header})
    request_id = answer.headers["X-Request-ID"]
    access = stack.settings.log_dir / "proxy-access.log"
    (line,) = poll(lambda: [line for line in access.read_text().splitlines() if request_id in line], bool)
    assert json.loads(line).get("trace_id") == logged
    told = f"request {request_id} is answered with 415: unsupported" + (f", trace {logged}" if logged else "")
    workers = stack.settings.log_dir / "workers.log"
    poll(workers.read_text, lambda text: f"{told}\n" in text)
