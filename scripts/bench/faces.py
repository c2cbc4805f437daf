"""What ``POST /api/v1/faces`` costs beside ``/api/v1/predict``: the same frame, one stack, slices in turn."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from scripts.bench import BenchError
from scripts.bench.child import Child
from scripts.bench.images import predict_request, write_once
from scripts.bench.machine import describe_machine
from scripts.bench.measure import FINER
from scripts.bench.own_stack import first_models, own_stack
from scripts.bench.processes import Meter, cpu_seconds, memory_of
from scripts.bench.servers import Server
from scripts.bench.tables import Table
from scripts.catalogue import load_catalogue
from scripts.pictures.scenes import draw_scene
from scripts.settings import Settings

ROUTES = ("predict", "faces")
CLIENTS = (1, 8)
# One face of a person before a webcam.
_SEED, _SIZE, _SHARE = 41, (640, 480), 0.4


@dataclass(frozen=True)
class Options:
    """For each of the ``architectures`` a case of one client and one of eight, each ``pairs`` of ``seconds``."""

    architectures: tuple[str, ...]
    seconds: float
    pairs: int


@dataclass(frozen=True)
class Slice:
    """Some seconds of one route: median latency (ms), answers a second, processor time for one (ms).

    That is the worker's and that of the whole stack. ``foreign`` is the share of all cores that other processes than
    the stack and the generator used.
    """

    p50: float
    rate: float
    worker_ms: float
    stack_ms: float
    foreign: float


def measure(settings: Settings, options: Options, say: Callable[[str], None]) -> dict[str, Any]:
    """Start a stack and measure; all that is written lies in ``RUN_DIR/bench``. Raises BenchError."""
    directory = settings.run_dir / "bench"
    first = first_models(load_catalogue(settings.catalogue))
    frame = draw_scene(_SEED, size=_SIZE, shares=(_SHARE,)).jpeg(quality=80)
    with ExitStack() as servers:
        generator = servers.enter_context(Child("scripts.bench.generator", directory / "logs" / "generator.log"))
        server = servers.enter_context(own_stack(settings, say))
        cases = []
        for architecture in options.architectures:
            bench = _Bench(generator, server, _requests(directory / "requests", frame, first[architecture].name))
            worker = next(pid for pid, name in server.names.items() if name == f"worker {first[architecture].name}")
            say(first[architecture].name)
            cases += bench.cases(architecture, worker, options)
    return {"machine": describe_machine(), "options": asdict(options), "cases": cases}


def table(result: dict[str, Any]) -> Table:
    """The cases for people."""
    headings = ("", "clients", "predict, p50", "faces, p50", "more", "rate", "processor time", "memory", "others")
    rows = [
        (
            case["architecture"],
            str(case["clients"]),
            f"{case['predict']['p50']:.1f} ms",
            f"{case['faces']['p50']:.1f} ms",
            f"{case['more_ms']:+.1f} ms",
            f"{case['rate']:.0%}",
            f"{case['predict']['stack_ms']:.1f}, {case['faces']['stack_ms']:.1f} ms",
            f"{case['more_mb']:+.0f} MB",
            f"{case['faces']['foreign']:.0%}",
        )
        for case in result["cases"]
    ]
    return Table("Finding the faces of a 640×480 frame with one face", headings, rows)


@dataclass(frozen=True)
class _Bench:
    generator: Child
    server: Server
    requests: dict[str, Path]

    def cases(self, architecture: str, worker: int, options: Options) -> list[dict[str, Any]]:
        """One client and eight; what the worker holds more is measured before its first faces and after both cases."""
        for clients in CLIENTS:  # as long as the slices: a worker's memory grows by its first hundreds of predictions
            self.load("predict", clients, worker, options.seconds, rounds=8)
        before = _kept(worker)
        cases = [self.case(clients, worker, options) for clients in CLIENTS]
        more = _kept(worker) - before
        return [{"architecture": architecture, **case, "more_mb": more} for case in cases]

    def case(self, clients: int, worker: int, options: Options) -> dict[str, Any]:
        """Slices of both routes in turn; ``more_ms`` and ``rate`` are medians over pairs."""
        self.load("faces", clients, worker, seconds=0, rounds=8)
        finer = FINER if clients == 1 else 1
        pairs = []
        for number in range(options.pairs * finer):
            order = reversed(ROUTES) if number % 2 else ROUTES
            pairs.append({route: self.load(route, clients, worker, options.seconds / finer) for route in order})
        return {
            "clients": clients,
            **{route: _medians([pair[route] for pair in pairs]) for route in ROUTES},
            "more_ms": statistics.median(pair["faces"].p50 - pair["predict"].p50 for pair in pairs),
            "rate": statistics.median(pair["faces"].rate / pair["predict"].rate for pair in pairs),
        }

    def load(self, route: str, clients: int, worker: int, seconds: float, rounds: int = 3) -> Slice:
        """Load one route; raises BenchError if anything but 200 is answered."""
        job = {"port": self.server.port, "requests": [str(self.requests[route])], "clients": clients}
        before = cpu_seconds([worker])
        roots = self.server.roots
        with Meter([*roots, os.getpid()]) as everything, Meter(roots) as stack:
            tally = self.generator.ask({**job, "seconds": seconds, "rounds": rounds})
        answered = len(tally["latencies"])
        if tally["errors"] or not answered:
            raise BenchError(f"/api/v1/{route} answered {tally['errors'] or 'nothing'}: {tally['answer'][:300]}")
        return Slice(
            p50=statistics.median(tally["latencies"]),
            rate=answered / tally["seconds"],
            worker_ms=(cpu_seconds([worker]) - before) * 1000 / answered,
            stack_ms=stack.cpu * 1000 / answered,
            foreign=everything.foreign,
        )


def _requests(directory: Path, frame: bytes, model: str) -> dict[str, Path]:
    return {
        route: write_once(directory / f"{model}-{route}.http", predict_request(frame, model, f"/api/v1/{route}"))
        for route in ROUTES
    }


def _medians(slices: list[Slice]) -> dict[str, float]:
    return {key: statistics.median(asdict(one)[key] for one in slices) for key in asdict(slices[0])}


def _kept(worker: int) -> float:
    """Megabytes of a process that cannot be dropped."""
    found = memory_of(psutil.Process(worker))
    if found is None:
        raise BenchError("a worker ended while it was measured; see the stack's logs")
    return found.kept
