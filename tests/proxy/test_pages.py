"""The root, which is a page for browsers and JSON for everything else: what caches may do, what a link to it shows."""

from __future__ import annotations

import io
import re

import psutil
import pytest
import requests
from PIL import Image


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [("text/html", "text/html; charset=utf-8"), ("*/*", "application/json"), ("", "application/json")],
)
def test_root_is_not_kept_for_clients_that_ask_for_something_else(
    proxy: tuple[str, psutil.Process], accept: str, content_type: str
) -> None:
    answer = requests.get(f"{proxy[0]}/", headers={"Accept": accept}, timeout=10)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, content_type)
    assert "Accept" in answer.headers["Vary"].split(", ")  # not as a part of Accept-Encoding


def test_page_says_what_to_show_beside_a_link_to_it(proxy: tuple[str, psutil.Process]) -> None:
    """https://ogp.me; the picture's address is relative, since the service may be below a path of another proxy."""
    page = requests.get(f"{proxy[0]}/", headers={"Accept": "text/html"}, timeout=10).text
    said = dict(re.findall(r'<meta property="og:([a-z:]+)" content="([^"]+)">', page))
    assert said.keys() == {"title", "description", "type", "image", "image:width", "image:height", "image:alt"}
    picture = requests.get(f"{proxy[0]}/{said['image']}", timeout=10)
    with Image.open(io.BytesIO(picture.content)) as image:
        assert image.size == (int(said["image:width"]), int(said["image:height"]))
    assert len(picture.content) < 100_000
