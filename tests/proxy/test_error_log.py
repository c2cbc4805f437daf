"""The error log of a proxy that runs does not grow without bound."""

from __future__ import annotations

import os
from pathlib import Path

import requests
from rich.console import Console

from scripts.proxy.error_log import LARGE_BYTES
from scripts.stack.stack import Stack
from tests.support.polling import poll
from tests.support.proxies import running_proxy

TOO_LARGE = {"Content-Length": str(11 * 2**20)}


def test_a_large_log_is_put_aside_and_nginx_goes_on_with_a_new_one(tmp_path: Path) -> None:
    with running_proxy(tmp_path / "run", {}) as proxy:
        log = proxy.settings.log_dir / "proxy-error.log"
        stack = Stack(proxy.settings, Console(quiet=True))
        stack.rotate_error_log()
        old = log.with_name("proxy-error.log.1")
        assert not old.exists()
        os.truncate(log, LARGE_BYTES + 1)
        stack.rotate_error_log()
        assert old.stat().st_size > LARGE_BYTES

        def told_anew() -> bool:
            answer = requests.post(f"{proxy.url}/api/v1/predict", headers=TOO_LARGE, timeout=10)
            assert answer.status_code == 413
            return log.exists() and "client intended to send too large body" in log.read_text()

        poll(told_anew)
