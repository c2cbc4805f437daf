"""A real browser, and pages in it that may show no error and ask no other host."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.support.commands import program_is_missing
from tests.support.places import SAMPLES
from tests.support.stores import FAST, Store

from .demo import Demo

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack, StartStack

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
)

OpenPage = Callable[..., Page]


class Watch:
    """Notes what a page must not do: errors and warnings on its console, requests to other hosts."""

    def __init__(self, context: BrowserContext, hosts: set[str], expected: Sequence[str]) -> None:
        self.troubles: list[str] = []
        self._hosts = hosts
        self._expected = [re.compile(pattern) for pattern in expected]
        context.on("console", self._console)
        context.on("weberror", lambda error: self.troubles.append(f"exception: {error.error}"))
        context.on("request", lambda request: self._request(request.url))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not any(each.search(message.text) for each in self._expected):
            self.troubles.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")

    def _request(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob") and parts.netloc not in self._hosts:
            self.troubles.append(f"request to another host: {url}")


# A browser that is open keeps an event loop in this thread, so it ends with this package.
@pytest.fixture(scope="package")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Debian's Chromium, headless, with a fake webcam."""
    if not CHROMIUM.exists():
        program_is_missing(f"{CHROMIUM} is missing; run 'apt-get update && apt-get install -y chromium' as root")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Open an address in a context of its own.

    ``expected`` are patterns of console messages that the test provokes, ``hosts`` further hosts the page may ask,
    ``options`` go to playwright's ``new_context``. Everything else on the console fails the test.
    """
    opened: list[tuple[BrowserContext, Watch]] = []

    def open_(
        url: str,
        *,
        expected: Sequence[str] = (),
        hosts: Sequence[str] = (),
        prepare: Callable[[BrowserContext], Any] = lambda _: None,
        **options: Any,
    ) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        context.set_default_timeout(30_000)
        opened.append((context, Watch(context, {urlsplit(url).netloc, *hosts}, expected)))
        prepare(context)
        page = context.new_page()
        page.goto(url)
        return page

    yield open_
    troubles = []
    for context, watch in opened:
        troubles += watch.troubles
        context.close()
    assert troubles == []


OpenDemo = Callable[..., Demo]


@pytest.fixture
def open_demo(open_page: OpenPage) -> OpenDemo:
    """Open the demonstration page of a stack and wait until it knows the models."""

    def open_(stack: RunningStack, **options: Any) -> Demo:
        return Demo(open_page(f"{stack.url}/", **options)).wait_for_models()

    return open_


@pytest.fixture(scope="session")
def small_store(tmp_path_factory: pytest.TempPathFactory, results: Path, archives: Path) -> Store:
    """A model store with the quickest model alone: its stacks start in a few seconds."""
    return Store(tmp_path_factory.mktemp("small"), results, archives, (FAST,))


@pytest.fixture(scope="package")
def limited(start_stack: StartStack, small_store: Store) -> Iterator[RunningStack]:
    """A stack that takes one prediction a second from a client."""
    with start_stack(**small_store.settings, RATE_LIMIT="1", RATE_BURST="0") as running:
        yield running


@pytest.fixture(scope="session")
def face() -> Path:
    """A drawing of a face, as JPEG."""
    return SAMPLES / "happiness.jpg"
