"""Traces in the histogram of requests, where Prometheus asks for OpenMetrics; others get what they always got."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parsed
from prometheus_client.samples import Exemplar, Sample

from tests.support import images
from tests.support.client import Client
from tests.support.models import SERVED
from tests.support.polling import poll

from .prometheus import running_prometheus
from .scrape import Scrape, settled

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack

FRAME = images.frame(96)
DURATION = "emotion_http_request_duration_seconds"
OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
# As Prometheus 2.42 sends it.
ACCEPT = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;q=0.5"
COUNTED = {"route": "/api/v1/predict", "model": SERVED, "status_class": "2xx"}


def traced(client: Client, *, sampled: bool = True) -> str:
    """Ask for a prediction as part of a trace, whose id is returned."""
    trace = secrets.token_hex(16)
    answer = client.predict(FRAME, SERVED, {"traceparent": f"00-{trace}-00f067aa0ba902b7-0{int(sampled)}"})
    assert answer.status_code == 200
    return trace


def open_metrics(url: str) -> list[Metric]:
    response = requests.get(f"{url}/metrics", headers={"Accept": ACCEPT}, timeout=30)
    assert (response.status_code, response.headers["Content-Type"]) == (200, OPEN_METRICS)
    return list(parsed(response.text))  # type: ignore[no-untyped-call]


def samples(families: Iterable[Metric]) -> list[Sample]:
    return [sample for family in families for sample in family.samples]


def exemplars(url: str) -> dict[str, tuple[Sample, Exemplar]]:
    """By trace."""
    found = [(sample, sample.exemplar) for sample in samples(open_metrics(url)) if sample.exemplar]
    return {exemplar.labels["trace_id"]: (sample, exemplar) for sample, exemplar in found}


def test_the_bucket_of_a_traced_request_names_its_trace(client: Client) -> None:
    before = time.time()
    trace = traced(client)
    sample, exemplar = poll(lambda: exemplars(client.url), lambda found: trace in found)[trace]
    assert (sample.name, sample.labels | COUNTED) == (f"{DURATION}_bucket", sample.labels)
    assert 0 < exemplar.value <= float(sample.labels["le"])
    assert exemplar.timestamp is not None
    assert before <= float(exemplar.timestamp) <= time.time()


def test_a_trace_that_nobody_keeps_is_not_named(client: Client) -> None:
    traces = [traced(client, sampled=False), traced(client)]
    found = poll(lambda: exemplars(client.url), lambda found: traces[1] in found)
    assert traces[0] not in found


def test_openmetrics_has_the_same_values_under_the_same_names(client: Client) -> None:
    """Only bounds that are whole numbers are written otherwise: a value of le is a number there."""
    traced(client)
    settled(client.url)
    plain = {
        (
            name,
            frozenset(
                (label, f"{value}.0" if (label, value.isdigit()) == ("le", True) else value) for label, value in has
            ),
        )
        for name, has in Scrape(client.url).samples
    }
    families = open_metrics(client.url)
    assert {(sample.name, frozenset(sample.labels.items())) for sample in samples(families)} == plain
    kinds = {family.name: family.type for family in families}
    assert kinds[DURATION] == "histogram"
    assert kinds["emotion_http_requests"] == kinds["ts_inference_requests"] == "counter"
    assert kinds["Requests2XX"] == "unknown"


@pytest.mark.parametrize("accept", [None, "*/*", "text/plain", "application/openmetrics-text;q=0, text/plain"])
def test_nobody_gets_openmetrics_who_does_not_ask_for_it(client: Client, accept: str | None) -> None:
    traced(client)
    response = requests.get(f"{client.url}/metrics", headers={"Accept": accept}, timeout=30)
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "trace_id" not in response.text
    assert "# EOF" not in response.text


def test_prometheus_keeps_the_exemplars(monitored: RunningStack, client: Client, tmp_path: Path) -> None:
    with running_prometheus(tmp_path, f"127.0.0.1:{monitored.settings.port}", {}) as prometheus:
        trace = traced(client)
        now = str(time.time() + 60)

        def kept() -> set[str]:
            series = prometheus.get("query_exemplars", query=f"{DURATION}_bucket", start="0", end=now)
            return {exemplar["labels"]["trace_id"] for one in series for exemplar in one["exemplars"]}

        poll(kept, lambda found: trace in found)
