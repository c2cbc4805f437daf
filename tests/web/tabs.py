"""Tabs that are kept from one test to the next: a page in a tab that was used costs a third of one in a new context."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Error, Page

Prepare = Callable[[BrowserContext], Any]

VIEWPORT = {"width": 1280, "height": 900}
# What a tab can be told at any time, as `new_context` names it; all else takes a context of its own.
CHANGEABLE = {"viewport", "color_scheme", "reduced_motion", "forced_colors", "permissions"}
KEPT = 2
TIMEOUT = 30_000  # ms, for what a page does without a model: a busy machine may take seconds


def nothing(_: BrowserContext) -> None:
    """What most tests do to a context."""


class Tab:
    """A page and its context. ``prepared`` is what has been done to the context; None if nobody else may have it."""

    def __init__(self, browser: Browser, prepared: Prepare | None, **options: Any) -> None:
        self.context = browser.new_context(**options)
        self.context.set_default_timeout(TIMEOUT)
        self.page: Page = self.context.new_page()
        self.prepared = prepared

    def be(
        self,
        viewport: Any = VIEWPORT,
        color_scheme: Any = "light",
        reduced_motion: Any = "no-preference",
        forced_colors: Any = "none",
        permissions: Any = (),
    ) -> None:
        """As a new context with these options would be."""
        self.page.set_viewport_size(viewport)
        self.page.emulate_media(color_scheme=color_scheme, reduced_motion=reduced_motion, forced_colors=forced_colors)
        self.context.clear_permissions()
        self.context.grant_permissions(list(permissions))
        self.page.mouse.move(0, 0)

    def clear(self) -> bool:
        """Leave the page that a test has opened, and forget it; whether the tab is as good as new."""
        self.page.unroute_all(behavior="ignoreErrors")
        address = urlsplit(self.page.url)
        try:
            for other in self.context.pages:
                if other is not self.page:
                    other.close()
            self.page.evaluate("() => { sessionStorage.clear(); localStorage.clear(); }")
            self.context.clear_cookies()
            # Another document of the same site: for a blank one Chromium would start another process.
            self.page.goto(f"{address.scheme}://{address.netloc}/static/favicon.svg", timeout=5_000)
        except Error:
            return False
        return True

    def close(self) -> None:
        """What its page asks meanwhile is no fault of the next test."""
        self.page.unroute_all(behavior="ignoreErrors")
        self.context.unroute_all(behavior="ignoreErrors")
        self.context.close()


class Tabs:
    """The tabs of a browser; the few that were used last are kept."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._idle: list[Tab] = []

    def take(self, prepare: Prepare, options: dict[str, Any], *, shared: bool = True) -> Tab:
        """A tab whose context was prepared by this very function, and has these options."""
        shared = shared and options.keys() <= CHANGEABLE
        for tab in self._idle if shared else ():
            if tab.prepared is prepare:
                self._idle.remove(tab)
                tab.be(**options)
                return tab
        tab = Tab(self._browser, prepare if shared else None, **{"viewport": VIEWPORT, **options})
        prepare(tab.context)
        return tab

    def give_back(self, tab: Tab) -> None:
        """Keep a tab for the next test, if it can be used again."""
        if tab.prepared and tab.clear():
            self._idle.append(tab)
        else:
            tab.close()
        while len(self._idle) > KEPT:
            self._idle.pop(0).close()

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()
