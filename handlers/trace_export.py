"""Spans of each prediction, for a collector of OpenTelemetry: only where OTLP_ENDPOINT is set.

The worker only notes the times of an answer. Another thread makes spans of them by OpenTelemetry's SDK, and a third
one, the SDK's own, exports them in batches: a collector that is slow or gone delays no answer, and loses spans.
https://opentelemetry.io/docs/specs/otlp/
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Mapping, Sequence
from queue import Full, Queue
from threading import Thread
from typing import Any, Final

from abandoned import START_HEADER, header_seconds

ENDPOINT: Final = "OTLP_ENDPOINT"
# Set by the proxy: the W3C trace context, whether the trace begins with this request, and when it came, in seconds
# since the epoch. https://www.w3.org/TR/trace-context/
TRACE_HEADER: Final = "traceparent"
BEGINS_HEADER: Final = "X-Trace-Begins"
RECEIVED_HEADER: Final = "X-Request-Received"
# The proxy's id of a request, which its log has too.
REQUEST_ID_HEADER: Final = "X-Request-ID"

SERVICE: Final = "emotion-torchserve"
BATCH_MS: Final = 1000
# Answers whose spans are not made yet; more are dropped.
MAX_NOTES: Final = 1000

Stages = Sequence[tuple[str, float, float]]
"""Name, begin and end of what was done, in seconds since the epoch."""

logger = logging.getLogger(__name__)


def trace_id(header: str | None) -> str:
    """The trace that a ``traceparent`` names, in hexadecimal; empty without one."""
    return header.split("-")[1] if header else ""


def load_tracing(environment: Mapping[str, str]) -> Tracing | None:
    """What exports spans to OTLP_ENDPOINT; None where it is not set, or OpenTelemetry's SDK is not installed."""
    endpoint = environment.get(ENDPOINT, "")
    if not endpoint:
        return None
    try:
        return Tracing(endpoint)
    except ImportError as error:
        logger.warning("%s is set, but nothing is traced (%s); run 'make tracing'", ENDPOINT, error)
        return None


class Tracing:
    """Notes answers, and exports their spans from threads of its own."""

    HEADERS = (TRACE_HEADER, BEGINS_HEADER, RECEIVED_HEADER, START_HEADER, REQUEST_ID_HEADER)

    def __init__(self, endpoint: str) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

        class Ids(RandomIdGenerator):
            """Random, but for a trace that begins here: the proxy has chosen and logged its id."""

            trace = 0

            def generate_trace_id(self) -> int:
                return self.trace

        self._ids = Ids()
        service = Resource.create({SERVICE_NAME: SERVICE})
        self._provider = TracerProvider(resource=service, id_generator=self._ids, shutdown_on_exit=False)
        exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
        self._provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=BATCH_MS))
        self._tracer = self._provider.get_tracer(SERVICE)
        self._notes: Queue[tuple[Mapping[str, str | None], Mapping[str, Any], Stages, float]] = Queue(MAX_NOTES)
        Thread(target=self._make, name="tracing", daemon=True).start()

    def note(self, headers: Mapping[str, str | None], about: Mapping[str, Any], stages: Stages) -> None:
        """Have the spans of an answer made and exported, later.

        ``headers`` has those of HEADERS, ``about`` the attributes of the whole, its HTTP ``status`` among them.
        """
        if headers[TRACE_HEADER]:
            with contextlib.suppress(Full):
                self._notes.put_nowait((headers, about, stages, time.time()))

    def _make(self) -> None:
        while True:
            note = self._notes.get()
            try:
                self._spans(*note)
            except Exception:
                logger.exception("an answer is not traced")

    def _spans(self, headers: Mapping[str, str | None], about: Mapping[str, Any], stages: Stages, end: float) -> None:
        from opentelemetry import trace

        arrival = stages[0][1] if stages else end
        sent = min(header_seconds(headers[START_HEADER], arrival), arrival)
        received = min(header_seconds(headers[RECEIVED_HEADER], sent), sent)
        attributes = {
            "emotion.request_id": headers[REQUEST_ID_HEADER] or "",
            "http.response.status_code": about["status"],
            **{f"emotion.{name}": value for name, value in about.items() if name != "status"},
        }
        kind = trace.SpanKind.SERVER
        whole = self._tracer.start_span("proxy", self._parent(headers), kind, attributes, start_time=_ns(received))
        inside = trace.set_span_in_context(whole)
        for name, begin, finish in (("queue", sent, arrival), *stages):
            self._tracer.start_span(name, inside, start_time=_ns(begin)).end(_ns(finish))
        if about["status"] >= 500:
            whole.set_status(trace.StatusCode.ERROR)
        whole.end(_ns(end))

    def _parent(self, headers: Mapping[str, str | None]) -> Any:
        """The client's span; none for a trace that begins here."""
        from opentelemetry import trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        header = headers[TRACE_HEADER] or ""
        if headers[BEGINS_HEADER]:
            self._ids.trace = int(trace_id(header), 16)
            return trace.set_span_in_context(trace.INVALID_SPAN)
        return TraceContextTextMapPropagator().extract({TRACE_HEADER: header})


def _ns(seconds: float) -> int:
    return int(seconds * 1e9)
