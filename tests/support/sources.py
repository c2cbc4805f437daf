"""Clients from several addresses of this machine."""

from __future__ import annotations

from typing import Any

from requests.adapters import HTTPAdapter


class From(HTTPAdapter):
    """Connects from an address, such as 127.0.0.9."""

    def __init__(self, address: str) -> None:
        self._address = (address, 0)
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options, source_address=self._address)
