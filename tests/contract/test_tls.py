"""Predictions over TLS, by HTTP/1.1 and HTTP/2: the same answers, and none is lost at a reload or as others leave."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import psutil
import pytest
import requests

from scripts.stack import report
from tests.monitoring.scrape import settled
from tests.support import forms, h2, images
from tests.support.assertions import assert_error, assert_prediction
from tests.support.authority import Authority, Installed
from tests.support.client import ORIGIN
from tests.support.places import SAMPLES, TEST_DIR
from tests.support.polling import poll
from tests.support.proxies import RunningProxy, proxy_of
from tests.support.reference import Reference
from tests.support.stacks import RunningStack
from tests.support.wire import Reply

MODEL = "MobileNetV2_FER2013"
HEADERS = {"content-type": f"multipart/form-data; boundary={forms.BOUNDARY}", "origin": ORIGIN}
STREAMS = 8
LEAVING = 100
# Between the request and its end, s: while it is read, computed, answered.
PAUSES = (0.0, 0.005, 0.01, 0.02, 0.04)


@pytest.fixture(scope="module")
def proxy(stack: RunningStack, installed: Installed, process: str) -> Iterator[RunningProxy]:
    """A proxy with TLS before the TorchServe of the nine models."""
    with proxy_of(stack, TEST_DIR / process / "tls", **installed.settings) as running:
        yield running


@pytest.fixture(scope="module")
def url(proxy: RunningProxy) -> str:
    return proxy.settings.url


def form(content: bytes) -> bytes:
    return forms.encode(forms.image(content), forms.field("model", MODEL))


def post(http: h2.Connection, content: bytes) -> Reply:
    return http.request("POST", "/api/v1/predict", HEADERS, form(content))


def test_a_prediction_is_the_same_by_either_protocol(url: str, authority: Authority, reference: Reference) -> None:
    content = images.frame(5)
    expected = reference.probabilities(MODEL, content)
    answer = requests.post(
        f"{url}/api/v1/predict", data=form(content), headers=HEADERS, timeout=60, verify=str(authority.file)
    )
    assert_prediction(answer, MODEL, expected)
    with h2.connection(url, authority.client("h2")) as http:
        assert_prediction(post(http, content), MODEL, expected)


def test_predictions_on_one_connection_are_answered_each(url: str, authority: Authority, reference: Reference) -> None:
    contents = [images.frame(400 + number) for number in range(STREAMS)]
    with h2.connection(url, authority.client("h2")) as http:
        streams = [http.send("POST", "/api/v1/predict", HEADERS, form(content)) for content in contents]
        for stream, content in zip(streams, contents, strict=True):
            assert_prediction(http.reply(stream), MODEL, reference.probabilities(MODEL, content))


def test_errors_have_the_contracts_shape_by_http_2(url: str, authority: Authority) -> None:
    with h2.connection(url, authority.client("h2")) as http:
        assert_error(post(http, b"hello"), 415)
        assert_error(http.request("GET", "/nowhere", HEADERS), 404, "'/nowhere'")
        assert_error(http.request("DELETE", "/api/v1/models", HEADERS), 405, "DELETE is not allowed here")
        assert_error(http.request("TRACE", "/api/v1/models", HEADERS), 405, "TRACE is not allowed here")
        assert_error(http.request("POST", "/api/v1/predict", HEADERS, bytes(11 * 2**20)), 413, "10 MiB")


@pytest.mark.parametrize("resets", [True, False], ids=["reset", "closed"])
def test_clients_that_leave_cost_the_others_nothing(
    proxy: RunningProxy, url: str, authority: Authority, reference: Reference, resets: bool
) -> None:
    content = images.frame(8)
    expected, before = reference.probabilities(MODEL, content), set(psutil.Process(proxy.pid).children())
    with h2.connection(url, authority.client("h2")) as http:
        for pause in itertools.islice(itertools.cycle(PAUSES), LEAVING):
            stays = http.send("POST", "/api/v1/predict", HEADERS, form(content))
            with contextlib.nullcontext(http) if resets else h2.connection(url, authority.client("h2")) as other:
                left = other.send("POST", "/api/v1/predict", HEADERS, form(content))
                Event().wait(pause)
                if resets:
                    other.reset(left)
            assert_prediction(http.reply(stays), MODEL, expected)
    scrape = settled(url, str(authority.file))
    assert scrape.in_flight() == 0
    assert "499" in scrape.labels("status_class")
    assert "0" not in scrape.labels("status")
    assert set(psutil.Process(proxy.pid).children()) == before


def test_no_prediction_is_lost_at_a_reload(
    proxy: RunningProxy, url: str, authority: Authority, installed: Installed, reference: Reference
) -> None:
    content, done = images.frame(9), Event()
    expected = reference.probabilities(MODEL, content)

    def by_http_1() -> int:
        with requests.Session() as session:
            for count in itertools.count():
                if done.is_set():
                    return count
                answer = session.post(
                    f"{url}/api/v1/predict", data=form(content), headers=HEADERS, timeout=60, verify=str(authority.file)
                )
                assert_prediction(answer, MODEL, expected)
        raise AssertionError

    def by_http_2() -> int:
        count = 0
        while not done.is_set():
            with h2.connection(url, authority.client("h2")) as http:
                try:
                    while not done.is_set():
                        assert_prediction(post(http, content), MODEL, expected)
                        count += 1
                except h2.NotProcessedError:
                    continue
        return count

    before = set(psutil.Process(proxy.pid).children())
    with ThreadPoolExecutor(4) as threads:
        asking = [threads.submit(client) for client in (by_http_1, by_http_2) * 2]
        try:
            installed.install(authority.issue("renewed"))
            reloaded = proxy.command("stack", "reload")
            assert reloaded.returncode == 0, reloaded.stderr
        finally:
            done.set()
        assert all(answered.result() > 0 for answered in asking)
    poll(lambda: set(psutil.Process(proxy.pid).children()), lambda now: len(now) == 2 and not now & before, seconds=20)
    assert settled(url, str(authority.file)).in_flight() == 0


def test_a_model_is_ready_to_the_new_processes_after_a_reload(
    proxy: RunningProxy, url: str, authority: Authority
) -> None:
    assert proxy.command("stack", "reload").returncode == 0
    answer = requests.get(f"{url}/api/v1/models", timeout=10, verify=str(authority.file)).json()
    assert MODEL in answer["loaded_models"]
    assert report.wait_for_proxy(proxy.settings, {MODEL}, set())


def test_the_command_asks_over_https_those_it_is_told_to_trust(proxy: RunningProxy, authority: Authority) -> None:
    picture = str(SAMPLES / "fear.jpg")
    asked = proxy.command("client", picture, "--model", MODEL, "--json", "--ca", str(authority.file))
    assert (asked.returncode, json.loads(asked.stdout)["model"]) == (0, MODEL), asked.stderr
    refused = proxy.command("client", picture, "--model", MODEL)
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"{proxy.settings.url}: no trusted connection (certificate verify failed")
