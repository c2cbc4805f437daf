"""Alternating slices of load on both servers and on the network alone, and what they say together.

The machine's speed drifts (other tenants, clock rates), so each figure is compared with the one measured next to it:
a ratio is taken within a pair of slices, and the median over the pairs is reported. Percentiles are over all requests.
"""

from __future__ import annotations

import os
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scripts.bench.child import Child
from scripts.bench.machine import cores
from scripts.bench.processes import Meter
from scripts.bench.servers import Server

SERVERS = ("stack", "reference")
BATCH = 8  # the archives' batchSize
# One client's slices hold enough answers when they are short, and follow the machine's drift more closely.
FINER = 4


@dataclass(frozen=True)
class Case:
    """What is sent: requests for ``models`` in turn (``title`` names them), one image, by so many clients."""

    title: str
    models: tuple[str, ...]
    image: str
    clients: int

    @property
    def batch(self) -> int:
        """Images the network can be given at once: one client has one, many for one model fill a batch."""
        return BATCH if self.clients >= BATCH and len(self.models) == 1 else 1


@dataclass(frozen=True)
class Slice:
    """Some seconds of load on one server.

    Latencies and ``cpu_ms`` (the server's processor time per request) in milliseconds, ``rate`` in requests a second.
    ``generator`` and ``foreign`` are the shares of all cores that the load generator and all other processes used.
    """

    latencies: list[float]
    errors: dict[str, int]
    rate: float
    cpu_ms: float
    generator: float
    foreign: float


@dataclass(frozen=True)
class Bench:
    """Everything that is needed to measure a case: ``pairs`` of slices of ``seconds``.

    ``requests`` are the files of prepared requests by model and image, ``networks`` the unpacked networks by model,
    one for each architecture.
    """

    servers: dict[str, Server]
    generator: Child
    limits: Child
    requests: dict[tuple[str, str], Path]
    networks: dict[str, Path]
    seconds: float
    pairs: int
    rounds: int

    def measure(self, case: Case) -> dict[str, Any]:
        """Measure one case. Returns what the report holds of it."""
        for name in SERVERS:
            self.load(name, case, seconds=0, rounds=1)
        finer = FINER if case.clients == 1 else 1
        pairs = [self._pair(case, self.seconds / finer, odd=bool(number % 2)) for number in range(self.pairs * finer)]
        slices = {name: [pair[name] for pair in pairs] for name in SERVERS}
        networks = [pair["network"] for pair in pairs]
        return {
            "title": case.title,
            "image": case.image,
            "clients": case.clients,
            **{name: together(slices[name]) for name in SERVERS},
            "network": {
                "batch": case.batch,
                "p50": float(np.median(networks)),
                "rate": _rate(case, networks),
                "drift": max(networks) / min(networks),
            },
            "ratios": ratios(slices["stack"], slices["reference"], [_rate(case, [ms]) for ms in networks]),
        }

    def load(self, name: str, case: Case, seconds: float, rounds: int | None = None) -> Slice:
        """Load one server for ``seconds``, and until each client had ``rounds`` answers (default: the run's)."""
        server = self.servers[name]
        ours = [os.getpid(), *(pid for other in self.servers.values() for pid in other.roots)]
        requests = [self.requests[model, case.image] for model in case.models]
        with Meter(ours) as everything, Meter(server.roots) as served:
            tally = self.generator.ask(self._job(name, requests, case.clients, seconds, rounds or self.rounds))
        answered = len(tally["latencies"])
        return Slice(
            latencies=tally["latencies"],
            errors=tally["errors"],
            rate=answered / tally["seconds"],
            cpu_ms=served.cpu * 1000 / max(1, answered),
            generator=tally["cpu"] / everything.capacity,
            foreign=everything.foreign,
        )

    def answer(self, server: str, model: str, image: str) -> str:
        """The body of one prediction."""
        job = self._job(server, [self.requests[model, image]], clients=1, seconds=0, rounds=1)
        return str(self.generator.ask(job)["answer"])

    def network(self, network: Path, batch: int, seconds: float) -> dict[str, float]:
        """The network alone for a batch: its median ``ms``, and ``cpu_ms`` of processor time."""
        job = {"kind": "network", "network": str(network), "batch": batch, "threads": cores(), "seconds": seconds}
        alone = self.limits.ask(job)["result"]
        return {"ms": statistics.median(alone["milliseconds"]), "cpu_ms": alone["cpu_ms"]}

    def _pair(self, case: Case, seconds: float, *, odd: bool) -> dict[str, Any]:
        order = reversed(SERVERS) if odd else SERVERS
        pair: dict[str, Any] = {name: self.load(name, case, seconds) for name in order}
        networks = [self.networks[model] for model in case.models if model in self.networks]
        each = seconds / 2 / len(networks)
        pair["network"] = statistics.mean(self.network(network, case.batch, each)["ms"] for network in networks)
        return pair

    def _job(self, server: str, requests: Sequence[Path], clients: int, seconds: float, rounds: int) -> dict[str, Any]:
        return {
            "port": self.servers[server].port,
            "requests": [str(path) for path in requests],
            "clients": clients,
            "seconds": seconds,
            "rounds": rounds,
        }


def percentiles(latencies: Sequence[float]) -> dict[str, float | None]:
    """p50, p95 and p99 of some latencies; None of none."""
    names = ("p50", "p95", "p99")
    if not latencies:
        return dict.fromkeys(names)
    values = np.percentile(np.asarray(latencies), (50, 95, 99))
    return {name: float(value) for name, value in zip(names, values, strict=True)}


def together(slices: Sequence[Slice]) -> dict[str, Any]:
    """One server's slices as one: percentiles over all requests, medians of the rest."""
    errors: Counter[str] = Counter()
    for one in slices:
        errors.update(one.errors)
    return {
        **percentiles([latency for one in slices for latency in one.latencies]),
        **{key: statistics.median(asdict(one)[key] for one in slices) for key in ("rate", "cpu_ms")},
        **{key: max(asdict(one)[key] for one in slices) for key in ("generator", "foreign")},
        "requests": sum(len(one.latencies) for one in slices),
        "errors": dict(errors),
    }


def ratios(stack: Sequence[Slice], reference: Sequence[Slice], network_rates: Sequence[float]) -> dict[str, Any]:
    """How the stack compares, each a median over pairs.

    ``p50`` and ``rate``: times better than the reference; ``share``: requests a second as a part of the images a
    second of the network alone; ``above_network``: milliseconds of the p50 above it.
    """
    pairs = list(zip(stack, reference, network_rates, strict=True))
    complete = [(one, other, limit) for one, other, limit in pairs if one.latencies and other.latencies]
    if not complete:
        return dict.fromkeys(("p50", "rate", "share", "above_network"))
    return {
        "p50": statistics.median(np.median(b.latencies) / np.median(a.latencies) for a, b, _ in complete),
        "rate": statistics.median(a.rate / b.rate for a, b, _ in complete),
        "share": statistics.median(a.rate / limit for a, _, limit in complete),
        "above_network": statistics.median(np.median(a.latencies) - 1000 / limit for a, _, limit in complete),
    }


def _rate(case: Case, milliseconds: Sequence[float]) -> float:
    return case.batch * 1000 / statistics.median(milliseconds)
