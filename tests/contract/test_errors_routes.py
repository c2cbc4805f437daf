"""Unknown paths, wrong methods and broken HTTP get the contract's error too."""

from __future__ import annotations

import pytest

from tests.support import forms, images
from tests.support.assertions import assert_cors, assert_error
from tests.support.client import ORIGIN, Client
from tests.support.wire import exchange, head

ROUTES = {"/api/v1/predict": "POST", "/api/v1/models": "GET", "/api/v1/health": "GET", "/": "GET"}


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize(
    "path",
    [
        "/api",
        "/api/v1",
        "/api/v1/",
        "/api/v1/prediction",
        "/api/v1/predict/",
        "/api/v1/predict/MobileNetV2_FER2013",
        "/api/v1/models/MobileNetV2_FER2013",
        "/api/v1/Models",
        "/api/v2/predict",
        "/predict",
        "/favicon.txt",
        "/%F0%9F%98%80",
        "/.env",
        "/index.php",
    ],
)
def test_unknown_path_is_not_found(client: Client, method: str, path: str) -> None:
    words = [path] if "%" not in path else []
    assert_error(client.request(method, path), 404, *words)


WRONG_METHODS = [
    (path, method)
    for path, right in ROUTES.items()
    for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "BREW")
    if method != right
]


@pytest.mark.parametrize(("path", "method"), WRONG_METHODS)
def test_wrong_method_is_not_allowed(client: Client, path: str, method: str) -> None:
    response = client.request(method, path)
    assert_error(response, 405, method)
    allowed = {name.strip() for name in response.headers["Allow"].split(",")}
    assert ROUTES[path] in allowed
    assert method not in allowed


def test_wrong_method_with_a_form_is_not_allowed(client: Client) -> None:
    body = forms.encode(forms.image(images.frame(4)), forms.field("model", "MobileNetV2_FER2013"))
    response = client.request("PUT", "/api/v1/predict", data=body)
    assert_error(response, 405, "PUT")


@pytest.mark.parametrize("path", [path for path, method in ROUTES.items() if method == "GET"])
def test_head_answers_like_get_without_a_body(client: Client, path: str) -> None:
    get, response = client.get(path), client.request("HEAD", path)
    assert response.status_code == 200
    assert response.content == b""
    assert response.headers["Content-Type"] == get.headers["Content-Type"]
    assert_cors(response)


def test_head_of_a_wrong_route_has_its_status_and_no_body(client: Client) -> None:
    assert [client.request("HEAD", path).status_code for path in ("/api/v1/predict", "/nowhere")] == [405, 404]
    assert client.request("HEAD", "/api/v1/predict").content == b""


@pytest.mark.parametrize("path", ROUTES)
def test_options_of_a_route_succeeds_without_a_body(client: Client, path: str) -> None:
    response = client.request("OPTIONS", path, headers={"Origin": None})
    assert response.status_code in (200, 204)
    assert response.content == b""


BROKEN = {
    "no-request-line": b"hello\r\n\r\n",
    "no-host": b"GET /api/v1/health HTTP/1.1\r\n\r\n",
    "bad-length": head("POST /api/v1/predict HTTP/1.1", "Content-Length: many"),
    "two-lengths": head("POST /api/v1/predict HTTP/1.1", "Content-Length: 1", "Content-Length: 2"),
    "length-and-chunks": head("POST /api/v1/predict HTTP/1.1", "Content-Length: 5", "Transfer-Encoding: chunked"),
    "broken-percent": head("GET /%zz HTTP/1.1"),
    "above-the-root": head("GET /../../../etc/passwd HTTP/1.1"),
}


@pytest.mark.parametrize("request_bytes", BROKEN.values(), ids=BROKEN.keys())
def test_broken_http_is_refused_in_the_same_shape(client: Client, request_bytes: bytes) -> None:
    assert_error(exchange(client.url, request_bytes), 400, origin=None)


def test_endless_address_and_endless_header_are_refused_in_the_same_shape(client: Client) -> None:
    address = exchange(client.url, head("GET /" + "x" * 100_000 + " HTTP/1.1"))
    assert_error(address, 414, origin=None)
    header = exchange(client.url, head("GET /api/v1/health HTTP/1.1", "Cookie: " + "x" * 100_000))
    assert_error(header, 431, origin=None)


def test_broken_chunks_are_refused(client: Client) -> None:
    request = head(
        "POST /api/v1/predict HTTP/1.1",
        f"Origin: {ORIGIN}",
        f"Content-Type: multipart/form-data; boundary={forms.BOUNDARY}",
        "Transfer-Encoding: chunked",
    )
    assert_error(exchange(client.url, request + b"zz\r\nhello\r\n0\r\n\r\n"), 400)
