"""A real browser, and pages in it that may show no error and ask no other host."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import requests
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support.commands import program_is_missing
from tests.support.models import OTHER, SERVED
from tests.support.places import SAMPLES
from tests.support.polling import poll
from tests.support.proxies import proxy_of
from tests.support.sites import Site, some_of_the_nine

from .browser import CHROMIUM, FLAGS, OpenDemo, OpenPage, Watch
from .demo import Demo
from .tabs import TIMEOUT, Prepare, Tab, Tabs, nothing

if TYPE_CHECKING:
    from tests.support.proxies import RunningProxy
    from tests.support.stacks import RunningStack


# A browser that is open keeps an event loop in this thread, so it ends with this package.
@pytest.fixture(scope="package")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Debian's Chromium, headless, with a fake webcam."""
    if not CHROMIUM.exists():
        program_is_missing(f"{CHROMIUM} is missing; run 'apt-get update && apt-get install -y chromium' as root")
    with sync_playwright() as playwright:
        expect.set_options(timeout=TIMEOUT)  # playwright's own is 5 s
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def rebound(browser: Browser) -> Iterator[Browser]:
    """A Chromium for which the name evil.example means this machine, as after DNS rebinding."""
    flags = [*FLAGS, "--host-resolver-rules=MAP evil.example 127.0.0.1"]
    other = browser.browser_type.launch(executable_path=CHROMIUM, args=flags)
    yield other
    other.close()


@pytest.fixture(scope="package")
def tabs(browser: Browser) -> Iterator[Tabs]:
    """Its tabs."""
    tabs = Tabs(browser)
    yield tabs
    tabs.close()


@pytest.fixture
def open_page(tabs: Tabs) -> Iterator[OpenPage]:
    """Open an address in a tab of which no trace of another test is left.

    ``expected`` are patterns of console messages that the test provokes, ``hosts`` further hosts the page may ask,
    ``options`` go to playwright's ``new_context``. Everything else on the console fails the test. A tab that is not
    ``shared`` is new and not used again: one whose context the test changes for good.
    """
    opened: list[tuple[Tab, Watch]] = []

    def open_(
        url: str,
        *,
        expected: Sequence[str] = (),
        hosts: Sequence[str] = (),
        prepare: Prepare = nothing,
        shared: bool = True,
        **options: Any,
    ) -> Page:
        tab = tabs.take(prepare, options, shared=shared)
        opened.append((tab, Watch(tab.context, {urlsplit(url).netloc, *hosts}, expected)))
        tab.page.goto(url)
        return tab.page

    yield open_
    troubles = []
    for tab, watch in opened:
        troubles += watch.end()
        tabs.give_back(tab)
    assert troubles == []


@pytest.fixture
def open_demo(open_page: OpenPage) -> OpenDemo:
    """Open the demonstration page of a stack and wait until it knows the models.

    It is open for one model and without a picture, unless ``opening`` has another query.
    """

    def open_(stack: RunningStack | RunningProxy, *, opening: str = "?mode=one", **options: Any) -> Demo:
        return Demo(open_page(f"{stack.url}/{opening}", **options)).wait_for_models()

    return open_


@pytest.fixture(scope="package")
def cached(stack: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningProxy]:
    """The nine models behind a proxy that keeps answers, for tests that ask the same again and look at the page."""
    with proxy_of(stack, tmp_path_factory.mktemp("cached") / "run", CACHE="600") as running:
        poll(lambda: requests.get(f"{running.url}/api/v1/health/ready", timeout=10).ok)
        yield running


@pytest.fixture(scope="session")
def small_site(tmp_path_factory: pytest.TempPathFactory, results: Path, archives: Path) -> Site:
    """A model store with the quickest model alone: its stacks start in a few seconds."""
    return some_of_the_nine(tmp_path_factory.mktemp("small"), results, archives, (OTHER,))


@pytest.fixture
def two_models(tmp_path: Path, results: Path, archives: Path) -> Site:
    """A model store with two quick models, for a test to change."""
    return some_of_the_nine(tmp_path, results, archives, (OTHER, SERVED))


@pytest.fixture(scope="package")
def limited(stack: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningProxy]:
    """The nine models behind a proxy that takes one prediction a second from a client."""
    with proxy_of(stack, tmp_path_factory.mktemp("limited") / "run", RATE_LIMIT="1", RATE_BURST="0") as running:
        poll(lambda: requests.get(f"{running.url}/api/v1/health/ready", timeout=10).ok)
        yield running


@pytest.fixture(scope="session")
def face() -> Path:
    """A drawing of a face, as JPEG."""
    return SAMPLES / "happiness.jpg"
