"""Requests whose end two servers may see in different places: nginx refuses them, or takes them whole.

TorchServe's Netty is of 2020 and known to misread such requests (docs/supply-chain.md). None of them reaches it: what
it gets is a request that the proxy made.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from tests.support import forms, images
from tests.support.client import Client
from tests.support.wire import connection, head

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack

MODEL = "MobileNetV2_FER2013"
MARK = "smuggled-request"
INNER = head(f"GET /models?{MARK}=1 HTTP/1.1", "Content-Length: 0")
POST, CHUNKED = "POST /api/v1/predict HTTP/1.1", "Transfer-Encoding: chunked"
LENGTH = f"Content-Length: {len(INNER)}"
IN_CHUNKS = b"%x\r\n%s\r\n0\r\n\r\n" % (len(INNER), INNER)

# Refused before anything is read of the body; the connection is closed, so that the rest is no request either.
REFUSED = {
    "a length before the coding": (head(POST, "Content-Length: 6", CHUNKED) + b"0\r\n\r\n" + INNER, 400),
    "a length behind the coding": (head(POST, CHUNKED, "Content-Length: 4") + IN_CHUNKS, 400),
    "two lengths": (head(POST, "Content-Length: 0", LENGTH) + INNER, 400),
    "the same length twice": (head(POST, LENGTH, LENGTH) + INNER, 400),
    "list of lengths": (head(POST, f"{LENGTH}, {len(INNER)}") + INNER, 400),
    "signed length": (head(POST, "Content-Length: +0") + INNER, 400),
    "length in hexadecimal": (head(POST, "Content-Length: 0x0") + INNER, 400),
    "two codings": (head(POST, CHUNKED, "Transfer-Encoding: identity") + b"0\r\n\r\n" + INNER, 400),
    "unknown coding": (head(POST, "Transfer-Encoding: xchunked") + INNER, 501),
    "chunked and another": (head(POST, "Transfer-Encoding: chunked, identity") + b"0\r\n\r\n" + INNER, 501),
    "vertical tab before the coding": (head(POST, "Transfer-Encoding: \x0bchunked") + b"0\r\n\r\n" + INNER, 501),
    "folded line": (head(POST, "Transfer-Encoding:\r\n chunked") + b"0\r\n\r\n" + INNER, 400),
    "blank before the colon": (head(POST, "Transfer-Encoding : chunked") + b"0\r\n\r\n" + INNER, 400),
    "zero byte in a name": (head(POST, "Transfer-Enc\0oding: chunked") + INNER, 400),
    "bare CR in a header": (head(POST, "X: a\rTransfer-Encoding: chunked") + INNER, 400),
    "coding in HTTP/1.0": (head("POST /api/v1/predict HTTP/1.0", CHUNKED) + IN_CHUNKS, 400),
    "size of a chunk that is none": (head(POST, CHUNKED) + b"-1\r\n" + INNER, 400),
    "size of a chunk beyond 64 bits": (head(POST, CHUNKED) + b"fffffffffffffffff\r\n" + INNER, 400),
    "chunk longer than its size": (head(POST, CHUNKED) + b"1\r\n" + INNER, 400),
}
# Understood in one way, as a body that is no form.
TAKEN_WHOLE = {
    "chunks": head(POST, CHUNKED) + IN_CHUNKS,
    "extension of a chunk": head(POST, CHUNKED) + IN_CHUNKS.replace(b"\r\n", b";a=b\r\n", 1),
    "length": head(POST, LENGTH) + INNER,
    "lines that end with LF": head(POST, LENGTH).replace(b"\r\n", b"\n") + INNER,
    "coding in capitals": head(POST, "TRANSFER-ENCODING: CHUNKED") + IN_CHUNKS,
}


def answers(client: Client, request: bytes) -> list[int]:
    """The statuses of all answers on a connection that is used for nothing else and closed after the request."""
    received = b""
    with connection(client.url) as sock, contextlib.suppress(ConnectionResetError):
        sock.sendall(request)
        # Of whatever would be taken for a second request, there is the whole: its answer comes before the end.
        sock.sendall(head("GET /last HTTP/1.1", "Connection: close"))
        while data := sock.recv(65536):
            received += data
    return [int(part[:3]) for part in received.split(b"HTTP/1.1 ")[1:]]


def nothing_arrived(stack: RunningStack) -> None:
    """TorchServe has logged no request with the mark."""
    logs = [path for path in stack.settings.log_dir.glob("*.log") if not path.name.startswith("proxy-")]
    assert logs
    assert not [path.name for path in logs if MARK in path.read_text(errors="replace")]


@pytest.mark.parametrize(("request_bytes", "status"), REFUSED.values(), ids=REFUSED.keys())
def test_an_ambiguous_request_is_refused_and_ends_its_connection(
    client: Client, stack: RunningStack, request_bytes: bytes, status: int
) -> None:
    assert answers(client, request_bytes) == [status]
    nothing_arrived(stack)


@pytest.mark.parametrize("request_bytes", TAKEN_WHOLE.values(), ids=TAKEN_WHOLE.keys())
def test_a_request_in_the_body_is_a_body(client: Client, stack: RunningStack, request_bytes: bytes) -> None:
    first, *others = answers(client, request_bytes)
    assert 400 <= first < 500
    # 400: it was sent before the first was answered.
    assert others in ([404], [400]), "only the request behind it"
    nothing_arrived(stack)


def test_what_torchserve_gets_is_made_anew(client: Client, stack: RunningStack) -> None:
    """A whole request in the picture, and in each header that is passed on or could be."""
    form = forms.encode(forms.image(images.frame(3) + INNER), forms.field("model", MODEL))
    smuggled = {"Content-Type": f"multipart/form-data; boundary={forms.BOUNDARY}", "X-Request-ID": f"{MARK}\tx"}
    response = client.request("POST", "/api/v1/predict", data=form, headers=smuggled)
    assert response.status_code == 200
    assert MARK not in response.headers["X-Request-ID"]
    nothing_arrived(stack)
