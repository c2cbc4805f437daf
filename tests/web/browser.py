"""The browser and how it is watched: pages may show no error and ask no other host."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, WebError

from .demo import Demo

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
OpenDemo = Callable[..., Demo]


class Watch:
    """Notes what a page must not do: errors and warnings on its console, requests to other hosts."""

    def __init__(self, context: BrowserContext, hosts: set[str], expected: Sequence[str]) -> None:
        self.troubles: list[str] = []
        self._hosts = hosts
        self._expected = [re.compile(pattern) for pattern in expected]
        self._context = context
        context.on("console", self._console)
        context.on("weberror", self._error)
        context.on("request", self._request)

    def end(self) -> list[str]:
        """What has been noted; nothing more is."""
        self._context.remove_listener("console", self._console)
        self._context.remove_listener("weberror", self._error)
        self._context.remove_listener("request", self._request)
        return self.troubles

    def _error(self, error: WebError) -> None:
        self.troubles.append(f"exception: {error.error}")

    def _console(self, message: ConsoleMessage) -> None:
        if message.location.get("url", "").endswith("/favicon.ico"):
            return  # Chromium's own, for the picture that a tab shows between tests
        if message.type in ("error", "warning") and not any(each.search(message.text) for each in self._expected):
            self.troubles.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.netloc not in self._hosts:
            self.troubles.append(f"request to another host: {request.url}")
