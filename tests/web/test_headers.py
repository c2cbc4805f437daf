"""The headers of the pages and their files: what a browser may do with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack

PAGES = {"/": "page", "/docs": "docs", "/redoc": "docs"}
FILES = (
    "/static/js/main.js",
    "/static/css/page.css",
    "/static/favicon.svg",
    "/static/samples/fear.jpg",
    "/docs/swagger-ui.css",
)
COMMON = {
    "Server": "nginx",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Cache-Control": "no-cache",
}
# No page is framed, sends a form elsewhere, or loads anything from another host; no script is inline.
CLOSED = {
    "default-src": "'none'",
    "script-src": "'self'",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
POLICIES = {
    "page": {
        **CLOSED,
        "style-src": "'self'",
        "img-src": "'self' blob:",
        "require-trusted-types-for": "'script'",
    },
    "docs": {
        **CLOSED,
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
    },
}


def _get(stack: RunningStack, path: str) -> requests.Response:
    headers = {"Accept": "text/html", "Origin": "http://localhost:5173"}
    answer = requests.get(f"{stack.url}{path}", headers=headers, timeout=10)
    assert answer.status_code == 200, answer.text
    return answer


@pytest.mark.parametrize("path", [*PAGES, *FILES])
def test_pages_and_files_are_for_this_origin_alone(stack: RunningStack, path: str) -> None:
    headers = _get(stack, path).headers
    assert {name: headers.get(name) for name in COMMON} == COMMON
    assert headers["X-Request-ID"]
    assert [name for name in headers if name.lower().startswith("access-control-")] == []


@pytest.mark.parametrize(("path", "policy"), PAGES.items())
def test_pages_have_their_policy(stack: RunningStack, path: str, policy: str) -> None:
    text = _get(stack, path).headers["Content-Security-Policy"]
    directives = [directive.strip().split(maxsplit=1) for directive in text.split(";")]
    assert dict(directives) == POLICIES[policy]
