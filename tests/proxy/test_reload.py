"""A renewed certificate is loaded while clients ask; one that cannot serve is not."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from threading import Event

import psutil
import pytest
import requests

from scripts.processes import ProcessRecord, write_records
from scripts.proxy import reloading
from scripts.proxy.rendering import ProxyError
from tests.support import forms, h2
from tests.support.authority import Authority, Installed
from tests.support.polling import poll
from tests.support.ports import free_ports
from tests.support.proxies import RunningProxy, running_proxy

FORM = forms.encode(forms.image(os.urandom(200_000)), forms.field("model", "none"))
FORM_TYPE = {"content-type": f"multipart/form-data; boundary={forms.BOUNDARY}"}
PAUSE = 0.05  # s between two requests of a client that keeps its connection, so that it is idle meanwhile
RENEWALS = 2


@pytest.fixture(scope="module")
def proxy(installed: Installed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningProxy]:
    listen = f"127.0.0.1:{free_ports(1)[0]}"
    environment = {**installed.settings, "MANAGEMENT_LISTEN": listen, "CLIENT_REQUESTS": "0"}
    with running_proxy(tmp_path_factory.mktemp("reload") / "run", environment) as running:
        yield running


def serial(authority: Authority, address: str) -> str:
    """The serial number of the certificate that a new connection gets."""
    host, _, port = address.rpartition(":")
    with (
        socket.create_connection((host, int(port)), timeout=10) as sock,
        authority.client().wrap_socket(sock, server_hostname=host) as tls,
    ):
        certificate = tls.getpeercert()
        assert certificate
        return str(certificate["serialNumber"])


def workers(proxy: RunningProxy) -> set[psutil.Process]:
    return set(psutil.Process(proxy.pid).children())


Ask = Callable[[], int]


@contextlib.contextmanager
def kept(url: str, authority: Authority) -> Iterator[Ask]:
    """Posts a form on one connection, as an app does; the status."""
    with requests.Session() as session:
        verify = str(authority.file)

        def ask() -> int:
            Event().wait(PAUSE)
            answer = session.post(f"{url}/api/v1/predict", data=FORM, headers=FORM_TYPE, timeout=30, verify=verify)
            return answer.status_code

        yield ask


@contextlib.contextmanager
def fresh(url: str, authority: Authority) -> Iterator[Ask]:
    """Posts a form on a connection of its own each time."""

    def ask() -> int:
        with kept(url, authority) as once:
            return once()

    yield ask


@contextlib.contextmanager
def by_http_2(url: str, authority: Authority) -> Iterator[Ask]:
    """Posts a form on one connection as long as the server takes streams; what it has not begun with is sent again."""
    with contextlib.ExitStack() as open_:
        client = authority.client("h2")
        connections = [open_.enter_context(h2.connection(url, client))]

        def ask() -> int:
            Event().wait(PAUSE)
            try:
                return connections[-1].request("POST", "/api/v1/predict", FORM_TYPE, FORM).status_code
            except h2.NotProcessedError:
                connections.append(open_.enter_context(h2.connection(url, client)))
                return ask()

        yield ask


def test_no_request_is_lost_while_certificates_are_renewed(
    proxy: RunningProxy, authority: Authority, installed: Installed
) -> None:
    url, done = f"https://localhost:{proxy.settings.port}", Event()
    addresses = [f"127.0.0.1:{proxy.settings.port}", proxy.settings.management_listen]

    def keep_asking(client: Callable[[str, Authority], contextlib.AbstractContextManager[Ask]]) -> Counter[int]:
        statuses = Counter[int]()
        with client(url, authority) as ask:
            while not done.is_set():
                statuses[ask()] += 1
        return statuses

    with ThreadPoolExecutor(6) as threads:
        asking = [threads.submit(keep_asking, client) for client in [kept, fresh, by_http_2] * 2]
        try:
            seen = [serial(authority, addresses[0])]
            for number in range(RENEWALS):
                installed.install(authority.issue(f"renewed-{number}"))
                reloaded = proxy.command("stack", "reload")
                assert reloaded.returncode == 0, reloaded.stderr
                (now,) = {serial(authority, address) for address in addresses for _ in range(10)}
                assert now not in seen
                seen.append(now)
        finally:
            done.set()
        for answered in asking:
            statuses = answered.result()
            assert statuses.keys() == {400}, statuses  # the form names no model, and there is no TorchServe
            assert statuses[400] > RENEWALS


def test_a_connection_that_is_idle_at_a_reload_takes_one_more_request(
    proxy: RunningProxy, authority: Authority
) -> None:
    idle = http.client.HTTPSConnection("localhost", proxy.settings.port, timeout=10, context=authority.client())
    with contextlib.closing(idle):
        answers = []
        for _ in range(2):
            idle.request("GET", "/api/v1/health/live")
            answer = idle.getresponse()
            answers.append((answer.status, answer.headers["Connection"], bool(answer.read())))
            reloading.reload(proxy.settings, proxy.pid)
    assert answers == [(200, "keep-alive", True), (200, "close", True)]


def test_a_reload_says_what_serves_and_old_processes_end(
    proxy: RunningProxy, authority: Authority, installed: Installed
) -> None:
    before = workers(proxy)
    reloaded = proxy.command("stack", "reload")
    certificate = installed.pair.certificate
    listening = [f"127.0.0.1:{proxy.settings.port}", proxy.settings.management_listen]
    said = "".join(f"{address} answers with {certificate}.\n" for address in listening)
    assert (reloaded.returncode, reloaded.stdout) == (0, f"{said}Reloaded.\n")
    poll(lambda: workers(proxy), lambda now: len(now) == 2 and not now & before, seconds=20)


def test_counters_outlive_a_reload(proxy: RunningProxy, authority: Authority) -> None:
    url = f"https://localhost:{proxy.settings.port}"

    def counted() -> float:
        text = requests.get(f"{url}/metrics", verify=str(authority.file), timeout=10).text
        start = 'emotion_http_requests_total{route="other",model="",status="404"} '
        return sum(float(line.removeprefix(start)) for line in text.splitlines() if line.startswith(start))

    requests.get(f"{url}/nowhere", verify=str(authority.file), timeout=10)
    before = poll(counted)
    assert proxy.command("stack", "reload").returncode == 0
    assert counted() == before


def test_a_reload_needs_no_setting_but_the_run_directory(
    proxy: RunningProxy, authority: Authority, installed: Installed
) -> None:
    installed.install(authority.issue("by-certbot"))
    before = serial(authority, f"127.0.0.1:{proxy.settings.port}")
    alone = RunningProxy(proxy.settings, {"RUN_DIR": proxy.environment["RUN_DIR"]}, proxy.pid)
    reloaded = alone.command("stack", "reload")
    assert reloaded.returncode == 0, reloaded.stderr
    assert serial(authority, f"127.0.0.1:{proxy.settings.port}") != before


@pytest.mark.parametrize("trouble", ["other-key", "expired", "missing"])
def test_what_cannot_serve_is_refused_and_the_old_certificate_stays(
    proxy: RunningProxy, authority: Authority, installed: Installed, trouble: str
) -> None:
    good = authority.issue("good")
    installed.install(good)
    assert proxy.command("stack", "reload").returncode == 0
    before, running = serial(authority, f"127.0.0.1:{proxy.settings.port}"), workers(proxy)
    bad = authority.issue(
        trouble, not_after=datetime(2026, 1, 2, tzinfo=timezone.utc) if trouble == "expired" else None
    )
    if trouble == "other-key":
        bad.key.write_bytes(good.key.read_bytes())
    if trouble == "missing":
        bad.certificate.unlink()
    installed.install(bad)
    refused = proxy.command("stack", "reload")
    installed.install(good)
    told = {
        "other-key": f"TLS_KEY={installed.pair.key}: is not the key of the first certificate in ",
        "expired": f"TLS_CERTIFICATE={installed.pair.certificate}: has expired on 2026-01-02; renew it",
        "missing": f"TLS_CERTIFICATE={installed.pair.certificate}: cannot be read (No such file or directory); ",
    }[trouble]
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith(told)
    assert serial(authority, f"127.0.0.1:{proxy.settings.port}") == before
    assert workers(proxy) >= {worker for worker in running if worker.is_running()}


def test_a_configuration_that_nginx_refuses_is_not_loaded(proxy: RunningProxy) -> None:
    broken = proxy.settings.run_dir / "nginx" / "server" / "routes.conf"
    text, running = broken.read_text(), workers(proxy)
    broken.write_text("nonsense on;")
    try:
        refused = proxy.command("stack", "reload")
    finally:
        broken.write_text(text)
    assert refused.returncode == 1
    assert 'unknown directive "nonsense"' in refused.stderr
    assert workers(proxy) == running


@pytest.mark.parametrize("text", [None, "{", "[]", '{"127.0.0.1:1": {}}'])
def test_a_start_by_an_older_version_is_told(proxy: RunningProxy, text: str | None) -> None:
    path = proxy.settings.run_dir / "nginx" / "listeners.json"
    before, running = path.read_text(), workers(proxy)
    path.unlink()
    if text is not None:
        path.write_text(text)
    try:
        with pytest.raises(ProxyError, match=f"^{path}: cannot be read; start the stack anew"):
            reloading.reload(proxy.settings, proxy.pid)
    finally:
        path.write_text(before)
    assert workers(proxy) == running


def test_a_proxy_that_does_not_load_its_files_is_told(proxy: RunningProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reloading, "SECONDS", 1.0)
    os.kill(proxy.pid, signal.SIGSTOP)
    try:
        with pytest.raises(ProxyError, match=r"^the proxy has not loaded its files within 1 s; see /"):
            reloading.reload(proxy.settings, proxy.pid)
    finally:
        os.kill(proxy.pid, signal.SIGCONT)


def test_a_reload_without_tls_says_so(tmp_path: Path) -> None:
    with running_proxy(tmp_path / "run", {}) as plain:
        reloaded = plain.command("stack", "reload")
    assert (reloaded.returncode, reloaded.stdout) == (0, "Reloaded; there is no certificate, since TLS is off.\n")


def test_a_reload_without_a_proxy_says_so(proxy: RunningProxy) -> None:
    record = proxy.settings.run_dir / "stack.json"
    record.unlink()
    try:
        refused = proxy.command("stack", "reload")
    finally:
        write_records(record, {"proxy": ProcessRecord.of(proxy.pid)})
    assert refused.returncode == 4
    assert refused.stderr == "the proxy does not run; `make start` starts the stack\n"
