"""What a browser may send for a page of a listed origin: every header that it asks for, as with the backend of old."""

from __future__ import annotations

import psutil
import pytest
import requests

ORIGIN = "http://localhost:5173"
DEFAULT = "Content-Type, X-Request-ID, X-Request-Deadline-Ms, Authorization, X-API-Key"


def preflight(url: str, origin: str, asked: str | None, path: str = "/api/v1/predict") -> requests.Response:
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": asked}
    return requests.options(url + path, headers=headers, timeout=10)


@pytest.mark.parametrize(
    "asked",
    [
        "authorization",
        "x-requested-with",
        "authorization,content-type,x-requested-with",
        "cache-control, pragma",
        "sentry-trace,baggage,traceparent",
        "ngrok-skip-browser-warning",
    ],
)
@pytest.mark.parametrize("path", ["/api/v1/predict", "/api/v1/models", "/nowhere"])
def test_a_preflight_allows_the_headers_that_it_asks_for(
    proxy: tuple[str, psutil.Process], asked: str, path: str
) -> None:
    answer = preflight(proxy[0], ORIGIN, asked, path)
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Headers"] == asked
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert "DELETE" not in answer.headers["Access-Control-Allow-Methods"]


def test_a_preflight_that_asks_for_none_gets_those_of_the_api(proxy: tuple[str, psutil.Process]) -> None:
    assert preflight(proxy[0], ORIGIN, None).headers["Access-Control-Allow-Headers"] == DEFAULT


@pytest.mark.parametrize("origin", ["http://example.org", "null"])
def test_another_origin_is_allowed_nothing(proxy: tuple[str, psutil.Process], origin: str) -> None:
    answer = preflight(proxy[0], origin, "authorization")
    assert [name for name in answer.headers if name.lower().startswith("access-control-allow")] == []
