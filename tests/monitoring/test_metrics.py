"""/metrics counts what clients saw and what the workers did, and no more series than it should."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from scripts.catalogue import load_catalogue
from scripts.settings import ROOT
from tests.support import forms, images
from tests.support.assertions import assert_error
from tests.support.client import Client, at_once
from tests.support.commands import program_is_missing
from tests.support.models import ARCHIVE, OTHER, SERVED
from tests.support.operator_view import Operator
from tests.support.polling import poll

from .scrape import Scrape, settled

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack, StartStack

FRAME = images.frame(90)
PREDICT = "/api/v1/predict"


def test_a_prediction_is_counted_with_its_times_and_its_answer(client: Client) -> None:
    before = Scrape(client.url)
    answer = client.predict(FRAME, SERVED)
    after = settled(client.url)

    def grown(name: str, **labels: str) -> float:
        return after.value(name, **labels) - before.value(name, **labels)

    assert grown("emotion_http_requests_total", route=PREDICT, model=SERVED, status="200") == 1
    assert grown("emotion_predictions_total", model=SERVED, emotion=answer.json()["top_emotion"]) == 1
    version = answer.json()["version"]
    parts = [
        after.total(f"emotion_{stage}_seconds_sum", model=SERVED)
        - before.total(f"emotion_{stage}_seconds_sum", model=SERVED)
        for stage in ("prediction_queue", "batch_decode", "batch_inference")
    ]
    outcome = {"route": PREDICT, "model": SERVED, "version": version, "status_class": "2xx"}
    total = grown("emotion_http_request_duration_seconds_sum", **outcome)
    assert min(parts) > 0
    assert sum(parts) <= total + 0.005  # nginx counts in milliseconds
    assert grown("emotion_batch_inference_seconds_count", model=SERVED, version=version) == 1
    for metric in ("prediction_queue_seconds", "batch_decode_seconds", "batch_size"):
        assert grown(f"emotion_{metric}_count", model=SERVED) == 1
        assert grown(f"emotion_{metric}_bucket", model=SERVED, le="+Inf") == 1


def test_a_batch_is_counted_once_however_many_images_it_has(client: Client, operator: Operator) -> None:
    before = Scrape(client.url)
    with operator.frozen(ARCHIVE) as pid, ThreadPoolExecutor(1) as thread:
        answers = thread.submit(at_once, [lambda: client.predict(FRAME, SERVED)] * 9)
        poll(lambda: operator.pending(ARCHIVE), lambda pending: pending >= 1)
        os.kill(pid, signal.SIGCONT)
        assert [answer.status_code for answer in answers.result()] == [200] * 9
    after = settled(client.url)
    batches = after.value("emotion_batch_size_count", model=SERVED) - before.value(
        "emotion_batch_size_count", model=SERVED
    )
    predicted = after.value("emotion_batch_size_sum", model=SERVED) - before.value(
        "emotion_batch_size_sum", model=SERVED
    )
    assert predicted == 9
    assert 2 <= batches < 9


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [(b"GIF89a", "damaged", "400"), (b"%PDF-1.7", "unsupported", "415")],
)
def test_an_image_that_cannot_be_used_is_counted_by_kind(
    client: Client, content: bytes, kind: str, status: str
) -> None:
    before = Scrape(client.url)
    client.predict(content, SERVED)
    after = settled(client.url)
    for name, labels in (
        ("emotion_image_errors_total", {"model": SERVED, "kind": kind}),
        ("emotion_http_requests_total", {"route": PREDICT, "model": SERVED, "status": status}),
    ):
        assert after.value(name, **labels) - before.value(name, **labels) == 1, name


def test_errors_that_nginx_answers_are_counted(client: Client) -> None:
    before = Scrape(client.url)
    client.get("/nowhere")
    client.post_form(forms.image(bytes(10 * 2**20)), forms.field("model", SERVED))
    for name, labels in (
        ("emotion_http_requests_total", {"route": "other", "model": "", "status": "404"}),
        ("emotion_http_requests_total", {"route": PREDICT, "model": "unknown", "status": "413"}),
        ("emotion_rejections_total", {"model": "unknown", "reason": "body_size"}),
        (
            "emotion_http_request_duration_seconds_count",
            {"route": PREDICT, "model": "unknown", "version": "", "status_class": "4xx"},
        ),
    ):
        once_more = before.value(name, **labels) + 1
        poll(lambda: Scrape(client.url).value(name, **labels), lambda value: value == once_more)  # noqa: B023


def test_names_that_clients_make_up_never_become_labels(client: Client) -> None:
    names = [f"made-up-{number}" for number in range(5)]
    for name in names:
        client.predict(FRAME, name)
        client.get(f"/{name}?model={name}")
        client.request("GET", "/", headers={"Host": name, "X-Request-ID": name})
    scrape = Scrape(client.url)
    assert "made-up" not in scrape.text
    assert scrape.labels("model") == {"", "unknown", SERVED, OTHER}
    assert scrape.labels("model_name") <= {SERVED, OTHER}


def test_rate_limit_and_pixel_limit_are_counted_by_reason(
    start_stack: StartStack, store_settings: dict[str, str]
) -> None:
    with start_stack(**store_settings, LOAD_MODELS=SERVED, RATE_LIMIT="1", RATE_BURST="1", MAX_PIXELS="1000") as stack:
        client = Client(stack.url)
        answers = [client.predict(FRAME, SERVED).status_code for _ in range(4)]
        assert set(answers) == {413, 429}
        poll(
            lambda: Scrape(stack.url).total("emotion_rejections_total", reason="rate_limit"),
            lambda value: value == answers.count(429),
        )
        scrape = settled(stack.url)
        assert scrape.value("emotion_rejections_total", model=SERVED, reason="pixels") == answers.count(413)
        assert scrape.value("emotion_image_errors_total", model=SERVED, kind="too_large") == answers.count(413)


@pytest.fixture
def store_settings(monitored: RunningStack) -> dict[str, str]:
    names = ("RESULTS_DIR", "MODEL_STORE", "CATALOGUE")
    return {name: monitored.environment[name] for name in names}


def test_a_full_queue_is_counted_and_in_flight_falls_back(client: Client, operator: Operator) -> None:
    def rejected() -> float:
        return Scrape(client.url).value("emotion_rejections_total", model=SERVED, reason="queue_full")

    before = rejected()
    with operator.frozen(ARCHIVE) as pid, ThreadPoolExecutor(1) as thread:
        answers = thread.submit(at_once, [lambda: client.predict(FRAME, SERVED)] * 120)
        poll(rejected, lambda number: number > before)
        assert Scrape(client.url).value("emotion_predictions_in_flight", model=SERVED) >= 100
        os.kill(pid, signal.SIGCONT)
        statuses = [answer.status_code for answer in answers.result()]
    assert set(statuses) == {200, 503}
    after = settled(client.url)
    assert rejected() - before == statuses.count(503)
    refused = {"route": PREDICT, "model": SERVED, "version": "", "status_class": "5xx"}
    assert after.value("emotion_http_request_duration_seconds_count", **refused) >= statuses.count(503)


def test_models_and_memory_are_shown(client: Client, operator: Operator) -> None:
    scrape = Scrape(client.url)
    assert scrape.value("emotion_models_available") == scrape.value("emotion_models_loaded") == 2
    assert scrape.value("emotion_torchserve_up") == 1
    for model in (SERVED, OTHER):
        assert scrape.value("emotion_model_expected", model=model) == 1
        assert scrape.value("emotion_model_ready", model=model) == 1
        assert scrape.value("emotion_model_refused", model=model) == 0
        assert 5e7 < scrape.value("emotion_worker_resident_memory_bytes", model=model) < 2e9
    limit = scrape.value("emotion_memory_limit_bytes")
    assert 0 < scrape.value("emotion_memory_available_bytes") < limit


def test_torchserves_metrics_follow_under_the_names_of_the_contract(client: Client) -> None:
    client.predict(FRAME, SERVED)
    scrape = Scrape(client.url)
    received = {labels for name, labels in scrape.samples if name == "ts_inference_requests_total"}
    assert any(("model_name", SERVED) in labels for labels in received), scrape.text
    assert f'"{ARCHIVE}"' not in scrape.text


def test_every_counted_model_starts_at_zero(start_stack: StartStack, store_settings: dict[str, str]) -> None:
    with start_stack(**store_settings, LOAD_MODELS="none") as stack:
        scrape = poll(lambda: Scrape(stack.url), _expects_no_model)
        for name, model in load_catalogue(stack.settings.catalogue).items():
            for emotion in model.emotions:
                assert (
                    scrape.samples["emotion_predictions_total", frozenset({("model", name), ("emotion", emotion)})] == 0
                )
            full = frozenset({("model", name), ("reason", "queue_full")})
            assert scrape.samples["emotion_rejections_total", full] == 0


def _expects_no_model(scrape: Scrape) -> bool:
    return {scrape.value("emotion_model_expected", model=model) for model in (SERVED, OTHER)} == {0}


def test_only_allowed_addresses_read_them(start_stack: StartStack, store_settings: dict[str, str]) -> None:
    with start_stack(**store_settings, LOAD_MODELS="none", METRICS_ALLOW="192.0.2.0/24") as stack:
        client = Client(stack.url)
        message = assert_error(client.get("/metrics"), 403)
        assert "METRICS_ALLOW" in message
        assert client.get("/api/v1/health/live").status_code == 200


def test_promtool_finds_no_fault_in_the_services_own_metrics(client: Client) -> None:
    if shutil.which("promtool") is None:
        program_is_missing("promtool is not installed; it is in Debian's package prometheus")
    client.predict(FRAME, SERVED)
    found = subprocess.run(
        ["promtool", "check", "metrics"], input=Scrape(client.url).text, text=True, capture_output=True, check=False
    )
    faults = (found.stdout + found.stderr).splitlines()
    assert [line for line in faults if line.startswith("emotion_") or "error" in line] == []


def test_every_metric_is_documented_and_every_documented_one_exists(client: Client) -> None:
    documented = set(re.findall(r"`((?:emotion|ts)_\w+|[A-Z]\w+[a-zX]\w*)`", _metric_tables()))
    client.predict(FRAME, SERVED)
    client.faces(FRAME, SERVED)
    shown = set(re.findall(r"^# TYPE (\S+)", Scrape(client.url).text, re.MULTILINE))
    elsewhere = {"emotion_key_requests_total", "emotion_cache_requests_total"}  # test_keys.py, test_cache.py
    tried = {name for name in documented if name.startswith("emotion_trial_")}  # test_canary.py
    of_a_balancer = {name for name in documented if re.match("emotion_(node_|model_nodes)", name)}  # tests/nodes
    assert documented - elsewhere - tried - of_a_balancer == shown


def _metric_tables() -> str:
    """The first columns of the tables of metrics."""
    text = (ROOT / "docs" / "metrics.md").read_text().split("## Rules")[0]
    return "\n".join(line.split("|")[1] for line in text.splitlines() if line.startswith("| `"))
