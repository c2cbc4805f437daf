"""Pages of the listed origins may use the service; others get no permission."""

from __future__ import annotations

import pytest
import requests

from tests.support import images
from tests.support.assertions import assert_cors
from tests.support.client import Client

MODEL = "MobileNetV2_FER2013"
LISTED = [f"{scheme}://localhost:{port}" for scheme in ("http", "https") for port in (5173, 3000)]
FOREIGN = [
    "https://example.org",
    "http://localhost",
    "http://localhost:5174",
    "http://localhost:51730",
    "http://localhost:5173.example.org",
    "http://127.0.0.1:5173",
    "http://xlocalhost:5173",
    "http://LOCALHOST:5173",
    "http://localhost:5173/",
    "http://localhost:5173 http://localhost:3000",
    "*",
    "null",
]


def _answers(client: Client, origin: str | None) -> list[requests.Response]:
    """One answer of each kind: from the proxy, from a worker, errors of both."""
    headers = {"Origin": origin}
    return [
        client.get("/api/v1/models", headers),
        client.get("/api/v1/health", headers),
        client.get("/nowhere", headers),
        client.get("/api/v1/predict", headers),
        client.predict(images.frame(5), MODEL, headers),
        client.predict(b"no image", MODEL, headers),
        client.predict(images.frame(5), "nobody", headers),
        client.predict(bytes(11 * 1024 * 1024), MODEL, headers),
    ]


STATUSES = [200, 200, 404, 405, 200, 415, 400, 413]


@pytest.mark.parametrize("origin", LISTED)
def test_listed_origin_may_read_every_answer(client: Client, origin: str) -> None:
    answers = _answers(client, origin)
    assert [answer.status_code for answer in answers] == STATUSES
    for answer in answers:
        assert_cors(answer, origin)


@pytest.mark.parametrize("origin", [*FOREIGN, None])
def test_foreign_origin_gets_no_permission_and_may_not_post(client: Client, origin: str | None) -> None:
    answers = _answers(client, origin)
    statuses = STATUSES if origin is None else [*STATUSES[:4], 403, 403, 403, 413]
    assert [answer.status_code for answer in answers] == statuses
    for answer in answers:
        given = [name for name in answer.headers if name.lower().startswith("access-control-allow")]
        assert given == []
        assert "origin" in answer.headers["Vary"].lower()


def _preflight(client: Client, path: str, method: str, origin: str) -> requests.Response:
    return client.request(
        "OPTIONS",
        path,
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "content-type,x-request-id",
        },
    )


@pytest.mark.parametrize("origin", LISTED)
@pytest.mark.parametrize(
    ("path", "method"), [("/api/v1/predict", "POST"), ("/api/v1/models", "GET"), ("/api/v1/health", "GET")]
)
def test_preflight_of_a_listed_origin_is_granted(client: Client, path: str, method: str, origin: str) -> None:
    response = _preflight(client, path, method, origin)
    assert response.status_code in (200, 204)
    assert response.content == b""
    assert_cors(response, origin)
    methods = {name.strip() for name in response.headers["Access-Control-Allow-Methods"].split(",")}
    assert method in methods
    assert "DELETE" not in methods
    allowed = response.headers["Access-Control-Allow-Headers"].lower()
    assert {"content-type", "x-request-id"} <= {name.strip() for name in allowed.split(",")}


@pytest.mark.parametrize("origin", FOREIGN)
def test_preflight_of_a_foreign_origin_grants_nothing(client: Client, origin: str) -> None:
    response = _preflight(client, "/api/v1/predict", "POST", origin)
    assert "Access-Control-Allow-Origin" not in response.headers
    assert "Access-Control-Allow-Credentials" not in response.headers
