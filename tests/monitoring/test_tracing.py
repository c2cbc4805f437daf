"""A request's trace: taken from the client or begun, in the logs, and exported without anybody waiting for it."""

from __future__ import annotations

import json
import secrets
import sys
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from trace_export import load_tracing

from tests.monitoring.collector import STAGES, Collector, Span
from tests.support import forms, images
from tests.support.client import COMPARE, Client
from tests.support.models import OTHER, SERVED
from tests.support.polling import poll

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack

FRAME = images.frame(97)
SERVER = 2  # the kind of a span
PARENT = "00f067aa0ba902b7"


def new_trace() -> str:
    return secrets.token_hex(16)


def line_of(stack: RunningStack, request_id: str) -> dict[str, Any]:
    log = stack.settings.log_dir / "proxy-access.log"
    (line,) = poll(lambda: [line for line in log.read_text().splitlines() if request_id in line], bool)
    record: dict[str, Any] = json.loads(line)
    return record


def whole(collector: Collector, trace: str, predictions: int = 1) -> dict[str, list[Span]]:
    """The spans of a trace once all are there."""
    names = ("proxy", *STAGES)
    return poll(
        lambda: collector.of(trace), lambda spans: all(len(spans.get(name, [])) == predictions for name in names)
    )


def test_a_clients_trace_goes_on_in_the_proxy_and_the_worker(
    client: Client, collector: Collector, monitored: RunningStack
) -> None:
    trace = new_trace()
    headers = {"traceparent": f"00-{trace}-{PARENT}-01", "X-Request-ID": f"trace-{trace}"}
    answer = client.predict(FRAME, SERVED, headers)
    assert answer.status_code == 200
    spans = whole(collector, trace)
    (proxy,) = spans["proxy"]
    assert (proxy.parent, proxy.kind, proxy.status, proxy.service) == (PARENT, SERVER, 0, "emotion-torchserve")
    assert proxy.attributes == {
        "emotion.request_id": f"trace-{trace}",
        "emotion.model": SERVED,
        "emotion.version": answer.json()["version"],
        "emotion.batch": 1,
        "http.response.status_code": 200,
    }
    stages = [spans[name][0] for name in STAGES]
    assert [stage.parent for stage in stages] == [proxy.id] * 3
    times = [proxy.begin, *(time for stage in stages for time in (stage.begin, stage.end)), proxy.end]
    assert all(before <= after + 1000 for before, after in pairwise(times)), times
    record = line_of(monitored, f"trace-{trace}")
    assert record["trace_id"] == trace
    assert (stages[2].end - stages[2].begin) / 1e9 == pytest.approx(record["inference_seconds"], abs=1e-5)
    assert (proxy.end - proxy.begin) / 1e9 <= record["seconds"] + 0.005


WRONG = [
    None,
    "",
    "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
    f"00-{'0' * 32}-{PARENT}-01",
    f"00-{'a' * 32}-{'0' * 16}-01",
    f"00-{'a' * 32}-{PARENT}-01-more",
    f"ff-{'a' * 32}-{PARENT}-01",
    f"00-{'a' * 31}-{PARENT}-01",
    "a trace",
]


@pytest.mark.parametrize("header", WRONG)
def test_without_a_usable_trace_one_begins(
    client: Client, collector: Collector, monitored: RunningStack, header: str | None
) -> None:
    request_id = f"trace-{new_trace()}"
    client.predict(FRAME, SERVED, {"traceparent": header, "X-Request-ID": request_id})
    trace = line_of(monitored, request_id)["trace_id"]
    assert trace not in {"a" * 32, "0" * 32}
    spans = whole(collector, trace)
    assert [span.parent for span in spans["proxy"]] == [""]
    assert {span.parent for name in STAGES for span in spans[name]} == {spans["proxy"][0].id}


def test_a_later_version_of_the_header_is_understood(client: Client, collector: Collector) -> None:
    trace = new_trace()
    client.predict(FRAME, SERVED, {"traceparent": f"01-{trace}-{PARENT}-01-what-may-come"})
    assert whole(collector, trace)["proxy"][0].parent == PARENT


def test_a_client_that_wants_no_spans_gets_none(client: Client, collector: Collector, monitored: RunningStack) -> None:
    quiet, loud = new_trace(), new_trace()
    client.predict(FRAME, SERVED, {"traceparent": f"00-{quiet}-{PARENT}-00", "X-Request-ID": f"trace-{quiet}"})
    client.predict(FRAME, SERVED, {"traceparent": f"00-{loud}-{PARENT}-01"})
    whole(collector, loud)
    assert collector.of(quiet) == {}
    assert line_of(monitored, f"trace-{quiet}")["trace_id"] == quiet


def test_an_error_is_traced_and_the_workers_log_names_the_trace(
    client: Client, collector: Collector, monitored: RunningStack
) -> None:
    trace = new_trace()
    headers = {"traceparent": f"00-{trace}-{PARENT}-01", "X-Request-ID": f"trace-{trace}"}
    assert client.predict(b"no image", SERVED, headers).status_code == 415
    spans = poll(lambda: collector.of(trace), lambda spans: "decode" in spans)
    assert [span.attributes["http.response.status_code"] for span in spans["proxy"]] == [415]
    workers = monitored.settings.log_dir / "workers.log"
    line = f"request trace-{trace} is answered with 415: unsupported, trace {trace}"
    poll(workers.read_text, lambda text: line in text)


def test_each_network_of_a_comparison_has_spans_of_its_own(client: Client, collector: Collector) -> None:
    trace = new_trace()
    parts = [forms.image(FRAME), *(forms.field("model", name) for name in (SERVED, OTHER))]
    answer = client.post_form(*parts, headers={"traceparent": f"00-{trace}-{PARENT}-01"}, path=COMPARE)
    assert answer.status_code == 200
    proxies = whole(collector, trace, predictions=2)["proxy"]
    assert sorted(str(span.attributes["emotion.model"]) for span in proxies) == sorted((SERVED, OTHER))
    assert [span.parent for span in proxies] == [PARENT] * 2


def test_a_collector_that_hangs_delays_no_answer(client: Client, collector: Collector) -> None:
    """If an export was waited for, its answer would not come before the collector's."""
    traces = [new_trace() for _ in range(20)]
    with collector.hanging():
        for trace in traces:
            answer = client.predict(FRAME, SERVED, {"traceparent": f"00-{trace}-{PARENT}-01"})
            assert answer.status_code == 200
        assert not any(collector.of(trace) for trace in traces)
    whole(collector, traces[-1])


def test_without_the_sdk_nothing_is_traced_and_the_log_says_why(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert load_tracing({}) is None
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    assert load_tracing({"OTLP_ENDPOINT": "http://127.0.0.1:1"}) is None
    assert "make tracing" in caplog.text
