"""The page over HTTPS, also for a visitor who typed http://."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.support.authority import Authority
from tests.support.models import SERVED
from tests.support.places import TEST_DIR
from tests.support.proxies import RunningProxy, proxy_of

from .browser import OpenPage
from .demo import Demo

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack

PROTOCOLS = """() => performance.getEntries().filter((entry) => /^(navigation|resource)$/.test(entry.entryType))
    .map((entry) => entry.nextHopProtocol)"""


@pytest.fixture
def proxy(stack: RunningStack, process: str, tmp_path: Path) -> Iterator[RunningProxy]:
    """A proxy with TLS before the TorchServe of the nine models."""
    pair = Authority(tmp_path).issue("own")
    settings = {"TLS_CERTIFICATE": str(pair.certificate), "TLS_KEY": str(pair.key)}
    with proxy_of(stack, TEST_DIR / process / "https", **settings) as running:
        yield running


def test_the_page_is_sent_to_https_and_posts_there(proxy: RunningProxy, open_page: OpenPage, face: Path) -> None:
    url = f"{proxy.settings.url}/"
    demo = Demo(open_page(url.replace("https://", "http://") + "?mode=one", ignore_https_errors=True)).wait_for_models()
    expect(demo.page).to_have_url(re.compile(re.escape(url) + r"(\?|$)"))
    demo.choose_model(SERVED)
    demo.choose_file(face)
    assert len(demo.expect_answer()) == 7
    assert set(demo.page.evaluate(PROTOCOLS)) == {"h2"}
