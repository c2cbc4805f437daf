"""The root, which is a page for browsers and JSON for everything else: what caches may do."""

from __future__ import annotations

import psutil
import pytest
import requests


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [("text/html", "text/html; charset=utf-8"), ("*/*", "application/json"), ("", "application/json")],
)
def test_root_is_not_kept_for_clients_that_ask_for_something_else(
    proxy: tuple[str, psutil.Process], accept: str, content_type: str
) -> None:
    answer = requests.get(f"{proxy[0]}/", headers={"Accept": accept}, timeout=10)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, content_type)
    assert {"Accept", "User-Agent"} <= set(answer.headers["Vary"].split(", "))
