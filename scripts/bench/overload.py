"""What a model still answers when far more ask than it can answer, beside a few clients: one stack, slices in turn."""

from __future__ import annotations

import os
import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scripts.bench.child import Child
from scripts.bench.images import image_bytes, predict_request, write_once
from scripts.bench.machine import describe_machine
from scripts.bench.measure import BATCH
from scripts.bench.own_stack import first_models, own_stack
from scripts.bench.processes import Meter
from scripts.bench.servers import Server
from scripts.bench.tables import Table
from scripts.catalogue import load_catalogue
from scripts.settings import Settings

FEW = 8
LEAVING = 60
_STAY = 0.1
# Some of the crowd come back as they are told, to see whether they are answered then.
_PATIENT = 10
CALM = "8 clients"


@dataclass(frozen=True)
class Options:
    """For each of the ``architectures`` ``rounds`` of slices of ``seconds``, with so many ``clients`` in a crowd."""

    architectures: tuple[str, ...]
    seconds: float
    rounds: int
    clients: int


def measure(settings: Settings, options: Options, say: Callable[[str], None]) -> dict[str, Any]:
    """Start a stack and measure; all that is written lies in ``RUN_DIR/bench``. Raises BenchError."""
    directory = settings.run_dir / "bench"
    first = first_models(load_catalogue(settings.catalogue))
    with ExitStack() as servers:
        crowd = servers.enter_context(Child("scripts.bench.crowd", directory / "logs" / "crowd.log"))
        server = servers.enter_context(own_stack(settings, say))
        cases = []
        for architecture in options.architectures:
            say(first[architecture].name)
            content = predict_request(image_bytes("frame"), first[architecture].name)
            request = write_once(directory / "requests" / f"{first[architecture].name}-frame.http", content)
            cases.append({"architecture": architecture, **_Bench(crowd, server, request, options, say).case()})
    return {"machine": describe_machine(), "options": asdict(options), "cases": cases}


def tables(result: dict[str, Any]) -> list[Table]:
    """The cases for people."""
    headings = ("", "answers/s", "of 8 clients'", "processor time", "p50, p99", "refused in, p50, p99", "told", "kept")
    crowds = Table("More clients than a model can answer", (*headings, "failed", "others"), _crowd_rows(result))
    rows = [
        (case["architecture"], f"{case['leaving']['milliseconds']:.0f} ms", f"{case['leaving']['batches']:.2f}")
        for case in result["cases"]
    ]
    title = f"One client, after {LEAVING} others left within {_STAY:g} s"
    return [crowds, Table(title, ("", "answered in", "times a batch"), rows)]


def _crowd_rows(result: dict[str, Any]) -> list[tuple[str, ...]]:
    return [
        (
            f"{case['architecture']}, {name}",
            f"{part['rate']:.1f}",
            f"{part['ratio']:.0%}",
            f"{part['cpu_ms']:.1f} ms",
            _both(part["answered"], 1000, "s"),
            _both(part["refused"], 1, "ms"),
            f"{part['told'][0]} to {part['told'][1]} s" if part["told"] else "–",
            f"{part['kept']} of {part['returns']}" if part["returns"] else "–",
            f"{sum(part['errors'].values())}",
            f"{part['foreign']:.0%}",
        )
        for case in result["cases"]
        for name, part in case["parts"].items()
    ]


@dataclass(frozen=True)
class _Bench:
    crowd: Child
    server: Server
    request: Path
    options: Options
    say: Callable[[str], None]

    def case(self) -> dict[str, Any]:
        """Slices of all parts in turn; ``ratio`` is the median over the rounds of a rate against that of 8 clients."""
        parts = self._parts()
        self._slice({**parts[CALM], "seconds": 1.0, "settling": 0.0})
        rounds = []
        for number in range(self.options.rounds):
            names = list(parts) if number % 2 == 0 else list(reversed(parts))
            rounds.append({name: self._said(name, parts[name]) for name in names})
        rates = [one[CALM]["rate"] for one in rounds]
        found = {name: _together([one[name] for one in rounds], rates) for name in parts}
        return {"parts": found, "leaving": self._leaving(statistics.median(rates))}

    def _said(self, name: str, job: dict[str, Any]) -> dict[str, Any]:
        found = self._slice(job)
        self.say(f"  {name}: {found['rate']:.1f} answers a second")
        return found

    def _parts(self) -> dict[str, dict[str, Any]]:
        seconds, many = self.options.seconds, self.options.clients
        every = {"port": self.server.port, "request": str(self.request), "seconds": seconds, "settling": seconds / 4}
        crowd = {**every, "clients": many, "patient": min(_PATIENT, many)}
        return {
            CALM: {**every, "clients": FEW, "together": True},
            f"{many}, at once": crowd,
            f"{many} of one address": {**crowd, "together": True},
            f"{many}, when told": {**crowd, "patient": many},
        }

    def _slice(self, job: dict[str, Any]) -> dict[str, Any]:
        with Meter([*self.server.roots, os.getpid()]) as everything, Meter(self.server.roots) as stack:
            tally = self.crowd.ask(job)
        return {
            **tally,
            "rate": len(tally["answered"]) / (job["seconds"] - job["settling"]),
            "cpu_ms": stack.cpu * 1000 / max(1, tally["all"]),
            "foreign": everything.foreign,
        }

    def _leaving(self, rate: float) -> dict[str, float]:
        job = {"port": self.server.port, "request": str(self.request), "leaving": LEAVING, "stay": _STAY}
        milliseconds = statistics.median(self.crowd.ask(job)["milliseconds"] for _ in range(self.options.rounds))
        return {"milliseconds": milliseconds, "batches": milliseconds / 1000 * rate / BATCH}


def _together(slices: Sequence[dict[str, Any]], calm: Sequence[float]) -> dict[str, Any]:
    """The slices of one part as one: percentiles over all requests, medians of the rates."""
    every = {name: [value for one in slices for value in one[name]] for name in ("answered", "refused", "held", "told")}
    errors: Counter[str] = Counter()
    for one in slices:
        errors.update(one["errors"])
    return {
        **{name: statistics.median(one[name] for one in slices) for name in ("rate", "cpu_ms")},
        "ratio": statistics.median(one["rate"] / rate for one, rate in zip(slices, calm, strict=True)),
        **{name: _percentiles(every[name]) for name in ("answered", "refused", "held")},
        "told": [min(every["told"]), max(every["told"])] if every["told"] else [],
        **{name: sum(one[name] for one in slices) for name in ("returns", "kept")},
        "errors": dict(errors),
        "foreign": max(one["foreign"] for one in slices),
    }


def _percentiles(values: Sequence[float]) -> dict[str, float] | None:
    if not values:
        return None
    p50, p99 = np.percentile(values, [50, 99])
    return {"p50": float(p50), "p99": float(p99), "count": len(values)}


def _both(found: dict[str, float] | None, divisor: float, unit: str) -> str:
    return "–" if found is None else f"{found['p50'] / divisor:.1f}, {found['p99'] / divisor:.1f} {unit}"
