"""One run of the benchmark, from the servers' start to the figures."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from rich.console import Console

from scripts.bench import BenchError
from scripts.bench.breakdown import Breakdown
from scripts.bench.build_time import BUILD, build_seconds
from scripts.bench.child import Child
from scripts.bench.images import IMAGES, image_bytes, predict_request, write_once
from scripts.bench.limits import unpack_network
from scripts.bench.machine import cores, describe_machine
from scripts.bench.measure import BATCH, Bench, Case, percentiles
from scripts.bench.processes import memory
from scripts.bench.servers import (
    Server,
    null_server,
    project_stack,
    reference_backend,
    run_command,
    stack_environment,
    stack_settings,
)
from scripts.catalogue import Model, load_catalogue
from scripts.settings import Settings

MIXED = "all models"


@dataclass(frozen=True)
class Options:
    """What to measure.

    A case is ``pairs`` of slices of ``seconds``, each with at least ``rounds`` answers a client; ``load`` and ``build``
    say whether to measure these at all.
    """

    architectures: tuple[str, ...]
    clients: tuple[int, ...]
    seconds: float
    pairs: int
    rounds: int
    load: bool
    build: bool


class Run:
    """A run with the user's ``settings``; all it writes lies in ``RUN_DIR/bench``."""

    def __init__(self, settings: Settings, options: Options, console: Console) -> None:
        self._directory = settings.run_dir / "bench"
        self._settings = stack_settings(settings, self._directory / "stack")
        self._options = options
        self._console = console
        self._models = load_catalogue(settings.catalogue)

    def measure(self) -> dict[str, Any]:
        """Measure everything that the options ask for."""
        self._say("Building the archives, unless they are up to date")
        run_command(BUILD, stack_environment(self._settings), self._log("build"))
        result: dict[str, Any] = {
            "date": datetime.now(timezone.utc).date().isoformat(),
            "options": asdict(self._options),
            "machine": describe_machine(),
            "stand_ins": self._stand_ins(),
        }
        requests = self._write_requests()
        with ExitStack() as servers:
            generator = servers.enter_context(Child("scripts.bench.generator", self._log("generator")))
            result["generator"] = self._check_generator(generator, requests)
            bench = self._start(servers, generator, requests, result)
            result["answers"] = self._compare_answers(bench)
            result["limits"] = self._limits(bench)
            result["cases"] = [self._measure(bench, case) for case in self._cases()]
            result["breakdown"] = self._break_down(bench)
        if self._options.build:
            self._say("Building all archives from nothing, then one whose checkpoint changed")
            result["build"] = build_seconds(self._settings, self._directory / "build", self._log("build"))
        return result

    def _start(
        self,
        servers: ExitStack,
        generator: Child,
        requests: dict[tuple[str, str], Path],
        result: dict[str, Any],
    ) -> Bench:
        """Start both servers, one after the other so that each one's memory is measured without the other."""
        started: dict[str, Server] = {}
        bench = Bench(
            servers=started,
            generator=generator,
            limits=servers.enter_context(Child("scripts.bench.limits", self._log("limits"))),
            requests=requests,
            networks=self._unpack_networks(),
            seconds=self._options.seconds,
            pairs=self._options.pairs,
            rounds=self._options.rounds,
        )
        for name, start in (("stack", project_stack), ("reference", reference_backend)):
            self._say(f"Starting the {name}")
            started[name] = servers.enter_context(start(self._settings, self._log(name)))
            for model in self._models:
                # Twice, since a worker prepares for batches beside the first one.
                bench.load(name, Case(model, (model,), "frame", BATCH), seconds=0, rounds=2)
            result.setdefault("start", {})[name] = started[name].start_seconds
            processes = memory(started[name].roots, started[name].names)
            result.setdefault("memory", {})[name] = [asdict(process) for process in processes]
        return bench

    def _cases(self) -> Iterator[Case]:
        if not self._options.load:
            return
        for model in self._chosen():
            for clients in self._options.clients:
                yield Case(model.architecture, (model.name,), "frame", clients)
        for clients in self._options.clients:
            yield Case(MIXED, tuple(self._models), "frame", clients)
        for image in ("small", "photo"):
            for model in self._chosen():
                yield Case(model.architecture, (model.name,), image, self._options.clients[0])

    def _chosen(self) -> list[Model]:
        """The models that stand for the architectures to measure."""
        first = self._first()
        return [first[architecture] for architecture in self._options.architectures if architecture in first]

    def _first(self) -> dict[str, Model]:
        """The first model of each architecture; the others compute the same."""
        return {model.architecture: model for model in reversed(self._models.values())}

    def _measure(self, bench: Bench, case: Case) -> dict[str, Any]:
        self._say(f"{case.title}, {IMAGES[case.image]}, {case.clients} clients")
        return bench.measure(case)

    def _break_down(self, bench: Bench) -> dict[str, Any]:
        self._say("Where a request's time goes")
        image = write_once(self._directory / "frame.jpg", image_bytes("frame"))
        breakdown = Breakdown(bench, self._settings, image, self._directory / "requests")
        return {model.architecture: breakdown.measure(model) for model in self._chosen()}

    def _limits(self, bench: Bench) -> dict[str, Any]:
        """The best a matrix product and the networks reach here."""
        self._say("The machine's limits")
        seconds = self._options.seconds
        networks = {
            model.architecture: {
                str(batch): bench.network(bench.networks[model.name], batch, seconds)["ms"] for batch in (1, BATCH)
            }
            for model in self._chosen()
        }
        return {"gemm": bench.limits.ask({"kind": "gemm", "seconds": seconds})["result"], "networks": networks}

    def _check_generator(self, generator: Child, requests: dict[tuple[str, str], Path]) -> dict[str, Any]:
        """Its rate, latency and share of all cores against a server that does nothing."""
        self._say("What the load generator itself can do")
        path = requests[next(iter(self._models)), "frame"]
        with null_server(self._settings, self._directory / "null") as port:
            job = {"port": port, "requests": [str(path)], "clients": BATCH, "seconds": self._options.seconds}
            start = time.perf_counter()
            tally = generator.ask(job)
            capacity = (time.perf_counter() - start) * cores()
        return {
            **percentiles(tally["latencies"]),
            "rate": len(tally["latencies"]) / tally["seconds"],
            "share": tally["cpu"] / capacity,
            "cpu_ms": tally["cpu"] * 1000 / max(1, len(tally["latencies"])),
            "request_bytes": path.stat().st_size,
            "errors": tally["errors"],
        }

    def _compare_answers(self, bench: Bench) -> dict[str, float]:
        """Largest difference of a probability between the servers, by image, over all models."""
        self._say("Comparing the answers")
        return {image: max(self._difference(bench, model, image) for model in self._models) for image in IMAGES}

    def _difference(self, bench: Bench, model: str, image: str) -> float:
        answers = [json.loads(bench.answer(name, model, image)) for name in bench.servers]
        for answer in answers:
            if not answer.get("success"):
                raise BenchError(f"{model}: no prediction of the {IMAGES[image]}: {answer}")
        one, other = (answer["predictions"] for answer in answers)
        return float(max(abs(one[label] - other[label]) for label in one))

    def _write_requests(self) -> dict[tuple[str, str], Path]:
        requests = {}
        for image in IMAGES:
            data = image_bytes(image)
            for name, model in self._models.items():
                path = self._directory / "requests" / f"{model.archive_name}-{image}.http"
                requests[name, image] = write_once(path, predict_request(data, name))
        return requests

    def _unpack_networks(self) -> dict[str, Path]:
        directory, store = self._directory / "networks", self._settings.model_store
        return {
            model.name: unpack_network(store / model.archive_file, directory / model.archive_name)
            for model in self._first().values()
        }

    def _stand_ins(self) -> bool:
        index = json.loads(self._settings.index_file.read_text())
        return any(index[name]["stand_in"] for name in self._models)

    def _log(self, name: str) -> Path:
        return self._directory / "logs" / f"{name}.log"

    def _say(self, text: str) -> None:
        self._console.print(f"[dim]{datetime.now():%H:%M:%S}[/] {text}")
