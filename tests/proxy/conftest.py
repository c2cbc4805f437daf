"""Proxies without TorchServe behind them."""

from __future__ import annotations

from collections.abc import Iterator

import psutil
import pytest

from tests.support.proxies import running_proxy


@pytest.fixture(scope="package")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, psutil.Process]]:
    """A proxy without TorchServe behind it: its address and its main process."""
    with running_proxy(tmp_path_factory.mktemp("forms"), {"RATE_LIMIT": "0"}) as running:
        yield running.settings.url, psutil.Process(running.pid)


@pytest.fixture(scope="package")
def url(proxy: tuple[str, psutil.Process]) -> str:
    """The address forms are sent to."""
    return f"{proxy[0]}/api/v1/predict"
