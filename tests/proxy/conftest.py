"""Proxies without TorchServe behind them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psutil
import pytest

from scripts.access.apps import app_keys
from tests.proxy.guarded import status_of
from tests.proxy.modules import Modules
from tests.support.authority import Installed
from tests.support.polling import poll
from tests.support.ports import free_ports
from tests.support.proxies import RunningProxy, running_proxy


@pytest.fixture(scope="package")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, psutil.Process]]:
    """A proxy without TorchServe behind it: its address and its main process."""
    with running_proxy(tmp_path_factory.mktemp("forms"), {"RATE_LIMIT": "0"}) as running:
        yield running.settings.url, psutil.Process(running.pid)


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Modules:
    """The modules of proxy/njs, under Node.js."""
    return Modules(tmp_path_factory.mktemp("modules"))


@pytest.fixture(scope="package")
def url(proxy: tuple[str, psutil.Process]) -> str:
    """The address forms are sent to."""
    return f"{proxy[0]}/api/v1/predict"


@pytest.fixture(scope="module")
def tls_proxy(installed: Installed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningProxy]:
    """A proxy with TLS on both of its ports."""
    listen = f"127.0.0.1:{free_ports(1)[0]}"
    environment = {**installed.settings, "MANAGEMENT_LISTEN": listen, "CLIENT_REQUESTS": "0"}
    with running_proxy(tmp_path_factory.mktemp("reload") / "run", environment) as running:
        yield running


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningProxy]:
    """A proxy that requires keys, and takes two predictions of each at once."""
    listen = f"127.0.0.1:{free_ports(1)[0]}"
    environment = {"ALLOW_ANONYMOUS": "0", "CLIENT_REQUESTS": "2", "MANAGEMENT_LISTEN": listen}
    with running_proxy(tmp_path_factory.mktemp("keys"), environment) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def make_key(guarded: RunningProxy) -> Callable[[str], str]:
    """Make a key, and wait until it is known."""

    def make(name: str) -> str:
        key = app_keys(guarded.settings).add(name)
        poll(lambda: status_of(guarded, key), lambda status: status == 200)
        return key

    return make
