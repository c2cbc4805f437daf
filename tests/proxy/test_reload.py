"""A renewed certificate is loaded while clients ask; one that cannot serve is not."""

from __future__ import annotations

import contextlib
import http.client
import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
import requests

from scripts.proxy import reloading
from tests.proxy.certificates import serial, workers
from tests.support import forms, h2
from tests.support.authority import Authority, Installed
from tests.support.polling import poll
from tests.support.proxies import RunningProxy

pytestmark = pytest.mark.slow

FORM = forms.encode(forms.image(os.urandom(200_000)), forms.field("model", "none"))
FORM_TYPE = {"content-type": f"multipart/form-data; boundary={forms.BOUNDARY}"}
PAUSE = 0.05  # s between two requests of a client that keeps its connection, so that it is idle meanwhile
RENEWALS = 2


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
    tls_proxy: RunningProxy, authority: Authority, installed: Installed
) -> None:
    url, done = f"https://localhost:{tls_proxy.settings.port}", Event()
    addresses = [f"127.0.0.1:{tls_proxy.settings.port}", tls_proxy.settings.management_listen]

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
                reloaded = tls_proxy.command("stack", "reload")
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
    tls_proxy: RunningProxy, authority: Authority
) -> None:
    idle = http.client.HTTPSConnection("localhost", tls_proxy.settings.port, timeout=10, context=authority.client())
    with contextlib.closing(idle):
        answers = []
        for _ in range(2):
            idle.request("GET", "/api/v1/health/live")
            answer = idle.getresponse()
            answers.append((answer.status, answer.headers["Connection"], bool(answer.read())))
            reloading.reload(tls_proxy.settings, tls_proxy.pid)
    assert answers == [(200, "keep-alive", True), (200, "close", True)]


def test_a_reload_says_what_serves_and_old_processes_end(
    tls_proxy: RunningProxy, authority: Authority, installed: Installed
) -> None:
    before = workers(tls_proxy)
    reloaded = tls_proxy.command("stack", "reload")
    certificate = installed.pair.certificate
    listening = [f"127.0.0.1:{tls_proxy.settings.port}", tls_proxy.settings.management_listen]
    said = "".join(f"{address} answers with {certificate}.\n" for address in listening)
    assert (reloaded.returncode, reloaded.stdout) == (0, f"{said}Reloaded.\n")
    poll(lambda: workers(tls_proxy), lambda now: len(now) == 2 and not now & before, seconds=20)


def test_counters_outlive_a_reload(tls_proxy: RunningProxy, authority: Authority) -> None:
    url = f"https://localhost:{tls_proxy.settings.port}"

    def counted() -> float:
        text = requests.get(f"{url}/metrics", verify=str(authority.file), timeout=10).text
        start = 'emotion_http_requests_total{route="other",model="",status="404"} '
        return sum(float(line.removeprefix(start)) for line in text.splitlines() if line.startswith(start))

    requests.get(f"{url}/nowhere", verify=str(authority.file), timeout=10)
    before = poll(counted)
    assert tls_proxy.command("stack", "reload").returncode == 0
    assert counted() == before


def test_a_reload_needs_no_setting_but_the_run_directory(
    tls_proxy: RunningProxy, authority: Authority, installed: Installed
) -> None:
    installed.install(authority.issue("by-certbot"))
    before = serial(authority, f"127.0.0.1:{tls_proxy.settings.port}")
    alone = RunningProxy(tls_proxy.settings, {"RUN_DIR": tls_proxy.environment["RUN_DIR"]}, tls_proxy.pid)
    reloaded = alone.command("stack", "reload")
    assert reloaded.returncode == 0, reloaded.stderr
    assert serial(authority, f"127.0.0.1:{tls_proxy.settings.port}") != before
