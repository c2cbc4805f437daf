"""Where one request's time goes: each part measured by itself, the rest by subtraction."""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.bench.images import predict_request, raw_request, write_once
from scripts.bench.measure import BATCH, FINER, Bench, Case
from scripts.bench.processes import cpu_seconds
from scripts.catalogue import Model
from scripts.precision import EXACT
from scripts.settings import Settings


@dataclass(frozen=True)
class Breakdown:
    """Takes requests apart; ``image`` is a file with the frame, requests are written into ``directory``."""

    bench: Bench
    settings: Settings
    image: Path
    directory: Path

    def measure(self, model: Model) -> dict[str, Any]:
        """Both views of one model."""
        return {"latency": self.latency(model), "cpu": self.cpu(model)}

    def latency(self, model: Model) -> dict[str, float]:
        """Milliseconds of one client's request by part.

        ``decode`` and ``resize`` are the handler's own functions, ``network`` is the network alone, ``torchserve`` is
        what a request sent straight to TorchServe takes besides, ``proxy`` what one through the proxy takes more.
        """
        samples = [self._sample(model) for _ in range(self.bench.pairs * FINER)]
        return {part: statistics.median(sample[part] for sample in samples) for part in samples[0]}

    def cpu(self, model: Model) -> dict[str, float]:
        """Milliseconds of processor time per request at 8 clients, by process.

        ``network`` is the part of the worker's that the network alone takes for as many images.
        """
        case = Case(model.architecture, (model.name,), "frame", BATCH)
        before = self._spent(model)
        answered = len(self.bench.load("stack", case, self.bench.seconds).latencies)
        spent = self._spent(model)
        network = self.bench.network(self.bench.networks[EXACT][model.name], BATCH, self.bench.seconds / 2)
        per_request = {part: (spent[part] - before[part]) * 1000 / max(1, answered) for part in spent}
        return {"network": network["cpu_ms"] / BATCH, **per_request}

    def _spent(self, model: Model) -> dict[str, float]:
        names = self.bench.servers["stack"].names
        spent = {name: cpu_seconds([pid]) for pid, name in names.items()}
        workers = sum(seconds for name, seconds in spent.items() if name.startswith("worker "))
        return {
            "worker": spent[f"worker {model.name}"],
            "torchserve": spent["torchserve"] - workers,  # they are its children
            "proxy": spent["proxy"],
        }

    def _sample(self, model: Model) -> dict[str, float]:
        through, straight = self._through(model), self._straight(model)
        network = self.bench.network(self.bench.networks[EXACT][model.name], 1, self.bench.seconds / 2 / FINER)["ms"]
        job = {"kind": "image", "path": str(self.image), "seconds": self.bench.seconds / 8 / FINER}
        steps = self.bench.limits.ask(job)["result"]
        return {
            "decode": steps["decode"],
            "resize": steps["all"] - steps["decode"],
            "network": network,
            "torchserve": straight - network - steps["all"],
            "proxy": through - straight,
        }

    def _through(self, model: Model) -> float:
        return self._latency(self.settings.port, model, predict_request(self.image.read_bytes(), model.name))

    def _straight(self, model: Model) -> float:
        key = json.loads(self.settings.key_file.read_text())["inference"]["key"]
        request = raw_request(self.image.read_bytes(), model.archive_name, key)
        return self._latency(self.settings.inference_port, model, request)

    def _latency(self, port: int, model: Model, request: bytes) -> float:
        path = write_once(self.directory / f"{model.archive_name}-{port}.http", request)
        seconds = self.bench.seconds / 2 / FINER
        job = {"port": port, "requests": [str(path)], "clients": 1, "seconds": seconds}
        return float(statistics.median(self.bench.generator.ask(job)["latencies"]))
