"""A receiver of OTLP over HTTP, which keeps the spans it gets."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

STAGES = ("queue", "decode", "inference")


@dataclass(frozen=True)
class Span:
    """One span; ids in hexadecimal, times in nanoseconds since the epoch, the parent empty where there is none."""

    name: str
    trace: str
    id: str
    parent: str
    kind: int
    begin: int
    end: int
    status: int
    attributes: dict[str, str | int]
    service: str


@dataclass
class Collector:
    """Where it listens, and what it got. It answers while ``open``."""

    url: str
    spans: list[Span] = field(default_factory=list)
    open: Event = field(default_factory=Event)

    def of(self, trace: str) -> dict[str, list[Span]]:
        """The spans of a trace, by name."""
        found: dict[str, list[Span]] = {}
        for span in list(self.spans):
            if span.trace == trace:
                found.setdefault(span.name, []).append(span)
        return found

    @contextlib.contextmanager
    def hanging(self) -> Generator[None]:
        """Take what comes, and answer nothing."""
        self.open.clear()
        try:
            yield
        finally:
            self.open.set()

    def take(self, body: bytes) -> None:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = _values(resource.resource.attributes)["service.name"]
            for span in (span for scope in resource.scope_spans for span in scope.spans):
                ids = (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex())
                times = (span.start_time_unix_nano, span.end_time_unix_nano)
                code, attributes = int(span.status.code), _values(span.attributes)
                self.spans.append(Span(span.name, *ids, int(span.kind), *times, code, attributes, str(service)))


def _values(attributes: Any) -> dict[str, str | int]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}


@contextlib.contextmanager
def running_collector() -> Generator[Collector]:
    """Listen on a free port."""

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            collector.open.wait(60)
            known = self.path == "/v1/traces" and self.headers["Content-Type"] == "application/x-protobuf"
            if known:
                collector.take(body)
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200 if known else 404)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing: what went wrong is seen by what is missing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    collector = Collector(f"http://127.0.0.1:{server.server_port}")
    collector.open.set()
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
