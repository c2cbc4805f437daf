"""Does the crowd come back when it should, and is everything counted that it hears?"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from scripts.bench import overload
from scripts.bench.child import Child

ANSWER = b"{}"


class Refusing(BaseHTTPRequestHandler):
    """Refuses each address for a second, and says so; one that comes back then is answered."""

    protocol_version = "HTTP/1.1"
    first: dict[str, float]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        began = self.first.setdefault(self.client_address[0], time.monotonic())
        refused = time.monotonic() - began < 0.9
        self.send_response(503 if refused else 200)
        if refused:
            self.send_header("Retry-After", "1")
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, *_: Any) -> None:
        """Nothing: a test's output is its own."""


@contextmanager
def refusing() -> Iterator[int]:
    handler = type("Handler", (Refusing,), {"first": {}})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield int(server.server_address[1])
        server.shutdown()


@pytest.fixture
def crowd(directory: Path) -> Iterator[Child]:
    with Child("scripts.bench.crowd", directory / "crowd.log") as child:
        yield child


def test_the_patient_come_back_when_they_are_told_and_the_others_do_not(crowd: Child, request_file: Path) -> None:
    job = {"request": str(request_file), "clients": 6, "patient": 2, "seconds": 2.0, "settling": 0.0, "pause": 0.05}
    with refusing() as port:
        tally = crowd.ask({"port": port, **job})
    assert (tally["told"], tally["returns"], tally["kept"]) == ([1, 1], 2, 2)
    # The first of each; what four of them hear then, they hear since they came too soon.
    assert len(tally["refused"]) == 6
    assert len(tally["held"]) >= 4
    assert len(tally["answered"]) >= 6
    assert tally["errors"] == {}


def test_a_client_after_those_who_left_asks_until_it_is_answered(crowd: Child, request_file: Path) -> None:
    with refusing() as port:
        told = crowd.ask({"port": port, "request": str(request_file), "leaving": 5, "stay": 0.1})
    assert told["milliseconds"] >= 1000


def test_the_table_has_what_was_measured() -> None:
    few = {"rate": 10.0, "ratio": 1.0, "answered": {"p50": 800.0, "p99": 900.0, "count": 99}, "refused": None}
    few |= {"told": [], "returns": 0, "kept": 0, "errors": {}, "foreign": 0.1, "cpu_ms": 95.0}
    many = few | {
        "ratio": 0.95,
        "refused": {"p50": 1.26, "p99": 3.0, "count": 40},
        "told": [1, 7],
        "errors": {"504": 2},
    }
    parts = {overload.CALM: few, "150, at once": many | {"returns": 9, "kept": 8}}
    case = {"architecture": "VGG19", "parts": parts, "leaving": {"milliseconds": 640.0, "batches": 1.1}}
    crowds, leaving = overload.tables({"cases": [case]})
    assert crowds.rows == [
        ("VGG19, 8 clients", "10.0", "100%", "95.0 ms", "0.8, 0.9 s", "–", "–", "–", "0", "10%"),
        (
            "VGG19, 150, at once",
            "10.0",
            "95%",
            "95.0 ms",
            "0.8, 0.9 s",
            "1.3, 3.0 ms",
            "1 to 7 s",
            "8 of 9",
            "2",
            "10%",
        ),
    ]
    assert leaving.rows == [("VGG19", "640 ms", "1.10")]
