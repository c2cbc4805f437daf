"""Ask a proxy that requires keys."""

from __future__ import annotations

from collections.abc import Mapping

import requests

from tests.support.client import ORIGIN
from tests.support.proxies import RunningProxy


def get(
    proxy: RunningProxy, path: str = "/api/v1/models", headers: Mapping[str, str] | None = None
) -> requests.Response:
    return requests.get(f"{proxy.url}{path}", headers={"Origin": ORIGIN, **(headers or {})}, timeout=10)


def status_of(proxy: RunningProxy, key: str) -> int:
    return get(proxy, headers={"X-API-Key": key}).status_code
