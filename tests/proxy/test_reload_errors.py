"""A reload of what cannot serve is refused, and the proxy goes on with what it has."""

from __future__ import annotations

import os
import signal
from datetime import datetime, timezone
from pathlib import Path

import pytest

from scripts.processes import ProcessRecord, write_records
from scripts.proxy import reloading
from scripts.proxy.rendering import ProxyError
from tests.proxy.certificates import serial, workers
from tests.support.authority import Authority, Installed
from tests.support.proxies import RunningProxy, running_proxy

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("trouble", ["other-key", "expired", "missing"])
def test_what_cannot_serve_is_refused_and_the_old_certificate_stays(
    tls_proxy: RunningProxy, authority: Authority, installed: Installed, trouble: str
) -> None:
    good = authority.issue("good")
    installed.install(good)
    assert tls_proxy.command("stack", "reload").returncode == 0
    before, running = serial(authority, f"127.0.0.1:{tls_proxy.settings.port}"), workers(tls_proxy)
    bad = authority.issue(
        trouble, not_after=datetime(2026, 1, 2, tzinfo=timezone.utc) if trouble == "expired" else None
    )
    if trouble == "other-key":
        bad.key.write_bytes(good.key.read_bytes())
    if trouble == "missing":
        bad.certificate.unlink()
    installed.install(bad)
    refused = tls_proxy.command("stack", "reload")
    installed.install(good)
    told = {
        "other-key": f"TLS_KEY={installed.pair.key}: is not the key of the first certificate in ",
        "expired": f"TLS_CERTIFICATE={installed.pair.certificate}: has expired on 2026-01-02; renew it",
        "missing": f"TLS_CERTIFICATE={installed.pair.certificate}: cannot be read (No such file or directory); ",
    }[trouble]
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith(told)
    assert serial(authority, f"127.0.0.1:{tls_proxy.settings.port}") == before
    assert workers(tls_proxy) >= {worker for worker in running if worker.is_running()}


def test_a_configuration_that_nginx_refuses_is_not_loaded(tls_proxy: RunningProxy) -> None:
    broken = tls_proxy.settings.run_dir / "nginx" / "server" / "routes.conf"
    text, running = broken.read_text(), workers(tls_proxy)
    broken.write_text("nonsense on;")
    try:
        refused = tls_proxy.command("stack", "reload")
    finally:
        broken.write_text(text)
    assert refused.returncode == 1
    assert 'unknown directive "nonsense"' in refused.stderr
    assert workers(tls_proxy) == running


@pytest.mark.parametrize("text", [None, "{", "[]", '{"127.0.0.1:1": {}}'])
def test_a_start_by_an_older_version_is_told(tls_proxy: RunningProxy, text: str | None) -> None:
    path = tls_proxy.settings.run_dir / "nginx" / "listeners.json"
    before, running = path.read_text(), workers(tls_proxy)
    path.unlink()
    if text is not None:
        path.write_text(text)
    try:
        with pytest.raises(ProxyError, match=f"^{path}: cannot be read; start the stack anew"):
            reloading.reload(tls_proxy.settings, tls_proxy.pid)
    finally:
        path.write_text(before)
    assert workers(tls_proxy) == running


def test_a_proxy_that_does_not_load_its_files_is_told(tls_proxy: RunningProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reloading, "SECONDS", 1.0)
    os.kill(tls_proxy.pid, signal.SIGSTOP)
    try:
        with pytest.raises(ProxyError, match=r"^the proxy has not loaded its files within 1 s; see /"):
            reloading.reload(tls_proxy.settings, tls_proxy.pid)
    finally:
        os.kill(tls_proxy.pid, signal.SIGCONT)


def test_a_reload_without_tls_says_so(tmp_path: Path) -> None:
    with running_proxy(tmp_path / "run", {}) as plain:
        reloaded = plain.command("stack", "reload")
    assert (reloaded.returncode, reloaded.stdout) == (0, "Reloaded; there is no certificate, since TLS is off.\n")


def test_a_reload_without_a_proxy_says_so(tls_proxy: RunningProxy) -> None:
    record = tls_proxy.settings.run_dir / "stack.json"
    record.unlink()
    try:
        refused = tls_proxy.command("stack", "reload")
    finally:
        write_records(record, {"proxy": ProcessRecord.of(tls_proxy.pid)})
    assert refused.returncode == 4
    assert refused.stderr == "the proxy does not run; `make start` starts the stack\n"
