"""Where the proxy can be reached: nginx alone, asked at its addresses."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import requests

from scripts.proxy.addresses import ProxyError
from tests.support.polling import poll
from tests.support.proxies import running_proxy


def test_all_addresses_of_ipv6_stand_for_those_of_ipv4_too(tmp_path: Path) -> None:
    """Each client is written down under the address it has, not as IPv6 for IPv4."""
    with running_proxy(tmp_path, {"BIND_ADDRESS": "::", "ALLOW_ANONYMOUS": "1"}) as proxy:
        for host in ("127.0.0.1", "[::1]", "localhost"):
            url = f"http://{host}:{proxy.settings.port}"
            assert requests.get(f"{url}/api/v1/health/live", timeout=10).ok
            strange = requests.get(f"{url}/api/v1/health/live", headers={"Host": "stranger.example"}, timeout=10)
            assert strange.status_code == requests.codes.misdirected_request
        lines = poll(lambda: proxy.log("proxy-access.log").splitlines(), lambda found: len(found) == 6)
        assert {json.loads(line)["client"] for line in lines} == {"127.0.0.1", "::1"}


@pytest.mark.parametrize("address", ["::1", "[::1]"])
def test_the_address_that_is_printed_can_be_opened(tmp_path: Path, address: str) -> None:
    with running_proxy(tmp_path, {"BIND_ADDRESS": address}) as proxy:
        assert proxy.url == f"http://[::1]:{proxy.settings.port}"
        assert requests.get(f"{proxy.url}/api/v1/health/live", timeout=10).ok


def test_a_folder_s_name_may_hold_what_patterns_are_made_of() -> None:
    """Without its included files nginx would start, and answer as one that has nothing to serve."""
    # Not pytest's folder, whose path may be too long for a socket's.
    with TemporaryDirectory(prefix="a b; ü #1 {x} 'y' [z]*?") as folder, running_proxy(Path(folder), {}) as proxy:
        assert requests.get(f"{proxy.url}/api/v1/health/live", timeout=10).json() == {"status": "live"}


def test_a_path_that_is_too_long_is_named_with_what_to_do(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 100)
    with pytest.raises(ProxyError, match=f"{folder}.*too long a path.*set RUN_DIR"), running_proxy(folder, {}):
        pass


def test_a_catalogue_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    """As Windows' editors write it."""
    entry = {"architecture": "VGG19", "dataset": "FER2013", "emotions": ["sad", "glücklich"]}
    catalogue = tmp_path / "models.json"
    catalogue.write_text(json.dumps({"A": entry}, ensure_ascii=False), encoding="utf-8-sig")
    with running_proxy(tmp_path / "run", {"CATALOGUE": str(catalogue)}) as proxy:
        models = requests.get(f"{proxy.url}/api/v1/models", timeout=10).json()["models"]
    assert models["A"]["emotions"] == ["sad", "glücklich"]
