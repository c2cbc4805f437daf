"""Alternating slices of load on the servers and of the pipeline alone, and what they say together.

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
from scripts.precision import EXACT

SERVERS = ("stack", "reference", "peer")
BATCH = 8  # the archives' batchSize
# One client's slices hold enough answers when they are short, and follow the machine's drift more closely.
FINER = 4


@dataclass(frozen=True)
class Case:
    """What is sent: requests for ``models`` in turn (``title`` names them), one image, by so many clients.

    ``precision`` is what the models compute in.
    """

    title: str
    models: tuple[str, ...]
    image: str
    clients: int
    precision: str = EXACT

    @property
    def servers(self) -> dict[str, str]:
        """Which server plays each part: in fewer bits the stack in float32 is what to be better than."""
        if self.precision == EXACT:
            return {part: part for part in SERVERS}
        return {"stack": f"stack {self.precision}", "f32": "stack", "peer": f"peer {self.precision}"}

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

    ``requests`` are the files of prepared requests by model and image, ``images`` the images' own files, ``networks``
    the unpacked networks by precision and model, one for each architecture.
    """

    servers: dict[str, Server]
    generator: Child
    limits: Child
    requests: dict[tuple[str, str], Path]
    images: dict[str, Path]
    networks: dict[str, dict[str, Path]]
    seconds: float
    pairs: int
    rounds: int

    def measure(self, case: Case) -> dict[str, Any]:
        """Measure one case. Returns what the report holds of it."""
        for name in case.servers.values():
            self.load(name, case, seconds=0, rounds=1)
        finer = FINER if case.clients == 1 else 1
        pairs = [self._pair(case, self.seconds / finer, odd=bool(number % 2)) for number in range(self.pairs * finer)]
        slices = {part: [pair[part] for pair in pairs] for part in case.servers}
        rates = [pair["pipeline"] for pair in pairs]
        return {
            "title": case.title,
            "image": case.image,
            "clients": case.clients,
            "precision": case.precision,
            **{part: together(slices[part]) for part in case.servers},
            "pipeline": {
                "batch": case.batch,
                "p50": 1000 / statistics.median(rates),
                "rate": statistics.median(rates),
                "drift": max(rates) / min(rates),
            },
            "ratios": {
                **shares(slices["stack"], rates),
                **{part: ratios(slices["stack"], slices[part]) for part in case.servers if part != "stack"},
            },
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

    def pipeline(self, case: Case, seconds: float) -> float:
        """Images a second of decoding, shrinking and the case's networks, with nothing around them."""
        networks = [self.networks[case.precision][model] for model in case.models if model in self.networks[EXACT]]
        job = {"kind": "pipeline", "image": str(self.images[case.image]), "cores": cores()}
        job |= {"batch": case.batch if case.clients > 1 else 0, "seconds": seconds / len(networks)}
        alone = [self.limits.ask({**job, "network": str(network)})["result"]["milliseconds"] for network in networks]
        return 1000 / float(np.mean(alone))

    def _pair(self, case: Case, seconds: float, *, odd: bool) -> dict[str, Any]:
        parts = list(case.servers.items())
        pair: dict[str, Any] = {part: self.load(name, case, seconds) for part, name in (parts[::-1] if odd else parts)}
        return {**pair, "pipeline": self.pipeline(case, seconds / 2)}

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


def ratios(stack: Sequence[Slice], other: Sequence[Slice]) -> dict[str, float | None]:
    """How many times better the stack is than another server, by ``p50`` and ``rate``: medians over the pairs."""
    pairs = [(one, two) for one, two in zip(stack, other, strict=True) if one.latencies and two.latencies]
    if not pairs:
        return dict.fromkeys(("p50", "rate"))
    return {
        "p50": statistics.median(np.median(b.latencies) / np.median(a.latencies) for a, b in pairs),
        "rate": statistics.median(a.rate / b.rate for a, b in pairs),
    }


def shares(stack: Sequence[Slice], limits: Sequence[float]) -> dict[str, float | None]:
    """The stack beside the pipeline alone, which does ``limits`` images a second: medians over the pairs.

    ``share``: its requests a second as a part of them; ``above_pipeline``: milliseconds of its p50 above an image.
    """
    pairs = [(one, limit) for one, limit in zip(stack, limits, strict=True) if one.latencies]
    if not pairs:
        return dict.fromkeys(("share", "above_pipeline"))
    return {
        "share": statistics.median(one.rate / limit for one, limit in pairs),
        "above_pipeline": statistics.median(float(np.median(one.latencies)) - 1000 / limit for one, limit in pairs),
    }
